package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;
import java.util.Set;

/** What a normalization primitive uses and fuses. */
public enum NormalizationFlag {
    /** Mean and variance are inputs instead of being computed from the batch. */
    USE_GLOBAL_STATS(dnnl_h.dnnl_use_global_stats()),
    /** Multiplies with a scale (γ). */
    USE_SCALE(dnnl_h.dnnl_use_scale()),
    /** Adds a shift (β). */
    USE_SHIFT(dnnl_h.dnnl_use_shift()),
    /** A ReLU follows; in training it leaves its mask in the workspace. */
    FUSE_NORM_RELU(dnnl_h.dnnl_fuse_norm_relu());

    private final int bit;

    NormalizationFlag(int bit) {
        this.bit = bit;
    }

    static int bits(Set<NormalizationFlag> flags) {
        int bits = dnnl_h.dnnl_normalization_flags_none();
        for (NormalizationFlag flag : flags) bits |= flag.bit;
        return bits;
    }
}
