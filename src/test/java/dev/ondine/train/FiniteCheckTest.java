package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.backend.Team;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.OpenMpTeam;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FiniteCheckTest {
    private final FiniteCheck check = new FiniteCheck();

    @ParameterizedTest
    @ValueSource(ints = {1, 13, 4095, 4096, 4097, 10_000})
    void findsEachKindAtEachEnd(int n) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment block = arena.allocate(ValueLayout.JAVA_FLOAT, n);
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
                for (int at : new int[] {0, n / 2, n - 1}) {
                    block.setAtIndex(ValueLayout.JAVA_FLOAT, at, bad);
                    assertEquals(at, check.firstNotFinite(block, Team.alone()));
                    block.setAtIndex(ValueLayout.JAVA_FLOAT, at, 0);
                }
            }
        }
    }

    @Test
    void extremesAreFinite() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment block = arena.allocateFrom(
                    ValueLayout.JAVA_FLOAT, Float.MAX_VALUE, -Float.MAX_VALUE, Float.MIN_VALUE, -0f, 0f, -1f);
            assertEquals(-1, check.firstNotFinite(block, Team.alone()));
            assertEquals(-1, check.firstNotFinite(MemorySegment.NULL, Team.alone()));
        }
    }

    /** Whichever thread meets it, the first is named. */
    @Test
    void aTeamFindsTheFirst() {
        OneDnn.load();
        Team team = new OpenMpTeam(3);
        try (Arena arena = Arena.ofShared()) {
            int n = 100_003;
            MemorySegment block = arena.allocate(ValueLayout.JAVA_FLOAT, n);
            assertEquals(-1, check.firstNotFinite(block, team));
            block.setAtIndex(ValueLayout.JAVA_FLOAT, n - 1, Float.NaN);
            assertEquals(n - 1, check.firstNotFinite(block, team));
            block.setAtIndex(ValueLayout.JAVA_FLOAT, n / 2, Float.POSITIVE_INFINITY);
            assertEquals(n / 2, check.firstNotFinite(block, team));
            block.setAtIndex(ValueLayout.JAVA_FLOAT, 7, Float.NaN);
            assertEquals(7, check.firstNotFinite(block, team));
        }
    }
}
