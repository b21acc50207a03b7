package dev.ondine.backend;

/**
 * The random numbers of dropout: a pure function of seed, salt, step and element, so that every backend, layout and number of
 * threads draws the same, and the backward pass draws again what the forward pass drew.
 *
 * <p>The mixing function is that of SplitMix64 (Steele, Lea and Flood 2014).
 */
public final class DropoutMask {
    /** By how much the places of two neighbours differ: 2⁶⁴ divided by the golden ratio. */
    public static final long STRIDE = 0x9E3779B97F4A7C15L;

    private DropoutMask() {}

    /** The key of one dropout layer in one step. */
    public static long key(long seed, long salt, long step) {
        return mix(mix(mix(seed) ^ salt) + step * STRIDE);
    }

    /** Whether the element at row-major index {@code element} is kept. */
    public static boolean keeps(long key, long element, float probability) {
        return draw(key + element * STRIDE) >= threshold(probability);
    }

    /**
     * The number of 24 bits that is drawn for an element.
     *
     * @param place the key plus the element's row-major index times {@link #STRIDE}
     */
    public static long draw(long place) {
        return mix(place) >>> 40;
    }

    /** The least number of 24 bits for which an element is kept that is dropped with this probability. */
    public static long threshold(float probability) {
        return (long) Math.ceil(probability * 0x1p24);
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
