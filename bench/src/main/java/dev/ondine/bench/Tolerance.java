package dev.ondine.bench;

/**
 * How far a result may lie from the reference's, relative to the largest magnitude of the tensor. The reference computes in double
 * precision, so that the difference is the native backend's float32 rounding.
 *
 * @param name what the number allows for; an error message shows it
 */
record Tolerance(String name, double value) {
    /** One rounding to float32: half the distance of 1 and its successor. */
    private static final double EPSILON = 0x1p-24;

    /** One rounding to bfloat16, which keeps 8 bits: half the distance of 1 and its successor. */
    private static final double BFLOAT16_EPSILON = 0x1p-9;

    /** Copied, chosen or cut off: equal to the bit. */
    static final Tolerance EXACT = new Tolerance("equal to the bit", 0);

    /** oneDNN computes exponentials and error functions by polynomials that are good to some units in the last place. */
    static final Tolerance TRANSCENDENTAL = new Tolerance("polynomials", 64 * EPSILON);

    /** A sum of n terms: √n roundings expected, four times that allowed, and a few for what is done with the sum. */
    static Tolerance sum(double n) {
        return new Tolerance("a sum of " + (long) n + " terms in float32", EPSILON * (8 + 4 * Math.sqrt(n)));
    }

    /** A value normalized by statistics over n values: their roundings, and those of (x − μ)/σ. */
    static Tolerance normalized(double n) {
        return new Tolerance("normalized over " + (long) n + " values in float32", EPSILON * (32 + 4 * Math.sqrt(n)));
    }

    /**
     * The same with operands, what lies between two operations, and results in bfloat16: each of them is rounded once, and relative to the
     * largest magnitude of the result some roundings do not average out.
     */
    Tolerance inBfloat16() {
        return new Tolerance(name + ", tensors in bfloat16", value + 8 * BFLOAT16_EPSILON);
    }
}
