package dev.ondine.train;

import dev.ondine.backend.Team;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Finds numbers that are none, on all threads of a team. Allocates nothing after a thread's first use. One calling thread at a time. */
final class FiniteCheck implements Team.Task {
    private static final int EXPONENT = 0x7F80_0000;
    private static final int EXPONENT_LOWEST_BIT = 0x0080_0000;
    private static final int CHUNK = 4096;

    /** Each thread's. */
    private static final ThreadLocal<int[]> CHUNKS = ThreadLocal.withInitial(() -> new int[CHUNK]);

    private MemorySegment block;
    private volatile boolean found;

    /** The index of the first float32 of a block that is a NaN or an infinity; −1 if all are finite. */
    long firstNotFinite(MemorySegment block, Team team) {
        this.block = block;
        found = false;
        try {
            // A team costs a microsecond or two, as does a chunk or two.
            if (block.byteSize() <= 4L * CHUNK * Float.BYTES) run(0, 1);
            else team.run(this);
        } finally {
            this.block = null;
        }
        return found ? search(block) : -1;
    }

    @Override
    public void run(int part, int parts) {
        int[] chunk = CHUNKS.get();
        long n = block.byteSize() / Float.BYTES;
        long chunks = (n + CHUNK - 1) / CHUNK;
        long end = Math.min(n, Team.start(chunks, part + 1, parts) * CHUNK);
        int any = 0;
        for (long from = Team.start(chunks, part, parts) * CHUNK; from < end; from += CHUNK) {
            int count = (int) Math.min(CHUNK, end - from);
            MemorySegment.copy(block, ValueLayout.JAVA_INT, from * Float.BYTES, chunk, 0, count);
            any |= exponents(chunk, count);
        }
        if (any < 0) found = true;
    }

    /**
     * Negative if a number is not finite: an exponent of ones alone carries into the sign bit when one is added. Integers, joined by or:
     * unlike a sum of floats, whose order matters, the compiler may compute this in vectors.
     */
    private static int exponents(int[] chunk, int count) {
        int any = 0;
        for (int i = 0; i < count; i++) any |= (chunk[i] & EXPONENT) + EXPONENT_LOWEST_BIT;
        return any;
    }

    private static long search(MemorySegment block) {
        long n = block.byteSize() / Float.BYTES;
        for (long i = 0; i < n; i++) {
            if ((block.getAtIndex(ValueLayout.JAVA_INT, i) & EXPONENT) == EXPONENT) return i;
        }
        throw new AssertionError("a number of the block was not finite a moment ago");
    }
}
