package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.ondine.onednn.api.PrimitiveRequest.Operand;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Lists of operands, for primitives that take any number of sources. */
final class Operands {
    private Operands() {}

    /** Numbered sources and a destination. */
    static List<Operand> sources(List<MemoryDescriptor> sources, MemoryDescriptor dst) {
        List<Operand> operands = new ArrayList<>();
        for (int i = 0; i < sources.size(); i++) operands.add(new Operand("src[" + i + "]", sources.get(i)));
        operands.add(new Operand("dst", dst));
        return operands;
    }

    /** An array of pointers to the descriptors. */
    static MemorySegment handles(Arena arena, List<MemoryDescriptor> descriptors) {
        MemorySegment array = arena.allocate(ADDRESS, Math.max(1, descriptors.size()));
        for (int i = 0; i < descriptors.size(); i++)
            array.setAtIndex(ADDRESS, i, descriptors.get(i).handle());
        return array;
    }
}
