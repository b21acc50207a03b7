package dev.ondine.data;

import java.io.Serial;

/** A data set that cannot be read: the message names the file, where in it, what is wrong and what would be right. */
public final class DataException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1L;

    /** With what is wrong, and where. */
    public DataException(String message) {
        super(message);
    }

    /** With what is wrong, where, and what showed it. */
    public DataException(String message, Throwable cause) {
        super(message, cause);
    }
}
