package dev.ondine.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class BFloat16Test {
    @Test
    void everyValueSurvivesTheWayThroughFloat() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = BFloat16.toFloat((short) bits);
            if (Float.isNaN(value)) assertTrue(Float.isNaN(BFloat16.toFloat(BFloat16.fromFloat(value))));
            else assertEquals((short) bits, BFloat16.fromFloat(value), "bits " + Integer.toHexString(bits));
        }
    }

    @Test
    void roundsToNearestTiesToEven() {
        // Between neighbours a and b of equal exponent the middle goes to the even one and anything beside it to the
        // nearer.
        for (int bits = 0x3f80; bits < 0x4080; bits++) {
            int middle = bits << 16 | 0x8000;
            int even = (bits & 1) == 0 ? bits : bits + 1;
            assertEquals((short) even, BFloat16.fromFloat(Float.intBitsToFloat(middle)));
            assertEquals((short) bits, BFloat16.fromFloat(Float.intBitsToFloat(middle - 1)));
            assertEquals((short) (bits + 1), BFloat16.fromFloat(Float.intBitsToFloat(middle + 1)));
            assertEquals((short) (even | 0x8000), BFloat16.fromFloat(-Float.intBitsToFloat(middle)));
        }
    }

    @Test
    void keepsSpecialValues() {
        assertEquals((short) 0x7f80, BFloat16.fromFloat(Float.POSITIVE_INFINITY));
        assertEquals((short) 0xff80, BFloat16.fromFloat(Float.NEGATIVE_INFINITY));
        assertEquals((short) 0x7f80, BFloat16.fromFloat(Float.MAX_VALUE));
        assertEquals((short) 0x7f7f, BFloat16.fromFloat(0x1.fep127f));
        assertEquals((short) 0x8000, BFloat16.fromFloat(-0f));
        // The lowest bits of a NaN's payload alone would be cut off to an infinity.
        assertTrue(Float.isNaN(BFloat16.toFloat(BFloat16.fromFloat(Float.intBitsToFloat(0x7f800001)))));
        assertTrue(Float.isNaN(BFloat16.toFloat(BFloat16.fromFloat(Float.intBitsToFloat(0xffffffff)))));
        assertTrue(BFloat16.fromFloat(Float.intBitsToFloat(0xff800001)) < 0, "a negative NaN stays negative");
    }

    @Test
    void aDoubleIsRoundedOnce() {
        // Rounded to float first, this would become the middle of 1 and the next bfloat16, and then go to 1.
        double aboveTheMiddle = 1 + 0x1p-8 + 0x1p-40;
        assertEquals((short) 0x3f80, BFloat16.fromFloat((float) aboveTheMiddle));
        assertEquals((short) 0x3f81, BFloat16.fromDouble(aboveTheMiddle));
        assertEquals((short) 0xbf81, BFloat16.fromDouble(-aboveTheMiddle));
        // And this one, just below the middle above an odd neighbour, would go up.
        double belowTheMiddle = 1 + 3 * 0x1p-8 - 0x1p-40;
        assertEquals((short) 0x3f82, BFloat16.fromFloat((float) belowTheMiddle));
        assertEquals((short) 0x3f81, BFloat16.fromDouble(belowTheMiddle));
        assertEquals((short) 0x7f80, BFloat16.fromDouble(1e300));
        assertEquals((short) 0, BFloat16.fromDouble(Double.MIN_VALUE));
        assertTrue(Float.isNaN(BFloat16.toFloat(BFloat16.fromDouble(Double.NaN))));
    }

    @Test
    void noOtherBfloat16IsNearerToADouble() {
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 200_000; i++) {
            double value = Double.longBitsToDouble(
                    random.nextLong() & 0x000f_ffff_ffff_ffffL | (long) (1023 + random.nextInt(-130, 120)) << 52);
            short bits = BFloat16.fromDouble(value);
            double error = Math.abs(BFloat16.toFloat(bits) - value);
            assertTrue(
                    error <= Math.abs(BFloat16.toFloat((short) (bits + 1)) - value),
                    () -> "above is nearer to " + value);
            if (bits != 0) {
                assertTrue(
                        error <= Math.abs(BFloat16.toFloat((short) (bits - 1)) - value),
                        () -> "below is nearer to " + value);
            }
        }
    }
}
