package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

/** The assertion that all comparisons rest on must be able to fail. */
class TolerancesTest {
    @Test
    void failsOnErrorsAndOnNaNsWhereverTheyStand() {
        double[] expected = {1, 1, 1, 1};
        Tolerances.assertClose("equal", expected, new double[] {1, 1, 1, 1}, 0);
        for (double[] wrong : new double[][] {
            {9, 1, 1, 1}, {9, Double.NaN, 1, 1}, {Double.NaN, 1, 1, 1}, {1, 1, 1, Double.NaN}, {1, 1, 1, 1.1}, {1, 1, 1}
        }) {
            assertThrows(AssertionError.class, () -> Tolerances.assertClose("wrong", expected, wrong, 1e-3));
        }
    }
}
