package dev.ondine.data;

import java.util.random.RandomGenerator;

/** SplitMix64 (Steele, Lea and Flood 2014) that is set back to a seed for every image, so that none is allocated. */
final class Draws implements RandomGenerator {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private long state;

    /** The stream of a seed begins. */
    void begin(long seed) {
        state = Seeds.mix(seed);
    }

    @Override
    public long nextLong() {
        long value = Seeds.mix(state);
        state += GOLDEN;
        return value;
    }
}
