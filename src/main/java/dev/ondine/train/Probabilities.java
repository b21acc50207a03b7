package dev.ondine.train;

import java.util.Comparator;
import java.util.stream.IntStream;

/** What a classifier's outputs say. */
public final class Probabilities {
    private Probabilities() {}

    /** The softmax of logits; NaN throughout if a logit is not finite. */
    public static double[] of(float[] logits) {
        double most = Double.NEGATIVE_INFINITY;
        for (float l : logits) most = Math.max(most, l);
        double[] p = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            p[i] = Math.exp(logits[i] - most);
            sum += p[i];
        }
        for (int i = 0; i < p.length; i++) p[i] /= sum;
        return p;
    }

    /** The indices of the largest values, the largest first; of equal ones the first. */
    public static int[] largest(double[] values, int count) {
        return IntStream.range(0, values.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -values[i]))
                .limit(count)
                .mapToInt(Integer::intValue)
                .toArray();
    }
}
