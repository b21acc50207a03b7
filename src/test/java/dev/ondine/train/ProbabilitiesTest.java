package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ProbabilitiesTest {
    @Test
    void largeLogits() {
        double[] p = Probabilities.of(new float[] {1000, 1000, -1000});
        assertEquals(0.5, p[0]);
        assertEquals(0, p[2]);
        assertTrue(Double.isNaN(Probabilities.of(new float[] {Float.NaN, 0})[0]));
    }

    @Test
    void ofEqualOnesTheFirst() {
        assertArrayEquals(new int[] {1, 0}, Probabilities.largest(new double[] {0.2, 0.5, 0.2}, 2));
    }
}
