package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.onednn.api.MemoryDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MemoryPlannerTest {
    private static Slot slot(String name, long bytes) {
        return new Slot(new Buffer(name, bytes), MemoryDescriptor.NONE);
    }

    private static StepSpec step(List<Slot> reads, List<Slot> writes, StepSpec.InPlace... inPlace) {
        return new StepSpec.Kernel(Optional.empty(), "test", reads, writes, List.of(inPlace), () -> _ -> {});
    }

    @Test
    void buffersThatLiveTogetherNeverOverlap() {
        Random random = new Random(1);
        for (int round = 0; round < 200; round++) {
            List<Slot> made = new ArrayList<>();
            List<StepSpec> steps = new ArrayList<>();
            int count = 2 + random.nextInt(30);
            for (int i = 0; i < count; i++) {
                List<Slot> reads = new ArrayList<>();
                for (int r = 0; r < 2 && !made.isEmpty(); r++) reads.add(made.get(random.nextInt(made.size())));
                Slot out = slot("b" + i, 1 + random.nextInt(1000));
                if (random.nextInt(8) == 0) out.buffer().pin();
                StepSpec.InPlace[] pairs = reads.isEmpty() || random.nextBoolean()
                        ? new StepSpec.InPlace[0]
                        : new StepSpec.InPlace[] {new StepSpec.InPlace(reads.getFirst(), out)};
                steps.add(step(reads, List.of(out), pairs));
                made.add(out);
            }
            long total = MemoryPlanner.plan(steps, List.of());
            List<Buffer> buffers = new ArrayList<>(MemoryPlanner.buffers(steps, List.of()));
            for (Buffer a : buffers) {
                assertEquals(0, a.offset() % 64);
                assertTrue(a.offset() + a.bytes() <= total);
                for (Buffer b : buffers) {
                    boolean together = a.first() <= b.last() && b.first() <= a.last();
                    boolean apart = a.offset() + a.bytes() <= b.offset() || b.offset() + b.bytes() <= a.offset();
                    assertTrue(a == b || !together || apart, a.name() + " and " + b.name() + " overlap");
                }
            }
        }
    }

    @Test
    void aChainNeedsTwoBuffers() {
        List<StepSpec> steps = new ArrayList<>();
        Slot x = slot("x0", 640);
        steps.add(step(List.of(), List.of(x)));
        for (int i = 1; i < 10; i++) {
            Slot y = slot("x" + i, 640);
            steps.add(step(List.of(x), List.of(y)));
            x = y;
        }
        assertEquals(2 * 640, MemoryPlanner.plan(steps, List.of()));
    }

    @Test
    void inPlaceOnlyWhenNobodyReadsTheInputLater() {
        Slot x = slot("x", 64);
        Slot y = slot("y", 64);
        Slot z = slot("z", 64);
        List<StepSpec> steps = List.of(
                step(List.of(), List.of(x)),
                step(List.of(x), List.of(y), new StepSpec.InPlace(x, y)),
                step(List.of(x), List.of(z), new StepSpec.InPlace(x, z)));
        MemoryPlanner.plan(steps, List.of());
        assertNotSame(x.buffer().root(), y.buffer().root());
        assertSame(x.buffer().root(), z.buffer().root());
    }

    /** Of such an operand, a row beside the whole matrix, the first results would be read instead. */
    @Test
    void whatIsReadInPartsTooIsNotOverwritten() {
        Slot x = slot("x", 128);
        Slot row = new Slot(x.buffer().part(64, 64), MemoryDescriptor.NONE);
        Slot y = slot("y", 128);
        Slot z = slot("z", 128);
        MemoryPlanner.plan(
                List.of(
                        step(List.of(), List.of(x)),
                        step(List.of(x, row), List.of(y), new StepSpec.InPlace(x, y)),
                        step(List.of(y, y), List.of(z), new StepSpec.InPlace(y, z))),
                List.of());
        assertNotSame(x.buffer().root(), y.buffer().root());
        assertSame(y.buffer().root(), z.buffer().root());
    }

    @Test
    void whatTheCallerReadsIsNeverOverwritten() {
        Slot x = slot("x", 64);
        Slot y = slot("y", 64);
        x.buffer().pin();
        MemoryPlanner.plan(List.of(step(List.of(x), List.of(y), new StepSpec.InPlace(x, y))), List.of(x));
        assertNotSame(x.buffer().root(), y.buffer().root());
    }
}
