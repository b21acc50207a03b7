package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class AugmentationTest {
    private static final int SIDE = 5;

    /** One bright pixel in the middle tells where an image went; a dimmer one to its right whether it was mirrored. */
    private static ByteImages images(int count) {
        byte[][] images = new byte[count][SIDE * SIDE];
        for (byte[] image : images) {
            image[2 * SIDE + 2] = (byte) 255;
            image[2 * SIDE + 3] = 100;
        }
        return new ByteImages("dots", Shape.of(1, SIDE, SIDE), images, new int[count], List.of("dot"));
    }

    private static float[][] epoch(Dataset set, Augmentation augmentation, int epoch) {
        BatchLoader loader = new BatchLoader(set, set.size(), false, 3, false, Normalization.identity(1), augmentation);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment images = arena.allocate((long) set.size() * SIDE * SIDE * Float.BYTES, 64);
            loader.epoch(epoch).next(images, arena.allocate((long) set.size() * Integer.BYTES, 64));
            float[][] out = new float[set.size()][];
            for (int i = 0; i < out.length; i++) {
                out[i] = images.asSlice((long) i * SIDE * SIDE * Float.BYTES, SIDE * SIDE * Float.BYTES)
                        .toArray(ValueLayout.JAVA_FLOAT);
            }
            return out;
        }
    }

    private static int bright(float[] image) {
        for (int i = 0; i < image.length; i++) if (image[i] == 1) return i;
        return -1;
    }

    /** Neither a lambda's address nor an object's hash is in the text: a run that goes on in another process is known by it. */
    @Test
    void whatItIsCalledIsTheSameInEveryProcess() {
        final class Own implements ImageTransform {
            @Override
            public void apply(Image image, RandomGenerator random) {}
        }
        Augmentation augmentation = Augmentation.of(new RandomCrop(2), (_, _) -> {}, new Own());
        String name = getClass().getName();
        assertEquals(
                "shifted by up to 2 pixels, a function of " + name + ", " + Own.class.getName(),
                augmentation.describe());
        assertEquals(
                "Augmentation[transforms=[shifted by up to 2 pixels, a function of " + name + ", " + Own.class.getName()
                        + "], mixing=" + Mixing.NONE + "]",
                augmentation.toString());
    }

    @Test
    void everyShiftOccursAndNothingElse() {
        Set<Integer> places = new HashSet<>();
        for (float[] image : epoch(images(500), new Augmentation(1, false), 1)) {
            int at = bright(image);
            places.add(at);
            assertEquals(100 / 255f, image[at + 1]);
        }
        assertEquals(Set.of(6, 7, 8, 11, 12, 13, 16, 17, 18), places);
    }

    @Test
    void aboutHalfIsMirrored() {
        int mirrored = 0;
        for (float[] image : epoch(images(1000), new Augmentation(0, true), 1)) {
            assertEquals(12, bright(image));
            if (image[11] > 0) mirrored++;
        }
        assertTrue(mirrored > 400 && mirrored < 600, mirrored + " of 1000");
    }

    @Test
    void eachEpochIsAnotherAndRepeatable() {
        ByteImages set = images(50);
        Augmentation augmentation = new Augmentation(2, true);
        assertArrayEquals(epoch(set, augmentation, 1), epoch(set, augmentation, 1));
        assertTrue(!java.util.Arrays.deepEquals(epoch(set, augmentation, 1), epoch(set, augmentation, 2)));
    }

    @Test
    void whatDoesNotFitIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Augmentation(-1, false));
        assertThrows(IllegalArgumentException.class, () -> epoch(images(2), new Augmentation(SIDE, false), 1));
    }
}
