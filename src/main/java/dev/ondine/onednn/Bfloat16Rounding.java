package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ondine.backend.Team;
import java.lang.foreign.MemorySegment;

/**
 * Rounds float32 to bfloat16 and keeps it as float32, as {@link dev.ondine.tensor.BFloat16} does: to nearest, ties to even, NaN stays
 * NaN. Without a branch, so that the compiler makes vectors of it.
 */
final class Bfloat16Rounding {
    private static final int INFINITY = 0x7f80_0000;
    private static final int QUIET = 0x0040_0000;

    /** So few elements are rounded by the time that a team has begun. */
    private static final long ALONE = 4096;

    private Bfloat16Rounding() {}

    /** The step {@code y = bfloat16(x)} over {@code n} elements, on all threads of a team; y may be x. */
    static Step step(Team team, MemorySegment x, MemorySegment y, long n) {
        Team.Task task = (part, parts) -> round(x, y, Team.start(n, part, parts), Team.start(n, part + 1, parts));
        Team small = n <= ALONE ? Team.alone() : team;
        return _ -> small.run(task);
    }

    static void round(MemorySegment x, MemorySegment y, long from, long to) {
        for (long i = from; i < to; i++) y.setAtIndex(JAVA_INT, i, round(x.getAtIndex(JAVA_INT, i)));
    }

    /** On the bits of a float. */
    static int round(int bits) {
        int nan = INFINITY - (bits & 0x7fff_ffff) >> 31; // all ones for a NaN, else zero
        int nearest = bits + 0x7fff + (bits >>> 16 & 1);
        return (nearest & ~nan | (bits | QUIET) & nan) & 0xffff_0000;
    }
}
