package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;

/** Functions of two tensors, element by element. May run in place on the first. */
public final class Binaries {
    private Binaries() {}

    /**
     * The result. Arguments: SRC, SRC_1 → DST.
     *
     * @param algorithm one of {@code BINARY_…}
     * @param second of the rank of the first, extents 1 being broadcast
     */
    public static PrimitiveRequest of(
            Algorithm algorithm,
            MemoryDescriptor first,
            MemoryDescriptor second,
            MemoryDescriptor dst,
            Attributes attributes) {
        return PrimitiveRequest.of(
                algorithm.toString(),
                List.of(new Operand("src", first), new Operand("src_1", second), new Operand("dst", dst)),
                "",
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_binary_primitive_desc_create(
                        out,
                        engine,
                        algorithm.code(),
                        first.handle(),
                        second.handle(),
                        dst.handle(),
                        attributes.handle()));
    }
}
