package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** Each transform on images of which one can say what must become of them. */
class ImageTransformsTest {
    /** Some products and sums of numbers up to 1 in float32. */
    private static final float ROUNDING = 8 * 0x1p-24f;

    private static final float[] NEUTRAL = {0.25f, 0.5f, 0.75f};

    private static Image image(Shape shape, float... values) {
        Image image = new Image(shape, NEUTRAL);
        System.arraycopy(values, 0, image.pixels(), 0, values.length);
        return image;
    }

    private static Image random(Shape shape, long seed) {
        Image image = new Image(shape, NEUTRAL);
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < image.elements(); i++) image.pixels()[i] = (float) random.nextDouble();
        return image;
    }

    private static void rotate(Image image, int degrees) {
        int[] cos = {1, 0, -1, 0};
        int[] sin = {0, 1, 0, -1};
        RandomRotation.rotate(image, cos[degrees / 90], sin[degrees / 90]);
    }

    @Test
    void rightAnglesMovePixelsExactly() {
        Shape shape = Shape.of(1, 3, 3);
        float[] x = {1, 2, 3, 4, 5, 6, 7, 8, 9};
        Image quarter = image(shape, x);
        rotate(quarter, 90);
        // Counter-clockwise, or clockwise: the corners go round either way, and four times are nothing.
        assertEquals(5, quarter.pixels()[4]);
        assertEquals(Set.of(1f, 3f, 7f, 9f), corners(quarter));
        assertFalse(Arrays.equals(x, quarter.pixels()));
        for (int i = 0; i < 3; i++) rotate(quarter, 90);
        assertArrayEquals(x, quarter.pixels());
        Image half = image(shape, x);
        rotate(half, 180);
        assertArrayEquals(new float[] {9, 8, 7, 6, 5, 4, 3, 2, 1}, half.pixels());
    }

    private static Set<Float> corners(Image image) {
        float[] x = image.pixels();
        return Set.of(x[0], x[2], x[6], x[8]);
    }

    /** Interpolation is exact on a plane, so that turning one is known everywhere inside. */
    @Test
    void anyAngleTurnsAPlaneToAPlane() {
        int side = 21;
        Shape shape = Shape.of(2, side, side);
        Image image = new Image(shape, NEUTRAL);
        for (int c = 0; c < 2; c++) {
            for (int y = 0; y < side; y++) {
                for (int x = 0; x < side; x++) {
                    image.pixels()[(c * side + y) * side + x] = 0.5f + 0.02f * (x - 10) - 0.01f * (c + 1) * (y - 10);
                }
            }
        }
        double angle = Math.toRadians(33);
        float cos = (float) Math.cos(angle);
        float sin = (float) Math.sin(angle);
        RandomRotation.rotate(image, cos, sin);
        for (int c = 0; c < 2; c++) {
            for (int y = 4; y < 17; y++) {
                for (int x = 4; x < 17; x++) {
                    float u = cos * (x - 10) - sin * (y - 10);
                    float v = sin * (x - 10) + cos * (y - 10);
                    float expected = 0.5f + 0.02f * u - 0.01f * (c + 1) * v;
                    assertEquals(expected, image.pixels()[(c * side + y) * side + x], ROUNDING, x + ", " + y);
                }
            }
        }
        assertEquals(0, image.pixels()[0], "a corner comes from outside");
    }

    @Test
    void theFrameOfACropIsBlackAndTheRestMoves() {
        Shape shape = Shape.of(3, 5, 7);
        for (int seed = 0; seed < 200; seed++) {
            Image image = random(shape, 1);
            float[] before = image.pixels().clone();
            new RandomCrop(2).apply(image, new SplittableRandom(seed));
            SplittableRandom same = new SplittableRandom(seed);
            int down = same.nextInt(5) - 2;
            int right = same.nextInt(5) - 2;
            for (int c = 0; c < 3; c++) {
                for (int y = 0; y < 5; y++) {
                    for (int x = 0; x < 7; x++) {
                        boolean inside = y + down >= 0 && y + down < 5 && x + right >= 0 && x + right < 7;
                        float expected = inside ? before[(c * 5 + y + down) * 7 + x + right] : 0;
                        assertEquals(expected, image.pixels()[(c * 5 + y) * 7 + x]);
                    }
                }
            }
        }
    }

    @Test
    void aCutoutCoversASquareWithWhatIsNeutral() {
        Set<Integer> sizes = new HashSet<>();
        for (int seed = 0; seed < 300; seed++) {
            Image image = random(Shape.of(3, 6, 6), 2);
            float[] before = image.pixels().clone();
            new Cutout(3).apply(image, new SplittableRandom(seed));
            int covered = 0;
            for (int i = 0; i < 36; i++) {
                boolean changed = image.pixels()[i] != before[i];
                if (changed) covered++;
                for (int c = 0; c < 3; c++) {
                    assertEquals(changed ? NEUTRAL[c] : before[c * 36 + i], image.pixels()[c * 36 + i]);
                }
            }
            sizes.add(covered);
        }
        // Whole, and cut off at one side or at two.
        assertEquals(Set.of(9, 6, 4), sizes);
        Image all = random(Shape.of(3, 6, 6), 2);
        new Cutout(Integer.MAX_VALUE).apply(all, new SplittableRandom(1));
        assertTrue(all.pixels()[0] == NEUTRAL[0] || all.pixels()[35] == NEUTRAL[0]);
    }

    /** Random numbers that are always the largest, or the least: factors of 1 + x or 1 − x. */
    private record Fixed(float value) implements RandomGenerator {
        @Override
        public long nextLong() {
            return 0;
        }

        @Override
        public float nextFloat() {
            return value;
        }
    }

    @Test
    void coloursChangeByTheFormula() {
        Shape pixel = Shape.of(3, 1, 2);
        float[] x = {0.2f, 0.4f, 0.6f, 0.3f, 0.1f, 0.8f};
        Image bright = image(pixel, x);
        new ColorJitter(0.5f, 0, 0).apply(bright, new Fixed(1));
        for (int i = 0; i < 6; i++) assertEquals(Math.min(1, 1.5f * x[i]), bright.pixels()[i], ROUNDING);
        double first = 0.2989 * 0.2 + 0.587 * 0.6 + 0.114 * 0.1;
        double second = 0.2989 * 0.4 + 0.587 * 0.3 + 0.114 * 0.8;
        Image flat = image(pixel, x);
        new ColorJitter(0, 1, 0).apply(flat, new Fixed(0));
        for (float v : flat.pixels()) assertEquals((first + second) / 2, v, ROUNDING, "no contrast at all");
        Image grey = image(pixel, x);
        new ColorJitter(0, 0, 1).apply(grey, new Fixed(0));
        for (int i = 0; i < 6; i++) assertEquals(i % 2 == 0 ? first : second, grey.pixels()[i], ROUNDING, "grey");
        Image one = image(Shape.of(1, 1, 2), 0.2f, 0.4f);
        new ColorJitter(0, 0, 1).apply(one, new Fixed(0));
        assertArrayEquals(new float[] {0.2f, 0.4f}, one.pixels(), "a grey image has no saturation");
    }

    @Test
    void nothingLeavesTheRangeOfImages() {
        RandomGenerator random = new SplittableRandom(3);
        List<ImageTransform> all = List.of(
                new RandomCrop(3), new HorizontalFlip(), new RandomRotation(180), new ColorJitter(1), new Cutout(4));
        for (int i = 0; i < 200; i++) {
            Image image = random(Shape.of(3, 9, 11), i);
            for (ImageTransform t : all) t.apply(image, random);
            for (float v : image.pixels()) assertTrue(v >= 0 && v <= 1 + ROUNDING, "a value of " + v);
        }
    }

    @Test
    void whatCannotBeIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new RandomCrop(-1));
        assertThrows(IllegalArgumentException.class, () -> new RandomRotation(181));
        assertThrows(IllegalArgumentException.class, () -> new RandomRotation(Float.NaN));
        assertThrows(IllegalArgumentException.class, () -> new ColorJitter(-0.1f));
        assertThrows(IllegalArgumentException.class, () -> new Cutout(0));
        assertThrows(IllegalArgumentException.class, () -> new Mixing(-1, 0));
        var error = assertThrows(
                IllegalArgumentException.class,
                () -> Augmentation.of(new RandomCrop(5)).requireFits("mine", Shape.of(1, 5, 9)));
        assertTrue(
                error.getMessage().contains("'mine'") && error.getMessage().contains("5 pixels"), error.getMessage());
    }

    @Test
    void augmentationSaysWhatItDoes() {
        assertEquals("shifted by up to 4 pixels, mirrored", new Augmentation(4, true).describe());
        assertEquals(
                "a square of 8 pixels covered, mixup 0.2 or cutmix 1.0",
                Augmentation.of(new Cutout(8)).mixing(new Mixing(0.2, 1)).describe());
        assertSame(Mixing.NONE, Augmentation.NONE.mixing());
        assertTrue(new Augmentation(0, false).isNone());
    }

    /** Beta(α, α) has the mean 1/2 and the variance 1/(4·(2α + 1)). */
    @Test
    void ratiosAreDistributedAsTheyShouldBe() {
        SplittableRandom random = new SplittableRandom(11);
        int n = 40_000;
        for (double alpha : new double[] {0.01, 0.2, 1, 4}) {
            double sum = 0;
            double squares = 0;
            for (int i = 0; i < n; i++) {
                double x = Beta.symmetric(alpha, random);
                assertTrue(x >= 0 && x <= 1, "a ratio of " + x);
                sum += x;
                squares += (x - 0.5) * (x - 0.5);
            }
            double variance = 1 / (4 * (2 * alpha + 1));
            // Six deviations of the mean of n; the squares lie in [0, 1/4] and deviate by less than an eighth.
            assertEquals(0.5, sum / n, 6 * Math.sqrt(variance / n), "alpha " + alpha);
            assertEquals(variance, squares / n, 6 * 0.125 / Math.sqrt(n), "alpha " + alpha);
        }
    }
}
