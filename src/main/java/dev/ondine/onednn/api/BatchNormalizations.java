package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;
import java.util.Set;

/**
 * Batch normalization: y = scale·(x − mean)/√(variance + ε) + shift, per channel. Mean, variance, scale and shift are
 * float32 vectors of one value a channel whatever the type of the tensors; the variance is the biased one.
 */
public final class BatchNormalizations {
    private BatchNormalizations() {}

    /**
     * The result. Arguments: SRC, SCALE, SHIFT → DST; MEAN and VARIANCE are results in training, inputs with
     * {@link NormalizationFlag#USE_GLOBAL_STATS}; WORKSPACE is a result in training with
     * {@link NormalizationFlag#FUSE_NORM_RELU}. May run in place.
     *
     * @param propagation forward, for training or inference
     * @param epsilon is added to the variance
     */
    public static PrimitiveRequest forward(
            Propagation propagation,
            MemoryDescriptor src,
            MemoryDescriptor dst,
            float epsilon,
            Set<NormalizationFlag> flags,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "batch_normalization " + propagation,
                List.of(new Operand("src", src), new Operand("dst", dst)),
                "flags " + flags,
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_batch_normalization_forward_primitive_desc_create(
                        out,
                        engine,
                        propagation.code(),
                        src.handle(),
                        dst.handle(),
                        epsilon,
                        NormalizationFlag.bits(flags),
                        attributes.handle()));
    }

    /**
     * The gradients. Arguments: SRC, MEAN, VARIANCE, DIFF_DST, SCALE, WORKSPACE → DIFF_SRC, DIFF_SCALE, DIFF_SHIFT.
     *
     * @param propagation {@link Propagation#BACKWARD}, or {@link Propagation#BACKWARD_DATA} without the gradients of
     *     scale and shift
     * @param epsilon the forward's
     * @param flags the forward's
     * @param hint the forward pass, made for training
     */
    public static PrimitiveRequest backward(
            Propagation propagation,
            MemoryDescriptor diffSrc,
            MemoryDescriptor diffDst,
            MemoryDescriptor src,
            float epsilon,
            Set<NormalizationFlag> flags,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "batch_normalization " + propagation,
                List.of(new Operand("diff_src", diffSrc), new Operand("diff_dst", diffDst), new Operand("src", src)),
                "flags " + flags,
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_batch_normalization_backward_primitive_desc_create(
                        out,
                        engine,
                        propagation.code(),
                        diffSrc.handle(),
                        diffDst.handle(),
                        src.handle(),
                        epsilon,
                        NormalizationFlag.bits(flags),
                        hint.handle(),
                        attributes.handle()));
    }
}
