package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DigitsTest {
    private static final int PIXELS = 28 * 28;

    private static float[] pixels(Dataset set) {
        float[] all = new float[set.size() * PIXELS];
        for (int i = 0; i < set.size(); i++) set.read(i, all, i * PIXELS);
        return all;
    }

    @Test
    void shapeClassesAndBalance() {
        DataSplit split = Digits.make(200, 100, 1);
        assertEquals(Shape.of(1, 28, 28), split.train().sampleShape());
        assertEquals(10, split.train().classes().size());
        for (int digit = 0; digit < 10; digit++) {
            int d = digit;
            assertEquals(
                    20,
                    IntStream.range(0, 200)
                            .filter(i -> split.train().label(i) == d)
                            .count());
            assertEquals(Integer.toString(digit), split.test().classes().get(digit));
        }
    }

    @Test
    void theSameOnAnyNumberOfThreads() throws Exception {
        float[] common = pixels(Digits.make(500, 10, 3).train());
        try (ForkJoinPool one = new ForkJoinPool(1)) {
            float[] alone =
                    one.submit(() -> pixels(Digits.make(500, 10, 3).train())).get();
            assertArrayEquals(alone, common);
        }
    }

    @Test
    void moreSamplesBeginWithTheSameOnes() {
        float[] few = pixels(Digits.make(20, 10, 3).train());
        float[] many = pixels(Digits.make(200, 50, 3).train());
        assertArrayEquals(few, Arrays.copyOf(many, few.length));
    }

    @Test
    void seedsPartsAndSamplesDiffer() {
        float[] train = pixels(Digits.make(100, 100, 3).train());
        assertFalse(Arrays.equals(train, pixels(Digits.make(100, 100, 4).train())));
        assertFalse(Arrays.equals(train, pixels(Digits.make(100, 100, 3).test())));
        long different = IntStream.range(0, 100)
                .mapToObj(i -> Arrays.hashCode(Arrays.copyOfRange(train, i * PIXELS, (i + 1) * PIXELS)))
                .distinct()
                .count();
        assertEquals(100, different);
    }

    @Test
    void everyPictureHasInkInsideOfItsMargin() {
        Dataset set = Digits.make(2000, 10, 8).train();
        float[] x = new float[PIXELS];
        for (int i = 0; i < set.size(); i++) {
            set.read(i, x, 0);
            double ink = 0;
            for (float v : x) ink += v;
            assertTrue(ink > 15 && ink < 300, "sample " + i + ", a " + set.label(i) + ", has the ink " + ink);
        }
    }

    /**
     * About as hard as MNIST, where softmax regression gets 92 % (91 % with 8,500 samples): shapes must vary, and must
     * stay recognizable. It was 85.7 % when the spread was chosen, with a small convolutional network at 99.2 %.
     */
    @Test
    void aLinearClassifierIsGoodButNotGoodEnough() {
        DataSplit split = Digits.make(Digits.TRAIN, Digits.TEST, 1);
        double accuracy = softmaxRegression(split.train(), split.test());
        assertTrue(accuracy > 0.82 && accuracy < 0.92, "linear accuracy " + accuracy);
    }

    private static double softmaxRegression(Dataset train, Dataset test) {
        float[][] weights = new float[10][PIXELS + 1];
        float[] x = new float[PIXELS];
        SplittableRandom random = new SplittableRandom(1);
        for (int epoch = 0; epoch < 12; epoch++) {
            float rate = 0.05f * (float) Math.pow(0.75, epoch);
            for (int k = 0; k < train.size(); k++) {
                int i = random.nextInt(train.size());
                train.read(i, x, 0);
                double[] p = probabilities(weights, x);
                for (int c = 0; c < 10; c++) {
                    float step = rate * (float) (p[c] - (c == train.label(i) ? 1 : 0));
                    for (int j = 0; j < PIXELS; j++) weights[c][j] -= step * x[j];
                    weights[c][PIXELS] -= step;
                }
            }
        }
        int right = 0;
        for (int i = 0; i < test.size(); i++) {
            test.read(i, x, 0);
            double[] p = probabilities(weights, x);
            int best = 0;
            for (int c = 1; c < 10; c++) if (p[c] > p[best]) best = c;
            if (best == test.label(i)) right++;
        }
        return (double) right / test.size();
    }

    private static double[] probabilities(float[][] weights, float[] x) {
        double[] p = new double[10];
        double sum = 0;
        for (int c = 0; c < 10; c++) {
            float score = weights[c][PIXELS];
            for (int j = 0; j < PIXELS; j++) score += weights[c][j] * x[j];
            p[c] = Math.exp(score);
            sum += p[c];
        }
        for (int c = 0; c < 10; c++) p[c] /= sum;
        return p;
    }
}
