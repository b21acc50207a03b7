package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Execution;
import dev.ondine.onednn.api.Memory;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.OpenMp;
import dev.ondine.onednn.api.Primitive;
import dev.ondine.onednn.api.Stream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * Runs a plan's primitives and Ondine's own kernels with every operand between guards, and sees that none is written beyond its end, and
 * that dense results in float32 do not depend on what lay in their memory or the scratchpad's before, or around what is read. The plan's own
 * steps may be bound to the guards' memory afterwards: it must not run any more.
 */
final class Guards {
    private static final long WIDTH = 1 << 12;
    private static final byte UNTOUCHED = 0x5A;

    /** Numbers around 0.01. */
    private static final byte CONTENT = 0x3C;

    /** Of results before, and around what is only read: whatever is computed of it is none either. */
    private static final byte NOT_A_NUMBER = (byte) 0xFF;

    private Guards() {}

    static void check(OneDnnPlan plan, int threads) {
        // A primitive runs on the threads that were set when it was made.
        OpenMp.setThreads(threads);
        for (StepSpec step : plan.specs()) {
            switch (step) {
                case StepSpec.Primitive p -> {
                    String what = p.descriptor().toString();
                    assertEquals(
                            List.of(),
                            overrun(p.inputs(), p.outputs(), (arena, guarded) -> run(arena, p, guarded)),
                            what);
                }
                case StepSpec.Own own -> {
                    assertEquals(
                            List.of(),
                            overrun(own.inputs(), own.outputs(), (_, guarded) -> run(own, guarded)),
                            own.name());
                }
                case StepSpec.Kernel _ -> {}
            }
        }
    }

    private static void run(Arena arena, StepSpec.Primitive p, Map<Arg, Slot> guarded) {
        Map<Arg, Memory> arguments = new LinkedHashMap<>();
        guarded.forEach((arg, slot) ->
                arguments.put(arg, Memory.of(arena, slot.layout(), slot.buffer().segment())));
        Execution.of(arena, Primitive.create(arena, p.descriptor()), Stream.create(arena), arguments)
                .run();
    }

    private static void run(StepSpec.Own own, Map<Arg, Slot> guarded) {
        Map<Arg, Slot> inputs = new LinkedHashMap<>();
        Map<Arg, Slot> outputs = new LinkedHashMap<>();
        own.inputs().keySet().forEach(arg -> inputs.put(arg, guarded.get(arg)));
        own.outputs().keySet().forEach(arg -> outputs.put(arg, guarded.get(arg)));
        own.bind().apply(inputs, outputs).run(0);
    }

    /** Which operands were written beyond their end, or before their beginning, or left as they were. */
    private static List<Arg> overrun(
            Map<Arg, Slot> read, Map<Arg, Slot> written, BiConsumer<Arena, Map<Arg, Slot>> run) {
        Map<Arg, Slot> operands = new LinkedHashMap<>(read);
        operands.putAll(written);
        try (Arena arena = Arena.ofShared()) {
            Map<Arg, Slot> guarded = new LinkedHashMap<>();
            Map<Arg, MemorySegment> blocks = new LinkedHashMap<>();
            operands.forEach((arg, slot) -> {
                MemorySegment block = arena.allocate(slot.layout().size() + 2 * WIDTH, Memory.ALIGNMENT);
                // What is written past a result must differ from what was there, whatever it was made of.
                block.fill(written.containsKey(arg) ? UNTOUCHED : NOT_A_NUMBER);
                MemorySegment inner = block.asSlice(WIDTH, slot.layout().size());
                inner.fill(read.containsKey(arg) ? CONTENT : NOT_A_NUMBER);
                blocks.put(arg, block);
                Buffer buffer = Buffer.external("guarded");
                buffer.bind(inner);
                guarded.put(arg, new Slot(buffer, slot.layout()));
            });
            run.accept(arena, guarded);
            List<Arg> overrun = new ArrayList<>();
            blocks.forEach((arg, block) -> {
                byte around = written.containsKey(arg) ? UNTOUCHED : NOT_A_NUMBER;
                boolean whole = isFilled(block.asSlice(0, WIDTH), around)
                        && isFilled(block.asSlice(block.byteSize() - WIDTH, WIDTH), around);
                if (!whole || (!arg.equals(Arg.SCRATCHPAD) && hasNoNumber(guarded.get(arg)))) overrun.add(arg);
            });
            return overrun;
        }
    }

    private static boolean hasNoNumber(Slot slot) {
        MemoryDescriptor layout = slot.layout();
        boolean isPart =
                layout.describe().contains("strides") || layout.describe().contains("offset");
        if (layout.isNone() || isPart || !layout.typeName().equals("f32")) return false;
        MemorySegment memory = slot.buffer().segment();
        for (long i = 0; i < memory.byteSize() / Float.BYTES; i++) {
            if (Float.isNaN(memory.getAtIndex(JAVA_FLOAT, i))) return true;
        }
        return false;
    }

    private static boolean isFilled(MemorySegment guard, byte value) {
        for (long i = 0; i < WIDTH; i++) if (guard.get(JAVA_BYTE, i) != value) return false;
        return true;
    }
}
