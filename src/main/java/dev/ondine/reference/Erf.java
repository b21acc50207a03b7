package dev.ondine.reference;

/**
 * The error function {@code erf(x) = 2/√π·∫₀ˣ exp(−t²) dt} and its complement, to about the precision of double: the
 * rational Chebyshev approximations of W. J. Cody 1969, "Rational Chebyshev approximations for the error function",
 * Mathematics of Computation 23, in the arrangement of his routine CALERF.
 */
final class Erf {
    private static final double INVERSE_ROOT_PI = 5.6418958354775628695e-1;

    // erf(x)/x = p(x²)/q(x²) for |x| ≤ 0.46875; coefficients from the highest power down, here and below.
    private static final double[] SMALL_P = {
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3
    };
    private static final double[] SMALL_Q = {
        1, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3
    };

    // exp(x²)·erfc(x) = p(x)/q(x) for 0.46875 ≤ x ≤ 4.
    private static final double[] MIDDLE_P = {
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594e0,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3
    };
    private static final double[] MIDDLE_Q = {
        1,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3
    };

    // exp(x²)·erfc(x) = (1/√π − p(1/x²)/(x²·q(1/x²)))/x for x ≥ 4.
    private static final double[] LARGE_P = {
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4
    };
    private static final double[] LARGE_Q = {
        1,
        2.56852019228982242e0,
        1.87295284992346725e0,
        5.27905102951428412e-1,
        6.05183413124413191e-2,
        2.33520497626869185e-3
    };

    private Erf() {}

    static double erf(double x) {
        double a = Math.abs(x);
        if (a <= 0.46875) return x * polynomial(SMALL_P, x * x) / polynomial(SMALL_Q, x * x);
        return Math.copySign(1 - complement(a), x);
    }

    /** 1 − erf(x), without the cancellation where erf(x) is near 1. */
    static double erfc(double x) {
        if (Math.abs(x) <= 0.46875) return 1 - erf(x);
        return x > 0 ? complement(x) : 2 - complement(-x);
    }

    /** erfc for x above 0.46875. */
    private static double complement(double x) {
        if (x > 27) return 0; // below the least double
        double scaled;
        if (x <= 4) {
            scaled = polynomial(MIDDLE_P, x) / polynomial(MIDDLE_Q, x);
        } else {
            double r = 1 / (x * x);
            scaled = (INVERSE_ROOT_PI - r * polynomial(LARGE_P, r) / polynomial(LARGE_Q, r)) / x;
        }
        // exp(−x²) in two factors: the square of x cut to a sixteenth is exact, the rest is small.
        double cut = Math.floor(x * 16) / 16;
        return Math.exp(-cut * cut) * Math.exp(-(x - cut) * (x + cut)) * scaled;
    }

    private static double polynomial(double[] coefficients, double x) {
        double sum = 0;
        for (double c : coefficients) sum = sum * x + c;
        return sum;
    }
}
