package dev.ondine.inspect;

import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * One batch normalization of a trained network: what it learned, what it remembers, and what real data would have it remember.
 *
 * @param path of the layer
 * @param gamma γ of each channel; empty if it has none
 * @param beta β of each channel; empty if it has none
 * @param mean of the layer's input over real data; empty if there was none
 * @param variance likewise, unbiased enough: over all samples together
 * @param activity the mean behind the ReLU behind this layer, in evaluation; empty if there is no such ReLU, it takes the
 *     sum with another layer that is told of it, or there is no data
 */
public record BatchNormLayer(
        String path,
        float epsilon,
        float[] gamma,
        float[] beta,
        float[] runningMean,
        float[] runningVariance,
        float[] mean,
        float[] variance,
        float[] activity) {
    /** A channel whose |γ| is below this share of the layer's root mean square gives next to nothing on. */
    public static final double DEAD_SHARE = 0.01;

    /** With a variance below so many ε the input hardly varies, and ε decides what comes out. */
    public static final double EPSILONS = 10;

    /** So many standard deviations of the data the running mean may be off. */
    public static final double FAR_SHIFT = 1;

    /** So many times the data's variance, or a part of it as small, the running variance may be. */
    public static final double FAR_RATIO = 4;

    /** How many channels it normalizes. */
    public int channels() {
        return runningMean.length;
    }

    /** Channels with γ near zero, or none at all: a NaN. */
    public int[] dead() {
        double squares = 0;
        for (float g : gamma) squares += (double) g * g;
        double limit = DEAD_SHARE * Math.sqrt(squares / Math.max(1, gamma.length));
        return where(gamma.length, c -> !(Math.abs(gamma[c]) > limit));
    }

    /** Channels whose running variance is near ε, or not a number. */
    public int[] constant() {
        return where(channels(), c -> !(runningVariance[c] >= EPSILONS * epsilon));
    }

    /** Channels that no sample made fire, though they could have: those of {@link #activity} 0. */
    public int[] silent() {
        return where(activity.length, c -> activity[c] <= 0);
    }

    /** Channels whose running statistics are far from those of the data. */
    public int[] far() {
        return where(mean.length, c -> !(shift(c) <= FAR_SHIFT && ratio(c) <= FAR_RATIO && ratio(c) >= 1 / FAR_RATIO));
    }

    /** By how many standard deviations of the data the running mean is off. */
    public double shift(int channel) {
        return Math.abs(runningMean[channel] - mean[channel]) / Math.sqrt(variance[channel] + epsilon);
    }

    /** The running variance over that of the data, ε added to both. */
    public double ratio(int channel) {
        return ((double) runningVariance[channel] + epsilon) / ((double) variance[channel] + epsilon);
    }

    /** The median over the channels of how far the running mean is off, see {@link #shift}. */
    public double medianShift() {
        return median(IntStream.range(0, mean.length).mapToDouble(this::shift).toArray());
    }

    /** The median over the channels of {@link #ratio}. */
    public double medianRatio() {
        return median(IntStream.range(0, mean.length).mapToDouble(this::ratio).toArray());
    }

    private static double median(double[] values) {
        if (values.length == 0) return Double.NaN;
        Arrays.sort(values);
        return values[values.length / 2];
    }

    private static int[] where(int n, IntPredicate test) {
        return IntStream.range(0, n).filter(test).toArray();
    }
}
