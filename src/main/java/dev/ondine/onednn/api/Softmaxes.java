package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;

/** Softmax and its logarithm along an axis. May run in place. */
public final class Softmaxes {
    private Softmaxes() {}

    /**
     * The result. Arguments: SRC → DST.
     *
     * @param propagation forward, for training or inference
     * @param algorithm {@link Algorithm#SOFTMAX_ACCURATE} or {@link Algorithm#SOFTMAX_LOG}
     * @param axis from 0
     */
    public static PrimitiveRequest forward(
            Propagation propagation,
            Algorithm algorithm,
            MemoryDescriptor src,
            MemoryDescriptor dst,
            int axis,
            Attributes attributes) {
        return PrimitiveRequest.of(
                algorithm + " " + propagation,
                List.of(new Operand("src", src), new Operand("dst", dst)),
                "axis " + axis,
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_softmax_forward_primitive_desc_create(
                        out,
                        engine,
                        propagation.code(),
                        algorithm.code(),
                        src.handle(),
                        dst.handle(),
                        axis,
                        attributes.handle()));
    }

    /**
     * The gradient of the input. Arguments: DST, DIFF_DST → DIFF_SRC.
     *
     * @param hint the forward pass
     */
    public static PrimitiveRequest backward(
            Algorithm algorithm,
            MemoryDescriptor diffSrc,
            MemoryDescriptor diffDst,
            MemoryDescriptor dst,
            int axis,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        return PrimitiveRequest.of(
                algorithm + " backward_data",
                List.of(new Operand("diff_src", diffSrc), new Operand("diff_dst", diffDst), new Operand("dst", dst)),
                "axis " + axis,
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_softmax_backward_primitive_desc_create(
                        out,
                        engine,
                        algorithm.code(),
                        diffSrc.handle(),
                        diffDst.handle(),
                        dst.handle(),
                        axis,
                        hint.handle(),
                        attributes.handle()));
    }
}
