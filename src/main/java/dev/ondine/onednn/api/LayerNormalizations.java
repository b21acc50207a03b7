package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;
import java.util.Set;

/**
 * Layer normalization over the last axis. Scale and shift are float32 vectors of its extent.
 */
public final class LayerNormalizations {
    private LayerNormalizations() {}

    /**
     * The result. Arguments: SRC, SCALE, SHIFT → DST, MEAN, VARIANCE.
     *
     * @param propagation forward, for training or inference
     * @param statistics the layout of mean and variance: the shape without its last axis
     * @param epsilon is added to the variance
     */
    public static PrimitiveRequest forward(
            Propagation propagation,
            MemoryDescriptor src,
            MemoryDescriptor dst,
            MemoryDescriptor statistics,
            float epsilon,
            Set<NormalizationFlag> flags,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "layer_normalization " + propagation,
                List.of(new Operand("src", src), new Operand("dst", dst), new Operand("statistics", statistics)),
                "flags " + flags,
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_layer_normalization_forward_primitive_desc_create(
                        out,
                        engine,
                        propagation.code(),
                        src.handle(),
                        dst.handle(),
                        statistics.handle(),
                        epsilon,
                        NormalizationFlag.bits(flags),
                        attributes.handle()));
    }

    /**
     * The gradients. Arguments: SRC, MEAN, VARIANCE, DIFF_DST, SCALE → DIFF_SRC, DIFF_SCALE, DIFF_SHIFT.
     *
     * @param propagation {@link Propagation#BACKWARD}, or {@link Propagation#BACKWARD_DATA} without the gradients of
     *     scale and shift
     * @param statistics the layout of mean and variance: the shape without its last axis
     * @param epsilon the forward's
     * @param flags the forward's
     * @param hint the forward pass, made for training
     */
    public static PrimitiveRequest backward(
            Propagation propagation,
            MemoryDescriptor diffSrc,
            MemoryDescriptor diffDst,
            MemoryDescriptor src,
            MemoryDescriptor statistics,
            float epsilon,
            Set<NormalizationFlag> flags,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "layer_normalization " + propagation,
                List.of(
                        new Operand("diff_src", diffSrc),
                        new Operand("diff_dst", diffDst),
                        new Operand("src", src),
                        new Operand("statistics", statistics)),
                "flags " + flags,
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_layer_normalization_backward_primitive_desc_create(
                        out,
                        engine,
                        propagation.code(),
                        diffSrc.handle(),
                        diffDst.handle(),
                        src.handle(),
                        statistics.handle(),
                        epsilon,
                        NormalizationFlag.bits(flags),
                        hint.handle(),
                        attributes.handle()));
    }
}
