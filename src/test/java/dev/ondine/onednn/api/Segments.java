package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Small plain float32 tensors and one-shot runs, for tests. */
final class Segments {
    private Segments() {}

    static MemoryDescriptor plain(Arena arena, long... dims) {
        return MemoryDescriptor.plain(arena, dims, DataType.FLOAT32);
    }

    static MemorySegment bytes(Arena arena, long size) {
        return arena.allocate(Math.max(1, size), Memory.ALIGNMENT);
    }

    static Memory memory(Arena arena, MemoryDescriptor descriptor, float... values) {
        MemorySegment data = bytes(arena, descriptor.size());
        MemorySegment.copy(values, 0, data, JAVA_FLOAT, 0, values.length);
        return Memory.of(arena, descriptor, data);
    }

    static float[] floats(Memory memory) {
        return memory.data().asSlice(0, memory.descriptor().size()).toArray(JAVA_FLOAT);
    }

    /** Runs a primitive once on these arguments; gives it a scratchpad if it wants one. */
    static PrimitiveDescriptor run(Arena arena, PrimitiveRequest request, Map<Arg, Memory> arguments) {
        PrimitiveDescriptor descriptor = request.create(arena);
        bind(arena, descriptor, arguments).run();
        return descriptor;
    }

    static Execution bind(Arena arena, PrimitiveDescriptor descriptor, Map<Arg, Memory> arguments) {
        Map<Arg, Memory> all = new HashMap<>(arguments);
        MemoryDescriptor scratchpad = descriptor.query(MemoryQuery.SCRATCHPAD);
        if (scratchpad.size() > 0) {
            all.put(Arg.SCRATCHPAD, Memory.of(arena, scratchpad, bytes(arena, scratchpad.size())));
        }
        return Execution.of(arena, Primitive.create(arena, descriptor), Stream.create(arena), all);
    }

    static float[] constant(int count, float value) {
        float[] values = new float[count];
        Arrays.fill(values, value);
        return values;
    }

    /** first, first + 1, … */
    static float[] counting(int count, float first) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = first + i;
        return values;
    }
}
