package dev.ondine.data;

import java.util.random.RandomGenerator;

/** Random numbers of the beta distribution with two equal parameters. */
final class Beta {
    private Beta() {}

    /** A number of Beta(α, α), in [0, 1]: the share of one of two gamma variates. */
    static double symmetric(double alpha, RandomGenerator random) {
        double x = logGamma(alpha, random);
        double y = logGamma(alpha, random);
        // In logarithms, since both may be smaller than the least double if α is small.
        return 1 / (1 + Math.exp(y - x));
    }

    /**
     * The logarithm of a number of Gamma(α, 1): Marsaglia and Tsang 2000, which for α below 1 is Gamma(α + 1)·U^(1/α), U uniform in
     * (0, 1].
     */
    private static double logGamma(double alpha, RandomGenerator random) {
        if (alpha < 1) return logGamma(alpha + 1, random) + Math.log(1 - random.nextDouble()) / alpha;
        double d = alpha - 1.0 / 3;
        double c = 1 / Math.sqrt(9 * d);
        while (true) {
            double z = random.nextGaussian();
            double v = 1 + c * z;
            if (v <= 0) continue;
            v = v * v * v;
            if (Math.log(1 - random.nextDouble()) < 0.5 * z * z + d - d * v + d * Math.log(v)) return Math.log(d * v);
        }
    }
}
