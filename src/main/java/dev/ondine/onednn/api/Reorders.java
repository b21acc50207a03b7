package dev.ondine.onednn.api;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;

/** Copies from one layout or data type to another. */
public final class Reorders {
    private Reorders() {}

    /** The copy. Arguments: SRC → DST. */
    public static PrimitiveRequest of(MemoryDescriptor src, MemoryDescriptor dst, Attributes attributes) {
        return PrimitiveRequest.of(
                "reorder",
                List.of(new Operand("src", src), new Operand("dst", dst)),
                "",
                attributes,
                (out, engine, _) -> dnnl_h.dnnl_reorder_primitive_desc_create(
                        out, src.handle(), engine, dst.handle(), engine, attributes.handle()));
    }
}
