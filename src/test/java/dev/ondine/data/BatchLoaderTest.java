package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchLoaderTest {
    private static final Shape SHAPE = Shape.of(3, 5, 7);
    private static final int ELEMENTS = 3 * 5 * 7;

    /** The label of a sample is its index, so that labels show the order. */
    private static ByteImages bytes(int size) {
        SplittableRandom random = new SplittableRandom(1);
        byte[][] images = new byte[size][ELEMENTS];
        for (byte[] image : images) random.nextBytes(image);
        List<String> classes =
                IntStream.range(0, size).mapToObj(i -> "class" + i).toList();
        return new ByteImages("bytes", SHAPE, images, IntStream.range(0, size).toArray(), classes);
    }

    private static ArrayDataset floats(ByteImages bytes) {
        float[] all = new float[bytes.size() * ELEMENTS];
        for (int i = 0; i < bytes.size(); i++) bytes.read(i, all, i * ELEMENTS);
        int[] labels = IntStream.range(0, bytes.size()).map(bytes::label).toArray();
        return new ArrayDataset("floats", SHAPE, all, labels, bytes.classes());
    }

    private record Read(List<Integer> counts, int[] labels, float[] images) {}

    private static Read read(BatchLoader loader, int epoch) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment images = arena.allocate((long) loader.batchSize() * ELEMENTS * 4, 64);
            MemorySegment labels = arena.allocate(loader.batchSize() * 4L, 64);
            int[] allLabels = new int[0];
            float[] allImages = new float[0];
            List<Integer> counts = new java.util.ArrayList<>();
            BatchLoader.Epoch cursor = loader.epoch(epoch);
            for (int n = cursor.next(images, labels); n > 0; n = cursor.next(images, labels)) {
                counts.add(n);
                int[] l = labels.asSlice(0, n * 4L).toArray(ValueLayout.JAVA_INT);
                float[] x = images.asSlice(0, n * 4L * ELEMENTS).toArray(ValueLayout.JAVA_FLOAT);
                allLabels = Arrays.copyOf(allLabels, allLabels.length + n);
                System.arraycopy(l, 0, allLabels, allLabels.length - n, n);
                allImages = Arrays.copyOf(allImages, allImages.length + x.length);
                System.arraycopy(x, 0, allImages, allImages.length - x.length, x.length);
            }
            return new Read(counts, allLabels, allImages);
        }
    }

    private static final Normalization NORMALIZATION =
            new Normalization(new float[] {0.1f, 0.5f, 0.9f}, new float[] {0.2f, 0.3f, 1.7f});

    @Test
    void inOrderWithASmallerLastBatch() {
        ByteImages set = bytes(23);
        BatchLoader loader = new BatchLoader(set, 5, false, 1, false, NORMALIZATION);
        Read read = read(loader, 3);
        assertEquals(List.of(5, 5, 5, 5, 3), read.counts);
        assertEquals(5, loader.batches());
        assertEquals(23, loader.samples());
        assertArrayEquals(IntStream.range(0, 23).toArray(), read.labels);
        float[] sample = new float[ELEMENTS];
        for (int i = 0; i < 23; i++) {
            set.read(i, sample, 0);
            for (int j = 0; j < ELEMENTS; j++) {
                int c = j / 35;
                float expected =
                        (sample[j] - NORMALIZATION.mean()[c]) / NORMALIZATION.std()[c];
                assertEquals(expected, read.images[i * ELEMENTS + j], "sample " + i + ", value " + j);
            }
        }
    }

    @Test
    void dropLastLeavesOutOnlyTheSmallerBatch() {
        assertEquals(List.of(5, 5, 5, 5), read(new BatchLoader(bytes(23), 5, true, 1, true, NORMALIZATION), 0).counts);
        assertEquals(List.of(5, 5), read(new BatchLoader(bytes(10), 5, true, 1, true, NORMALIZATION), 0).counts);
        assertEquals(20, new BatchLoader(bytes(23), 5, true, 1, true, NORMALIZATION).samples());
    }

    @Test
    void theFastPathOfBytesGivesTheSameBitsAsAnyOtherDataSet() {
        ByteImages set = bytes(31);
        Read fast = read(new BatchLoader(set, 4, true, 9, false, NORMALIZATION), 2);
        Read slow = read(new BatchLoader(floats(set), 4, true, 9, false, NORMALIZATION), 2);
        assertArrayEquals(slow.labels, fast.labels);
        assertArrayEquals(slow.images, fast.images);
    }

    @Test
    void theOrderIsAPureFunctionOfSeedAndEpoch() {
        ByteImages set = bytes(100);
        BatchLoader loader = new BatchLoader(set, 7, true, 42, false, NORMALIZATION);
        int[] first = read(loader, 0).labels;
        int[] second = read(loader, 1).labels;
        assertArrayEquals(second, read(new BatchLoader(set, 13, true, 42, false, NORMALIZATION), 1).labels);
        assertArrayEquals(first, read(loader, 0).labels);
        assertFalse(Arrays.equals(first, second));
        assertFalse(Arrays.equals(first, read(new BatchLoader(set, 7, true, 43, false, NORMALIZATION), 0).labels));
        int[] sorted = first.clone();
        Arrays.sort(sorted);
        assertArrayEquals(IntStream.range(0, 100).toArray(), sorted);
    }

    @Test
    void everyPlaceIsEquallyLikely() {
        int[][] seen = new int[5][5];
        BatchLoader loader = new BatchLoader(bytes(5), 5, true, 7, false, NORMALIZATION);
        for (int epoch = 0; epoch < 5000; epoch++) {
            int[] order = read(loader, epoch).labels;
            for (int i = 0; i < 5; i++) seen[i][order[i]]++;
        }
        // Binomial with 5000 tries of 1/5: deviation 28, so that 6 of them are 170.
        for (int[] row : seen) for (int n : row) assertEquals(1000, n, 170);
    }

    @Test
    void twoEpochsUnderWayDoNotDisturbEachOther() {
        BatchLoader loader = new BatchLoader(bytes(12), 12, true, 3, false, NORMALIZATION);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment images = arena.allocate(12L * ELEMENTS * 4, 64);
            MemorySegment labels = arena.allocate(12 * 4L, 64);
            BatchLoader.Epoch one = loader.epoch(1);
            BatchLoader.Epoch two = loader.epoch(2);
            two.next(images, labels);
            assertEquals(12, one.nextCount());
            one.next(images, labels);
            assertArrayEquals(read(loader, 1).labels, labels.toArray(ValueLayout.JAVA_INT));
            assertEquals(0, one.nextCount());
            assertEquals(0, one.next(images, labels));
        }
    }

    @Test
    void aBatchAllocatesNothing() {
        ByteImages set = bytes(4000);
        BatchLoader loader = new BatchLoader(set, 50, true, 3, false, NORMALIZATION);
        var threads = (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment images = arena.allocate(50L * ELEMENTS * 4, 64);
            MemorySegment labels = arena.allocate(50 * 4L, 64);
            long least = Long.MAX_VALUE;
            // Until it is compiled, the interpreter makes objects that later are not there: many epochs, the best
            // counts.
            for (int epoch = 0; epoch < 200; epoch++) {
                BatchLoader.Epoch cursor = loader.epoch(epoch);
                long before = threads.getCurrentThreadAllocatedBytes();
                while (cursor.next(images, labels) > 0) {}
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertTrue(least < 80, "80 batches allocated " + least + " bytes");
        }
    }

    /** What augments on a thread of its own must not call the collector, which stops those that compute. */
    @Test
    void augmentingAllocatesNothing() {
        ByteImages set = bytes(400);
        Augmentation much = Augmentation.of(
                        new RandomCrop(1),
                        new HorizontalFlip(),
                        new RandomRotation(30),
                        new ColorJitter(0.5f),
                        new Cutout(2))
                .mixing(new Mixing(0.4, 1));
        BatchLoader loader = new BatchLoader(set, 50, true, 3, false, NORMALIZATION, much).softTargets(400);
        var threads = (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment images = arena.allocate(50L * ELEMENTS * 4, 64);
            MemorySegment targets = arena.allocate(50 * 400 * 4L, 64);
            long least = Long.MAX_VALUE;
            for (int epoch = 0; epoch < 200; epoch++) {
                BatchLoader.Epoch cursor = loader.epoch(epoch);
                long before = threads.getCurrentThreadAllocatedBytes();
                while (cursor.next(images, targets) > 0) {}
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertTrue(least < 80, "8 batches allocated " + least + " bytes");
        }
    }

    @Test
    void refusesWhatCannotWork() {
        ByteImages set = bytes(10);
        message("batch size 0", () -> new BatchLoader(set, 0, true, 1, false, NORMALIZATION));
        message("fewer than one batch of 11", () -> new BatchLoader(set, 11, true, 1, true, NORMALIZATION));
        message("normalization of 1 channels", () -> new BatchLoader(set, 5, true, 1, true, Normalization.identity(1)));
        BatchLoader loader = new BatchLoader(set, 10, true, 1, false, NORMALIZATION);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment small = arena.allocate(10L * ELEMENTS * 4 - 4, 64);
            MemorySegment labels = arena.allocate(40, 64);
            message("images of a batch has 4196 bytes", () -> loader.epoch(0).next(small, labels));
            MemorySegment images = arena.allocate(10L * ELEMENTS * 4, 64);
            message("labels of a batch has 36 bytes", () -> loader.epoch(0).next(images, labels.asSlice(4)));
        }
    }

    @Test
    void aWrongLabelOfAUsersDataSetIsNamed() {
        Dataset wrong = new Dataset() {
            @Override
            public int size() {
                return 3;
            }

            @Override
            public Shape sampleShape() {
                return Shape.of(1, 1, 1);
            }

            @Override
            public List<String> classes() {
                return List.of("no", "yes");
            }

            @Override
            public int label(int index) {
                return index;
            }

            @Override
            public void read(int index, float[] into, int offset) {
                into[offset] = index;
            }

            @Override
            public String name() {
                return "mine";
            }
        };
        BatchLoader loader = new BatchLoader(wrong, 3, false, 1, false, Normalization.identity(1));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment images = arena.allocate(12, 64);
            MemorySegment labels = arena.allocate(12, 64);
            message("'mine': sample 2 has the label 2", () -> loader.epoch(0).next(images, labels));
        }
    }

    private static void message(String part, org.junit.jupiter.api.function.Executable run) {
        String message = assertThrows(IllegalArgumentException.class, run).getMessage();
        assertTrue(message.contains(part), message);
    }
}
