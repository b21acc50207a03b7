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

    /** Everything at once: mixed pairs, turned and covered images, several threads. */
    @Test
    void theNumberOfThreadsChangesNothing() {
        Augmentation much = Augmentation.of(
                        new RandomCrop(1),
                        new HorizontalFlip(),
                        new RandomRotation(30),
                        new ColorJitter(0.5f),
                        new Cutout(2))
                .mixing(new Mixing(1, 1));
        BatchLoader loader =
                new BatchLoader(new Watched(_ -> {}), BATCH, true, 7, false, NORMALIZATION, much).softTargets(2);
        MemorySegment targets = arena.allocate(2L * BATCH * Float.BYTES, 64);
        MemorySegment expected = arena.allocate(images.byteSize(), 64);
        MemorySegment expectedTargets = arena.allocate(targets.byteSize(), 64);
        for (int workers : new int[] {1, 2, 5, 9}) {
            try (BatchAhead ahead = new BatchAhead(loader, workers)) {
                for (int number = 0; number < 20; number++) {
                    BatchLoader.Epoch epoch = loader.epoch(number);
                    ahead.begin(number);
                    for (int b = 0; b < loader.batches(); b++) {
                        int count = epoch.next(expected, expectedTargets);
                        assertEquals(count, ahead.next(images, targets));
                        assertArrayEquals(values(expected, count), values(images, count), workers + " workers");
                        assertArrayEquals(
                                expectedTargets.asSlice(0, count * 8L).toArray(ValueLayout.JAVA_FLOAT),
                                targets.asSlice(0, count * 8L).toArray(ValueLayout.JAVA_FLOAT));
                    }
                    assertEquals(0, ahead.next(images, targets));
                }
            }
        }
    }

    @Test
    void anEpochMayGoOnWhereItWasLeft() {
        BatchLoader loader = loader(_ -> {}, false);
        MemorySegment expected = arena.allocate(images.byteSize(), 64);
        try (BatchAhead ahead = new BatchAhead(loader, 2)) {
            for (int left = 0; left <= loader.batches(); left++) {
                BatchLoader.Epoch epoch = loader.epoch(4);
                for (int b = 0; b < left; b++) epoch.next(expected, labels);
                ahead.begin(4, left);
                for (int b = left; b < loader.batches(); b++) {
                    int count = epoch.next(expected, labels);
                    assertEquals(count, ahead.next(images, labels));
                    assertArrayEquals(values(expected, count), values(images, count), "from " + left);
                }
                assertEquals(0, ahead.next(images, labels));
            }
            assertThrows(IllegalArgumentException.class, () -> ahead.begin(4, loader.batches() + 1));
        }
    }

    /** A slow data set: the caller waits, which is measured; a fast one that has had time: it does not. */
    @Test
    void waitingIsMeasured() throws InterruptedException {
        Semaphore allowed = new Semaphore(0);
        BatchLoader loader = loader(_ -> allowed.acquireUninterruptibly(), true);
        try (BatchAhead ahead = new BatchAhead(loader)) {
            ahead.begin(0);
            Thread release = Thread.ofPlatform().start(() -> {
                try {
                    Thread.sleep(30);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                allowed.release(2 * BATCH);
            });
            ahead.next(images, labels);
            release.join();
            double waited = ahead.waitedSeconds();
            assertTrue(waited > 0.01, "waited " + waited);
            // The second batch may be read by now; once it is ready nothing is waited for.
            while (allowed.availablePermits() > 0) Thread.onSpinWait();
            Thread.sleep(50);
            ahead.next(images, labels);
            assertEquals(waited, ahead.waitedSeconds());
            allowed.release(SIZE);
        }
    }

    @Test
    void aBatchAllocatesNothingOnTheCallersThread() {
        BatchLoader loader = loader(_ -> {}, true);
        var threads = (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        try (BatchAhead ahead = new BatchAhead(loader)) {
            for (int epoch = 0; epoch < 200; epoch++) {
                ahead.begin(epoch);
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int b = 0; b < loader.batches(); b++) ahead.next(images, labels);
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
        }
        // Waiting may make a node of the lock's queue for each of the batches.
        assertTrue(least <= 64L * loader.batches(), loader.batches() + " batches allocated " + least + " bytes");
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
                .filter(t -> t.getName().startsWith("ondine-batches"))
                .count();
    }
}
