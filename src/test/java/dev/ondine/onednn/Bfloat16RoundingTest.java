package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.backend.Team;
import dev.ondine.tensor.BFloat16;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class Bfloat16RoundingTest {
    /** Below, at and above the middle between two neighbours, and at their ends. */
    private static final int[] LOWER_HALVES = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};

    /** Every bfloat16 and what lies between it and its neighbour: numbers, subnormal ones, infinities, NaNs. */
    @Test
    void roundsAsTheTensorsDo() {
        int n = 0x10000 * LOWER_HALVES.length;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment x = arena.allocate(ValueLayout.JAVA_INT, n);
            MemorySegment y = arena.allocate(ValueLayout.JAVA_INT, n);
            for (int i = 0; i < n; i++) {
                int bits = (i / LOWER_HALVES.length) << 16 | LOWER_HALVES[i % LOWER_HALVES.length];
                x.setAtIndex(ValueLayout.JAVA_INT, i, bits);
            }
            Bfloat16Rounding.step(Team.alone(), x, y, n).run(0);
            Bfloat16Rounding.step(Team.alone(), x, x, n).run(0);
            for (int i = 0; i < n; i++) {
                int bits = (i / LOWER_HALVES.length) << 16 | LOWER_HALVES[i % LOWER_HALVES.length];
                int expected = BFloat16.fromFloat(Float.intBitsToFloat(bits)) << 16;
                assertEquals(expected, y.getAtIndex(ValueLayout.JAVA_INT, i), () -> Integer.toHexString(bits));
                assertEquals(expected, x.getAtIndex(ValueLayout.JAVA_INT, i), "in place");
            }
        }
    }
}
