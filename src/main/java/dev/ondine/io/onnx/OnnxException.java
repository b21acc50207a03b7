package dev.ondine.io.onnx;

import java.io.IOException;

/**
 * An ONNX file, or a tensor file of its kin, that is damaged, breaks the format, or holds what is not supported; the message names the
 * file and the place.
 */
public final class OnnxException extends IOException {
    private static final long serialVersionUID = 1L;

    OnnxException(String message) {
        super(message);
    }

    OnnxException(String message, Throwable cause) {
        super(message, cause);
    }
}
