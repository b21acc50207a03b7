package dev.ondine.verify;

/**
 * How far a backend that computes in float32 may be from the reference, which computes in double precision between the same float32
 * inputs. All are relative to the largest magnitude in the tensor that is compared, so that sums in which large terms cancel are
 * judged by the terms.
 */
final class Tolerances {
    /** The distance between 1 and the next float: one rounding is at most half of it. */
    static final double EPSILON = 0x1p-23;

    /** Nothing is computed, values are only moved or chosen: not a bit may differ. */
    static final double EXACT = 0;

    /** A handful of float32 operations one after another: additions, products, a division, the final rounding. */
    static final double ROUNDING = 4 * EPSILON;

    /**
     * Activations: oneDNN approximates exp, tanh and erf by polynomials and tables, whose error is some units in the last place of
     * an intermediate result of the size of the largest value.
     */
    static final double APPROXIMATION = 64 * EPSILON;

    /**
     * The distance between 1 and the next bfloat16. Both backends round the same number up to float32's errors; where it lies next to the
     * middle between two bfloat16 numbers they may take different ones, which are so far apart at most. Sums of float32 over rounded
     * operands have float32's tolerances: the operands are the same to the bit.
     */
    static final double BFLOAT16 = 0x1p-7;

    private Tolerances() {}

    /**
     * A sum of {@code n} products. With every addition the sum so far, of the size √k after k terms of random sign, is rounded:
     * together about EPSILON·√n relative to the result's √n. Four times that, because the worst of many elements counts.
     */
    static double sum(long n) {
        return ROUNDING + 4 * EPSILON * Math.sqrt(n);
    }

    /**
     * Batch normalization over {@code n} values a channel. The mean, a float32 as large as {@code mean}, is off by its rounding,
     * and so is x − μ; divided by the standard deviation that is what y is off by.
     *
     * @param ratio the largest |mean| over standard deviation of the channels
     */
    static double normalization(long n, double ratio) {
        return sum(n) + 4 * EPSILON * ratio;
    }
}
