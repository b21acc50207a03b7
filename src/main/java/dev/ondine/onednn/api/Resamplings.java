package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Resizing of images, by the ratio of the extents of destination and source. */
public final class Resamplings {
    private Resamplings() {}

    /**
     * The result. Arguments: SRC → DST.
     *
     * @param propagation forward, for training or inference
     * @param algorithm {@link Algorithm#RESAMPLING_NEAREST} or {@link Algorithm#RESAMPLING_LINEAR}
     */
    public static PrimitiveRequest forward(
            Propagation propagation,
            Algorithm algorithm,
            MemoryDescriptor src,
            MemoryDescriptor dst,
            Attributes attributes) {
        return PrimitiveRequest.of(
                algorithm + " " + propagation,
                List.of(new Operand("src", src), new Operand("dst", dst)),
                "",
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_resampling_forward_primitive_desc_create(
                        out,
                        engine,
                        propagation.code(),
                        algorithm.code(),
                        MemorySegment.NULL,
                        src.handle(),
                        dst.handle(),
                        attributes.handle()));
    }

    /**
     * The gradient of the input. Arguments: DIFF_DST → DIFF_SRC.
     *
     * @param hint the forward pass
     */
    public static PrimitiveRequest backward(
            Algorithm algorithm,
            MemoryDescriptor diffSrc,
            MemoryDescriptor diffDst,
            PrimitiveDescriptor hint,
            Attributes attributes) {
        return PrimitiveRequest.of(
                algorithm + " backward_data",
                List.of(new Operand("diff_src", diffSrc), new Operand("diff_dst", diffDst)),
                "",
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_resampling_backward_primitive_desc_create(
                        out,
                        engine,
                        algorithm.code(),
                        MemorySegment.NULL,
                        diffSrc.handle(),
                        diffDst.handle(),
                        hint.handle(),
                        attributes.handle()));
    }
}
