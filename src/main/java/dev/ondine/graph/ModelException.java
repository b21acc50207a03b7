package dev.ondine.graph;

import java.io.Serial;

/** A model that cannot be built or run: names the layer by its path, what does not fit, and what would. */
public final class ModelException extends IllegalArgumentException {
    @Serial
    private static final long serialVersionUID = 1;

    /** A message for the layer at {@code path}; an empty path is the model itself. */
    public ModelException(String path, String message, Throwable cause) {
        super((path.isEmpty() ? "model" : path) + ": " + message, cause);
    }

    /** With the layer that is wrong, by its path, and what is wrong with it. */
    public ModelException(String path, String message) {
        this(path, message, null);
    }
}
