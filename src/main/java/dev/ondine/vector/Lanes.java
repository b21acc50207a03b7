package dev.ondine.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/** The vectors of float32 that this processor likes best, and what every kernel asks about them. */
final class Lanes {
    static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    /** Lanes of a vector: 8 with AVX2, 16 with AVX-512, 4 with NEON. */
    static final int COUNT = SPECIES.length();

    /** Output channels that a convolution's inner loop computes at a time: two vectors. */
    static final int BLOCK = 2 * COUNT;

    /** Floats behind the end of an array that kernels may read, though not use: a vector that begins in the last pixel. */
    static final int SLACK = BLOCK;

    private Lanes() {}

    /** The first {@code count} lanes; all of them if there are as many or fewer. */
    static VectorMask<Float> first(int count) {
        return SPECIES.indexInRange(0, Math.clamp(count, 0, COUNT));
    }

    /** {@code count} rounded up to whole multiples of {@code of}. */
    static int roundUp(int count, int of) {
        return Math.multiplyExact(Math.ceilDiv(count, of), of);
    }
}
