package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Tensor;

/**
 * How far results may lie from PyTorch's, relative to the largest magnitude of the tensor. Both sides compute in float32 and sum in
 * orders of their own, so that a sum of n terms differs by about √n roundings.
 */
final class Tolerances {
    /** One rounding to float32: half the distance of 1 and its successor. */
    static final double EPSILON = 0x1p-24;

    /** Results that are copied or made by a single correctly rounded operation are equal to the bit. */
    static final double EXACT = 0;

    /** oneDNN computes exponentials and error functions by polynomials that are good to some units in the last place. */
    static final double TRANSCENDENTAL = 64 * EPSILON;

    /** oneDNN looks logarithms up in a table and corrects them by a polynomial: some 4e-6 near 1/2, where that is coarsest. */
    static final double LOGARITHM = 128 * EPSILON;

    private Tolerances() {}

    /** A sum of n products: √n roundings expected, four times that allowed, and a few for what is done with the sum. */
    static double sum(double n) {
        return EPSILON * (8 + 4 * Math.sqrt(n));
    }

    /**
     * A normalized value: (x − μ)/σ. The mean is off by roundings of its own size, which the division blows up by |μ|/σ; the gradients
     * are sums over n values.
     */
    static double normalized(double n, double meanOverDeviation) {
        return EPSILON * (32 + 4 * Math.sqrt(n) + 4 * meanOverDeviation);
    }

    /**
     * A sum of n terms of both signs that nearly cancel, the gradients of γ and β: the result is of the size of √n terms, but partial sums,
     * kept in float32 by oneDNN one after another, are rounded at every step.
     */
    static double cancelling(double n) {
        return EPSILON * (32 + 2 * n);
    }

    static void assertClose(String what, Tensor expected, Tensor actual, double tolerance) {
        assertClose(what, expected.toDoubleArray(), actual.toDoubleArray(), tolerance);
    }

    static void assertClose(String what, double[] expected, double[] actual, double tolerance) {
        assertTrue(expected.length == actual.length, what + ": " + actual.length + " values for " + expected.length);
        double largest = 0;
        double error = 0;
        int worst = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            double e = Math.abs(expected[i] - actual[i]);
            assertFalse(Double.isNaN(e), what + ": element " + i + " is " + actual[i] + " instead of " + expected[i]);
            if (e > error) {
                error = e;
                worst = i;
            }
        }
        int at = worst;
        double relative = error == 0 ? 0 : error / largest;
        assertTrue(
                relative <= tolerance,
                () -> what + ": element " + at + " is " + actual[at] + " instead of " + expected[at]
                        + "; relative error " + relative + ", tolerance " + tolerance);
    }
}
