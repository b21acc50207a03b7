package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;

/** Element-wise functions. May run in place. */
public final class Eltwises {
    private Eltwises() {}

    /**
     * The result. Arguments: SRC → DST.
     *
     * @param propagation forward, for training or inference
     * @param algorithm one of {@code ELTWISE_…}, which says what alpha and beta are
     */
    public static PrimitiveRequest forward(
            Propagation propagation,
            Algorithm algorithm,
            MemoryDescriptor src,
            MemoryDescriptor dst,
            float alpha,
            float beta,
            Attributes attributes) {
        return PrimitiveRequest.of(
                algorithm + " " + propagation,
                List.of(new Operand("src", src), new Operand("dst", dst)),
                "alpha " + alpha + ", beta " + beta,
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_eltwise_forward_primitive_desc_create(
                        out,
                        engine,
                        propagation.code(),
                        algorithm.code(),
                        src.handle(),
                        dst.handle(),
                        alpha,
                        beta,
                        attributes.handle()));
    }

    /**
     * The gradient of the input. Arguments: DIFF_DST and SRC, or DST if {@link Algorithm#usesDestinationForBackward()}
     * → DIFF_SRC.
     *
     * @param data the forward's source, or its destination if the algorithm uses that
     * @param hint the forward pass
     */
    public static PrimitiveRequest backward(
            Algorithm algorithm,
            MemoryDescriptor diffSrc,
            MemoryDescriptor diffDst,
            MemoryDescriptor data,
            float alpha,
            float beta,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        return PrimitiveRequest.of(
                algorithm + " backward_data",
                List.of(new Operand("diff_src", diffSrc), new Operand("diff_dst", diffDst), new Operand("data", data)),
                "alpha " + alpha + ", beta " + beta,
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_eltwise_backward_primitive_desc_create(
                        out,
                        engine,
                        algorithm.code(),
                        diffSrc.handle(),
                        diffDst.handle(),
                        data.handle(),
                        alpha,
                        beta,
                        hint.handle(),
                        attributes.handle()));
    }
}
