package dev.ondine.backend;

/** A plan was asked for in a {@link Precision} that this machine has nothing for. The message says what it lacks and what to do. */
public final class UnsupportedPrecisionException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    /** With what the processor lacks, and what to take instead. */
    public UnsupportedPrecisionException(String message) {
        super(message);
    }
}
