package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Execution;
import dev.ondine.onednn.api.Memory;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.OpenMp;
import dev.ondine.onednn.api.Primitive;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.Stream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs a plan's primitives with every operand between guards, and sees that none is written beyond its end. */
final class Guards {
    private static final long WIDTH = 1 << 12;
    private static final byte UNTOUCHED = 0x5A;

    /** Numbers around 0.01. */
    private static final byte CONTENT = 0x3C;

    private Guards() {}

    static void check(OneDnnPlan plan, int threads) {
        // A primitive runs on the threads that were set when it was made.
        OpenMp.setThreads(threads);
        for (StepSpec step : plan.specs()) {
            if (!(step instanceof StepSpec.Primitive p)) continue;
            Map<Arg, MemoryDescriptor> operands = new LinkedHashMap<>();
            p.inputs().forEach((arg, slot) -> operands.put(arg, slot.layout()));
            p.outputs().forEach((arg, slot) -> operands.put(arg, slot.layout()));
            assertEquals(
                    List.of(),
                    overrun(p.descriptor(), operands),
                    () -> p.descriptor().toString());
        }
    }

    private static List<Arg> overrun(PrimitiveDescriptor descriptor, Map<Arg, MemoryDescriptor> operands) {
        try (Arena arena = Arena.ofShared()) {
            Map<Arg, Memory> arguments = new LinkedHashMap<>();
            Map<Arg, MemorySegment> blocks = new LinkedHashMap<>();
            operands.forEach((arg, layout) -> {
                MemorySegment block = arena.allocate(layout.size() + 2 * WIDTH, Memory.ALIGNMENT);
                block.fill(UNTOUCHED);
                MemorySegment inner = block.asSlice(WIDTH, layout.size());
                inner.fill(CONTENT);
                blocks.put(arg, block);
                arguments.put(arg, Memory.of(arena, layout, inner));
            });
            Execution.of(arena, Primitive.create(arena, descriptor), Stream.create(arena), arguments)
                    .run();
            List<Arg> overrun = new ArrayList<>();
            blocks.forEach((arg, block) -> {
                boolean whole = isUntouched(block.asSlice(0, WIDTH))
                        && isUntouched(block.asSlice(block.byteSize() - WIDTH, WIDTH));
                if (!whole) overrun.add(arg);
            });
            return overrun;
        }
    }

    private static boolean isUntouched(MemorySegment guard) {
        for (long i = 0; i < WIDTH; i++) if (guard.get(JAVA_BYTE, i) != UNTOUCHED) return false;
        return true;
    }
}
