package dev.ondine.train;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Finds numbers that are none. Allocates nothing after its construction. */
final class FiniteCheck {
    private static final int EXPONENT = 0x7F80_0000;
    private static final int EXPONENT_LOWEST_BIT = 0x0080_0000;

    private final int[] chunk = new int[4096];

    /** The index of the first float32 of a block that is a NaN or an infinity; −1 if all are finite. */
    long firstNotFinite(MemorySegment block) {
        long n = block.byteSize() / Float.BYTES;
        for (long from = 0; from < n; from += chunk.length) {
            int count = (int) Math.min(chunk.length, n - from);
            MemorySegment.copy(block, ValueLayout.JAVA_INT, from * Float.BYTES, chunk, 0, count);
            if (hasNotFinite(count)) {
                for (int i = 0; i < count; i++) {
                    if ((chunk[i] & EXPONENT) == EXPONENT) return from + i;
                }
            }
        }
        return -1;
    }

    /**
     * An exponent of ones alone carries into the sign bit when one is added. Integers, joined by or: unlike a sum of floats, whose order
     * matters, the compiler may compute this in vectors.
     */
    private boolean hasNotFinite(int count) {
        int any = 0;
        for (int i = 0; i < count; i++) any |= (chunk[i] & EXPONENT) + EXPONENT_LOWEST_BIT;
        return any < 0;
    }
}
