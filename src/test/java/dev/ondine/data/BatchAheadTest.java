package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BatchAheadTest {
    private static final int SIZE = 23;
    private static final int BATCH = 4;
    private static final Shape SHAPE = Shape.of(2, 3, 3);
    private static final int ELEMENTS = 2 * 3 * 3;
    private static final Normalization NORMALIZATION = new Normalization(new float[] {0.5f, 0.25f}, new float[] {2, 4});

    private final Arena arena = Arena.ofShared();
    private final MemorySegment images = arena.allocate((long) BATCH * ELEMENTS * Float.BYTES, 64);
    private final MemorySegment labels = arena.allocate((long) BATCH * Integer.BYTES, 64);

    @AfterEach
    void free() {
        arena.close();
    }

    /** A data set that tells about every read. */
    private record Watched(IntConsumer reads) implements Dataset {
        @Override
        public int size() {
            return SIZE;
        }

        @Override
        public Shape sampleShape() {
            return SHAPE;
        }

        @Override
        public List<String> classes() {
            return List.of("even", "odd");
        }

        @Override
        public int label(int index) {
            return index % 2;
        }

        @Override
        public void read(int index, float[] into, int offset) {
            reads.accept(index);
            for (int i = 0; i < ELEMENTS; i++) into[offset + i] = index + 0.01f * i;
        }
    }

    private static BatchLoader loader(IntConsumer reads, boolean dropLast) {
        Augmentation shifts = new Augmentation(1, true);
        return new BatchLoader(new Watched(reads), BATCH, true, 7, dropLast, NORMALIZATION, shifts);
    }

    @Test
    void theBatchesAreTheLoaders() {
        for (boolean dropLast : new boolean[] {false, true}) {
            BatchLoader loader = loader(_ -> {}, dropLast);
            MemorySegment expected = arena.allocate(images.byteSize(), 64);
            MemorySegment expectedLabels = arena.allocate(labels.byteSize(), 64);
            try (BatchAhead ahead = new BatchAhead(loader)) {
                for (int number : new int[] {3, 1, 3}) {
                    BatchLoader.Epoch epoch = loader.epoch(number);
                    ahead.begin(number);
                    for (int b = 0; b < loader.batches(); b++) {
                        int count = epoch.next(expected, expectedLabels);
                        assertEquals(count, ahead.next(images, labels));
                        assertArrayEquals(values(expected, count), values(images, count));
                        assertArrayEquals(
                                expectedLabels.asSlice(0, count * 4L).toArray(ValueLayout.JAVA_INT),
                                labels.asSlice(0, count * 4L).toArray(ValueLayout.JAVA_INT));
                    }
                    assertEquals(0, ahead.next(images, labels));
                    assertEquals(0, ahead.next(images, labels));
                }
            }
        }
    }

    private static float[] values(MemorySegment images, int count) {
        return images.asSlice(0, (long) count * ELEMENTS * Float.BYTES).toArray(ValueLayout.JAVA_FLOAT);
    }

    /** On a thread of its own, before it is asked for, and no more than one. */
    @Test
    void oneBatchIsPreparedAhead() throws InterruptedException {
        Semaphore read = new Semaphore(0);
        AtomicInteger here = new AtomicInteger();
        Thread caller = Thread.currentThread();
        BatchLoader loader = loader(
                _ -> {
                    if (Thread.currentThread().equals(caller)) here.incrementAndGet();
                    read.release();
                },
                true);
        try (BatchAhead ahead = new BatchAhead(loader)) {
            ahead.begin(0);
            read.acquire(BATCH);
            Thread.sleep(50);
            assertEquals(0, read.availablePermits(), "samples of a second batch");
            assertEquals(BATCH, ahead.next(images, labels));
            read.acquire(BATCH);
            assertEquals(0, here.get(), "samples read by the caller");
        }
    }

    @Test
    void anEpochMayBeginInTheMiddleOfAnother() {
        BatchLoader loader = loader(_ -> {}, true);
        MemorySegment expected = arena.allocate(images.byteSize(), 64);
        try (BatchAhead ahead = new BatchAhead(loader)) {
            for (int number = 0; number < 50; number++) {
                ahead.begin(number);
                ahead.next(images, labels);
                loader.epoch(number).next(expected, labels);
                assertArrayEquals(values(expected, BATCH), values(images, BATCH), "epoch " + number);
            }
        }
    }

    @Test
    void aFailureComesOutWhereTheBatchIsAskedFor() {
        RuntimeException broken = new DataException("sample 5 is broken");
        AtomicInteger failures = new AtomicInteger();
        BatchLoader loader = loader(
                index -> {
                    if (index == 5) {
                        failures.incrementAndGet();
                        throw broken;
                    }
                },
                false);
        try (BatchAhead ahead = new BatchAhead(loader)) {
            ahead.begin(0);
            RuntimeException caught = assertThrows(DataException.class, () -> {
                for (int b = 0; b < loader.batches(); b++) ahead.next(images, labels);
            });
            assertSame(broken, caught);
            assertSame(broken, assertThrows(DataException.class, () -> ahead.next(images, labels)));
            assertEquals(1, failures.get(), "the sample was asked for again");
        }
    }

    @Test
    void closingEndsTheThreadAndWhatComesAfterIsRefused() {
        BatchAhead ahead = new BatchAhead(loader(_ -> {}, true));
        ahead.begin(0);
        assertTrue(running() > 0);
        ahead.close();
        ahead.close();
        assertFalse(running() > 0);
        assertThrows(IllegalStateException.class, () -> ahead.begin(1));
        assertThrows(IllegalStateException.class, () -> ahead.next(images, labels));
    }

    private static long running() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(t -> t.getName().equals("ondine-batches"))
                .count();
    }
}
