package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;
import java.util.Locale;

/** What a primitive is for: the direction, and whether a forward pass keeps what its backward pass will need. */
public enum Propagation {
    FORWARD_TRAINING(dnnl_h.dnnl_forward_training()),
    FORWARD_INFERENCE(dnnl_h.dnnl_forward_inference()),
    /** Gradients of the input and of the parameters. */
    BACKWARD(dnnl_h.dnnl_backward()),
    /** Gradient of the input only. */
    BACKWARD_DATA(dnnl_h.dnnl_backward_data()),
    /** Gradients of the parameters only. */
    BACKWARD_WEIGHTS(dnnl_h.dnnl_backward_weights());

    private final int code;

    Propagation(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    /** {@code forward_training}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
