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
import org.junit.jupiter.api.Test;

/** Images whose pixels are all their class's index plus one: what is mixed can be read off. */
class MixingTest {
    private static final int N = 11;
    private static final int SIDE = 8;
    private static final int CLASSES = 3;
    /** A class more than the data has. */
    private static final int OUTPUTS = 4;

    /** A blend of two whole numbers, and the mean of 64. */
    private static final double ROUNDING = 1e-5;

    private record Batch(float[] images, float[] targets) {}

    private static Dataset data() {
        float[][] samples = new float[N][SIDE * SIDE];
        int[] labels = new int[N];
        for (int i = 0; i < N; i++) {
            labels[i] = i % CLASSES;
            Arrays.fill(samples[i], labels[i] + 1);
        }
        return new ArrayDataset("flat", Shape.of(1, SIDE, SIDE), samples, labels, List.of("a", "b", "c"));
    }

    private static BatchLoader loader(Mixing mixing, long seed) {
        Augmentation augmentation = Augmentation.NONE.mixing(mixing);
        return new BatchLoader(data(), N, true, seed, false, Normalization.identity(1), augmentation);
    }

    private static Batch batch(Mixing mixing, int epoch) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment images = arena.allocate((long) N * SIDE * SIDE * Float.BYTES, 64);
            MemorySegment targets = arena.allocate((long) N * OUTPUTS * Float.BYTES, 64);
            loader(mixing, 5).softTargets(OUTPUTS).epoch(epoch).next(images, targets);
            return new Batch(images.toArray(ValueLayout.JAVA_FLOAT), targets.toArray(ValueLayout.JAVA_FLOAT));
        }
    }

    /** The mean of an image's pixels must be what its target says: Σ probability·(class + 1). */
    private static void targetsSayWhatTheImagesAre(Batch batch) {
        for (int i = 0; i < N; i++) {
            double mean = 0;
            for (int p = 0; p < SIDE * SIDE; p++) mean += batch.images[i * SIDE * SIDE + p] / (SIDE * SIDE);
            double said = 0;
            double sum = 0;
            for (int c = 0; c < OUTPUTS; c++) {
                said += batch.targets[i * OUTPUTS + c] * (c + 1);
                sum += batch.targets[i * OUTPUTS + c];
            }
            assertEquals(1, sum, ROUNDING);
            assertEquals(said, mean, ROUNDING, "image " + i);
            assertEquals(0, batch.targets[i * OUTPUTS + OUTPUTS - 1], "the class that there is not");
        }
    }

    private static boolean isWhole(float v) {
        return v == Math.rint(v);
    }

    @Test
    void mixupBlendsImagesAndTargetsAlike() {
        int blended = 0;
        for (int epoch = 0; epoch < 20; epoch++) {
            Batch batch = batch(Mixing.mixup(1), epoch);
            targetsSayWhatTheImagesAre(batch);
            for (int i = 0; i < N; i++) if (!isWhole(batch.images[i * SIDE * SIDE])) blended++;
            assertTrue(isWhole(batch.images[N / 2 * SIDE * SIDE]), "the one in the middle has no other");
        }
        assertTrue(blended > 50, blended + " images were blended");
    }

    @Test
    void cutmixExchangesRectangles() {
        int mixed = 0;
        for (int epoch = 0; epoch < 20; epoch++) {
            Batch batch = batch(Mixing.cutmix(1), epoch);
            targetsSayWhatTheImagesAre(batch);
            for (float v : batch.images) assertTrue(isWhole(v), "a pixel of " + v + " is blended");
            for (int i = 0; i < N; i++) {
                float[] image = Arrays.copyOfRange(batch.images, i * SIDE * SIDE, (i + 1) * SIDE * SIDE);
                float first = image[0];
                for (float v : image) {
                    if (v != first) {
                        mixed++;
                        break;
                    }
                }
            }
        }
        assertTrue(mixed > 50, mixed + " images were mixed");
    }

    @Test
    void withBothEitherHappens() {
        boolean blended = false;
        boolean cut = false;
        for (int epoch = 0; epoch < 20; epoch++) {
            Batch batch = batch(new Mixing(1, 1), epoch);
            targetsSayWhatTheImagesAre(batch);
            for (int i = 0; i < N; i++) {
                float[] image = Arrays.copyOfRange(batch.images, i * SIDE * SIDE, (i + 1) * SIDE * SIDE);
                if (!isWhole(image[0])) blended = true;
                else for (float v : image) if (v != image[0]) cut = true;
            }
        }
        assertTrue(blended && cut);
    }

    @Test
    void aPureFunctionOfSeedAndEpoch() {
        assertArrayEquals(batch(new Mixing(1, 1), 3).images, batch(new Mixing(1, 1), 3).images);
        assertFalse(Arrays.equals(batch(new Mixing(1, 1), 3).images, batch(new Mixing(1, 1), 4).images));
    }

    @Test
    void withoutMixingTargetsAreOnes() {
        Batch batch = batch(Mixing.NONE, 1);
        targetsSayWhatTheImagesAre(batch);
        for (float t : batch.targets) assertTrue(t == 0 || t == 1);
    }

    @Test
    void whatDoesNotGoTogetherIsRefused() {
        assertThrows(
                IllegalStateException.class, () -> loader(Mixing.mixup(1), 5).epoch(0));
        assertThrows(
                IllegalArgumentException.class, () -> loader(Mixing.mixup(1), 5).softTargets(2));
    }
}
