package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;
import java.util.Set;

/**
 * Group normalization: as batch normalization, but mean and variance are those of a group of channels of one image,
 * (batch, groups).
 */
public final class GroupNormalizations {
    private GroupNormalizations() {}

    /**
     * The result. Arguments: SRC, SCALE, SHIFT → DST, MEAN, VARIANCE.
     *
     * @param propagation forward, for training or inference
     * @param groups how many groups the channels are divided into
     * @param epsilon is added to the variance
     */
    public static PrimitiveRequest forward(
            Propagation propagation,
            MemoryDescriptor src,
            MemoryDescriptor dst,
            long groups,
            float epsilon,
            Set<NormalizationFlag> flags,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "group_normalization " + propagation,
                List.of(new Operand("src", src), new Operand("dst", dst)),
                "groups " + groups + ", " + "flags " + flags,
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_group_normalization_forward_primitive_desc_create(
                        out,
                        engine,
                        propagation.code(),
                        src.handle(),
                        dst.handle(),
                        groups,
                        epsilon,
                        NormalizationFlag.bits(flags),
                        attributes.handle()));
    }

    /**
     * The gradients. Arguments: SRC, MEAN, VARIANCE, DIFF_DST, SCALE → DIFF_SRC, DIFF_SCALE, DIFF_SHIFT.
     *
     * @param propagation {@link Propagation#BACKWARD}, or {@link Propagation#BACKWARD_DATA} without the gradients of
     *     scale and shift
     * @param groups how many groups the channels are divided into
     * @param epsilon the forward's
     * @param flags the forward's
     * @param hint the forward pass, made for training
     */
    public static PrimitiveRequest backward(
            Propagation propagation,
            MemoryDescriptor diffSrc,
            MemoryDescriptor diffDst,
            MemoryDescriptor src,
            long groups,
            float epsilon,
            Set<NormalizationFlag> flags,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "group_normalization " + propagation,
                List.of(new Operand("diff_src", diffSrc), new Operand("diff_dst", diffDst), new Operand("src", src)),
                "groups " + groups + ", " + "flags " + flags,
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_group_normalization_backward_primitive_desc_create(
                        out,
                        engine,
                        propagation.code(),
                        diffSrc.handle(),
                        diffDst.handle(),
                        src.handle(),
                        groups,
                        epsilon,
                        NormalizationFlag.bits(flags),
                        hint.handle(),
                        attributes.handle()));
    }
}
