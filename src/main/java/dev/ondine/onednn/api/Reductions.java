package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;

/** Reductions over the axes whose extent is 1 in the destination. */
public final class Reductions {
    private Reductions() {}

    /**
     * The result. Arguments: SRC → DST.
     *
     * @param algorithm one of {@code REDUCTION_…}
     * @param dst of the rank of the source
     * @param p the exponent of a norm; unused otherwise
     * @param epsilon of a norm; unused otherwise
     */
    public static PrimitiveRequest of(
            Algorithm algorithm,
            MemoryDescriptor src,
            MemoryDescriptor dst,
            float p,
            float epsilon,
            Attributes attributes) {
        return PrimitiveRequest.of(
                algorithm.toString(),
                List.of(new Operand("src", src), new Operand("dst", dst)),
                "",
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_reduction_primitive_desc_create(
                        out, engine, algorithm.code(), src.handle(), dst.handle(), p, epsilon, attributes.handle()));
    }
}
