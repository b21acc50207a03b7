package dev.ondine.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ReferenceBatchNormalizationTest {
    // Mean 5 and variance (9 + 1 + 1 + 1)/4 = 3, so that √(σ² + ε) = 2 for ε = 1: every number below is exact.
    private static final double[] X = {8, 4, 4, 4};
    private static final double[] MEAN = {5};
    private static final double[] VARIANCE = {3};
    private static final double[] GAMMA = {2};
    private static final double[] BETA = {1};
    private static final double[] DY = {1, 2, 3, 4};

    private static ReferenceBatchNormalization small(boolean training) {
        return new ReferenceBatchNormalization(
                new Op.BatchNormalization(1, training, true, true, false), Shape.of(2, 1, 2));
    }

    @Test
    void forwardByHand() {
        double[] mean = new double[1];
        double[] variance = new double[1];
        double[] y = new double[4];
        small(true).statistics(X, mean, variance);
        assertArrayEquals(MEAN, mean);
        assertArrayEquals(VARIANCE, variance);
        small(true).forward(X, mean, variance, GAMMA, BETA, y, null);
        assertArrayEquals(new double[] {4, 0, 0, 0}, y);
        small(true).forward(X, mean, variance, null, null, y, null);
        assertArrayEquals(new double[] {1.5, -0.5, -0.5, -0.5}, y);
    }

    @Test
    void reluAndItsMask() {
        double[] y = new double[4];
        double[] mask = new double[4];
        small(true).forward(X, MEAN, VARIANCE, null, null, y, mask);
        assertArrayEquals(new double[] {1.5, 0, 0, 0}, y);
        assertArrayEquals(new double[] {1, 0, 0, 0}, mask);
        double[] nan = {Double.NaN};
        var one = new ReferenceBatchNormalization(
                new Op.BatchNormalization(1, false, false, false, true), Shape.of(1, 1));
        one.forward(nan, MEAN, VARIANCE, null, null, y, mask);
        assertEquals(Double.NaN, y[0], "a NaN must not be hidden by the ReLU");
    }

    @Test
    void backwardByHand() {
        double[] dx = new double[4];
        double[] dgamma = new double[1];
        double[] dbeta = new double[1];
        small(true).backward(X, MEAN, VARIANCE, GAMMA, DY, null, dx, dgamma, dbeta);
        assertArrayEquals(new double[] {10}, dbeta);
        assertArrayEquals(new double[] {1.5 - 1 - 1.5 - 2}, dgamma);
        // γ/s = 1, dβ/m = 2.5, dγ/m = −0.75: dx = dy − 2.5 + 0.75·x̂.
        assertArrayEquals(new double[] {-0.375, -0.875, 0.125, 1.125}, dx);
    }

    @Test
    void backwardThroughRelu() {
        double[] dx = new double[4];
        double[] dgamma = new double[1];
        double[] dbeta = new double[1];
        double[] mask = {1, 0, 0, 0};
        small(true).backward(X, MEAN, VARIANCE, GAMMA, DY, mask, dx, dgamma, dbeta);
        assertArrayEquals(new double[] {1}, dbeta);
        assertArrayEquals(new double[] {1.5}, dgamma);
        assertArrayEquals(new double[] {0.1875, -0.0625, -0.0625, -0.0625}, dx);
    }

    @Test
    void givenStatisticsAreConstants() {
        double[] dx = new double[4];
        small(false).backward(X, MEAN, VARIANCE, GAMMA, DY, null, dx, null, null);
        assertArrayEquals(DY, dx);
        small(false).backward(X, MEAN, VARIANCE, null, DY, null, dx, null, null);
        assertArrayEquals(new double[] {0.5, 1, 1.5, 2}, dx);
    }

    /**
     * Half of each channel lies a power of two above an integer, half as far below: all sums are exact in any order.
     */
    @Test
    void exactMeanAndVariance() {
        for (long[] dims : new long[][] {{2, 1}, {4, 17, 3, 5}, {2, 31, 7}, {6, 13, 1, 1}, {2, 3, 3, 1, 7}}) {
            Shape shape = Shape.of(dims);
            int channels = (int) shape.dim(1);
            int space = (int) shape.elements(2, shape.rank());
            double[] x = new double[(int) shape.elements()];
            double[] mean = new double[channels];
            double[] variance = new double[channels];
            for (int i = 0; i < x.length; i++) {
                int n = i / (channels * space);
                int c = i / space % channels;
                x[i] = c - 8 + (n % 2 == 0 ? deviation(c) : -deviation(c));
            }
            new ReferenceBatchNormalization(new Op.BatchNormalization(1e-5f, true, false, false, false), shape)
                    .statistics(x, mean, variance);
            for (int c = 0; c < channels; c++) {
                assertEquals(c - 8, mean[c], "mean of channel " + c + " of " + shape);
                assertEquals(deviation(c) * deviation(c), variance[c], "variance of channel " + c + " of " + shape);
            }
        }
    }

    private static double deviation(int channel) {
        return Math.scalb(1.0, channel % 6 - 3);
    }

    @Test
    void largeMeanSmallVariance() {
        // 1000 ± 0.01 is stored to 6e-14, which is 6e-12 of the deviation and twice that of the variance, before
        // rounding averages
        // out. E[x²] − E[x]² would be wrong by 1e-16·10⁶, which is 1e-6 of the variance.
        double tolerance = 2e-11;
        double[] x = new double[400];
        for (int i = 0; i < x.length; i++) x[i] = 1000 + (i % 2 == 0 ? 0.01 : -0.01);
        double[] mean = new double[1];
        double[] variance = new double[1];
        var op = new ReferenceBatchNormalization(
                new Op.BatchNormalization(1e-20f, true, false, false, false), Shape.of(4, 1, 10, 10));
        op.statistics(x, mean, variance);
        assertEquals(1000, mean[0], 1e-10);
        assertEquals(1e-4, variance[0], 1e-4 * tolerance);
        double[] y = new double[x.length];
        op.forward(x, mean, variance, null, null, y, null);
        // The mean's own rounding (1e-13) is 1e-11 of the deviation.
        for (int i = 0; i < x.length; i++) assertEquals(i % 2 == 0 ? 1 : -1, y[i], 5 * tolerance);
    }

    /** What normalizing means: mean 0 and variance 1 come out, and no gradient goes in along x or along 1. */
    @Test
    void gradientIgnoresScaleAndMeanOfTheInput() {
        Random random = new Random(1);
        double[] x = random.doubles(60, -3, 5).toArray();
        double[] dy = random.doubles(60, -1, 1).toArray();
        double[] mean = new double[3];
        double[] variance = new double[3];
        double[] dx = new double[60];
        var op = new ReferenceBatchNormalization(
                new Op.BatchNormalization(1e-30f, true, false, false, false), Shape.of(5, 3, 2, 2));
        op.statistics(x, mean, variance);
        op.backward(x, mean, variance, null, dy, null, dx, null, null);
        for (int c = 0; c < 3; c++) {
            double sum = 0;
            double along = 0;
            for (int i = 0; i < 60; i++) {
                if (i / 4 % 3 != c) continue;
                sum += dx[i];
                along += dx[i] * x[i];
            }
            // 20 terms near 1 with a rounding of 1e-16 each.
            assertEquals(0, sum, 1e-14);
            assertEquals(0, along, 1e-13);
        }
    }
}
