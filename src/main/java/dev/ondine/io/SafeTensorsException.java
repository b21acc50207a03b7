package dev.ondine.io;

import java.io.IOException;

/**
 * A safetensors file that is damaged, breaks the format, or holds what is not supported; the message names file and
 * tensor.
 */
public final class SafeTensorsException extends IOException {
    private static final long serialVersionUID = 1L;

    SafeTensorsException(String message) {
        super(message);
    }

    SafeTensorsException(String message, Throwable cause) {
        super(message, cause);
    }
}
