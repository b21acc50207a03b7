package dev.ondine.io.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Whether two results are the same but for rounding. */
final class Closeness {
    private Closeness() {}

    /** @param tolerance of the largest absolute value */
    static void check(float[] expected, float[] actual, float tolerance) {
        assertEquals(expected.length, actual.length);
        float largest = 0;
        for (float v : expected) largest = Math.max(largest, Math.abs(v));
        assertTrue(largest > 0 && Float.isFinite(largest), "the outputs say something: the largest is " + largest);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], tolerance * largest, "element " + i);
        }
    }
}
