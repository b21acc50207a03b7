package dev.ondine.onednn.api;

import dev.ondine.backend.BackendUnavailableException;

/**
 * oneDNN's library could not be loaded: it is missing, not oneDNN, too old or not for this platform. The message has
 * the cure.
 */
public final class OneDnnUnavailableException extends BackendUnavailableException {
    private static final long serialVersionUID = 1L;

    OneDnnUnavailableException(String message) {
        super(message);
    }

    OneDnnUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
