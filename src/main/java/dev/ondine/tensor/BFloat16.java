package dev.ondine.tensor;

/**
 * bfloat16, the upper half of an IEEE 754 binary32, held in a short. Narrowing rounds to nearest, ties to even, as the
 * CPU's {@code VCVTNEPS2BF16} does (which besides flushes subnormal numbers to zero; here they are kept).
 */
public final class BFloat16 {
    private BFloat16() {}

    /** The exact value of a bfloat16. */
    public static float toFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /**
     * The nearest bfloat16, ties to even. Too large a value becomes an infinity, a NaN stays a (quiet) NaN of the same
     * sign.
     */
    public static short fromFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) return (short) (bits >>> 16 | 0x0040);
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    /** The bfloat16 nearest to a double, ties to even, rounded once. */
    public static short fromDouble(double value) {
        return fromFloat(toOdd(value));
    }

    /**
     * A double rounded to a float in such a way that rounding the float once more, to at most 21 bits of fraction,
     * gives what rounding the double at once would give: an inexact result is the neighbour whose last bit is set
     * ("round to odd").
     */
    static float toOdd(double value) {
        float nearest = (float) value;
        if (nearest == value || Double.isNaN(value)) return nearest;
        int bits = Float.floatToRawIntBits(nearest);
        if ((bits & 1) != 0) return nearest;
        return Float.intBitsToFloat(Math.abs(value) > Math.abs(nearest) ? bits + 1 : bits - 1);
    }
}
