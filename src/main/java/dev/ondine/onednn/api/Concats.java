package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;
import java.util.List;

/** Concatenation along an axis. */
public final class Concats {
    private Concats() {}

    /**
     * The result. Arguments: {@link Arg#multipleSource} → DST.
     *
     * @param axis from 0
     * @param sources equal but for the extent of the axis
     */
    public static PrimitiveRequest of(
            int axis, List<MemoryDescriptor> sources, MemoryDescriptor dst, Attributes attributes) {
        return PrimitiveRequest.of(
                "concat",
                Operands.sources(sources, dst),
                "axis " + axis,
                attributes,
                (out, engine, temporary) -> dnnl_h.dnnl_concat_primitive_desc_create(
                        out,
                        engine,
                        dst.handle(),
                        sources.size(),
                        axis,
                        Operands.handles(temporary, sources),
                        attributes.handle()));
    }
}
