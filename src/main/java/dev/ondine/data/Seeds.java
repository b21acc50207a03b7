package dev.ondine.data;

import java.util.SplittableRandom;

/** Independent random streams from a seed and the place where they are used. */
final class Seeds {
    private Seeds() {}

    /** The stream of (seed, a, b): the same for the same three, unrelated for neighbouring ones. */
    static SplittableRandom stream(long seed, long a, long b) {
        return new SplittableRandom(mix(mix(mix(seed) + a) + b));
    }

    /** The indices 0 to {@code size - 1} in random order (Fisher-Yates). */
    static int[] permutation(int size, SplittableRandom random) {
        int[] order = new int[size];
        for (int i = 0; i < size; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    /** A step of SplitMix64 (Steele, Lea, Flood 2014). */
    static long mix(long x) {
        x += 0x9E3779B97F4A7C15L;
        x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
        x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
        return x ^ (x >>> 31);
    }
}
