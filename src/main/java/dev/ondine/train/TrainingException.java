package dev.ondine.train;

import java.io.Serial;

/** Training that cannot go on: numbers that are no numbers any more. Says in which step, at which layer, and what may help. */
public final class TrainingException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    /** With what happened, in which step, and where. */
    public TrainingException(String message) {
        super(message);
    }
}
