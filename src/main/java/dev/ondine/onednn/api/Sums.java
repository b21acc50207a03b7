package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.onednn.ffi.dnnl_h;
import java.util.Arrays;
import java.util.List;

/** Weighted sums of tensors. May run in place on the first. */
public final class Sums {
    private Sums() {}

    /**
     * The sum of scales[i]·sources[i]. Arguments: {@link Arg#multipleSource} → DST.
     *
     * @param sources equal in shape
     * @throws IllegalArgumentException if there are not as many scales as sources
     */
    public static PrimitiveRequest of(
            float[] scales, List<MemoryDescriptor> sources, MemoryDescriptor dst, Attributes attributes) {
        if (scales.length != sources.size()) {
            throw new IllegalArgumentException(
                    "sum of " + sources.size() + " tensors with " + scales.length + " scales; give one each");
        }
        return PrimitiveRequest.of(
                "sum",
                Operands.sources(sources, dst),
                "scales " + Arrays.toString(scales),
                attributes,
                (out, engine, temporary) -> dnnl_h.dnnl_sum_primitive_desc_create(
                        out,
                        engine,
                        dst.handle(),
                        sources.size(),
                        temporary.allocateFrom(JAVA_FLOAT, scales),
                        Operands.handles(temporary, sources),
                        attributes.handle()));
    }
}
