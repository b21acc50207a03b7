package dev.ondine.backend;

import java.io.Serial;

/** A backend that cannot work on this machine: its library is missing, of a wrong version or not for this platform. Says what to do. */
public class BackendUnavailableException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1;

    /** With what is missing, and what to do about it. */
    public BackendUnavailableException(String message) {
        super(message);
    }

    /** With what is missing, and what made it so. */
    public BackendUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
