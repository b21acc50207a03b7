package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;

/** ReLU with a learned slope for negative values. */
public final class PRelus {
    private PRelus() {}

    /**
     * The result. Arguments: SRC, WEIGHTS → DST.
     *
     * @param propagation forward, for training or inference
     * @param weights the slopes, of the rank of the source, extents 1 being broadcast
     */
    public static PrimitiveRequest forward(
            Propagation propagation,
            MemoryDescriptor src,
            MemoryDescriptor weights,
            MemoryDescriptor dst,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "prelu " + propagation,
                List.of(new Operand("src", src), new Operand("weights", weights), new Operand("dst", dst)),
                "",
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_prelu_forward_primitive_desc_create(
                        out,
                        engine,
                        propagation.code(),
                        src.handle(),
                        weights.handle(),
                        dst.handle(),
                        attributes.handle()));
    }

    /**
     * The gradients. Arguments: SRC, WEIGHTS, DIFF_DST → DIFF_SRC, DIFF_WEIGHTS.
     *
     * @param hint the forward pass
     */
    public static PrimitiveRequest backward(
            MemoryDescriptor src,
            MemoryDescriptor weights,
            MemoryDescriptor diffSrc,
            MemoryDescriptor diffWeights,
            MemoryDescriptor diffDst,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        return PrimitiveRequest.of(
                "prelu backward",
                List.of(
                        new Operand("src", src),
                        new Operand("weights", weights),
                        new Operand("diff_src", diffSrc),
                        new Operand("diff_weights", diffWeights),
                        new Operand("diff_dst", diffDst)),
                "",
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_prelu_backward_primitive_desc_create(
                        out,
                        engine,
                        src.handle(),
                        weights.handle(),
                        diffSrc.handle(),
                        diffWeights.handle(),
                        diffDst.handle(),
                        hint.handle(),
                        attributes.handle()));
    }
}
