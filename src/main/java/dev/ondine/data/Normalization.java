package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * What makes values of [0, 1] into the network's input: {@code (x - mean) / std}, one pair a channel.
 *
 * @param mean of each channel
 * @param std the standard deviation of each channel, above 0
 */
public record Normalization(float[] mean, float[] std) {
    /** {@link #of} looks at no more samples than these, evenly spaced: the mean is then right to about 0.002. */
    private static final int MOST_SAMPLES = 8192;

    /**
     * @throws IllegalArgumentException if the lengths differ or are 0, a mean is not finite, or a deviation not finite
     *     and above 0
     */
    public Normalization {
        mean = mean.clone();
        std = std.clone();
        if (mean.length == 0 || mean.length != std.length) {
            throw new IllegalArgumentException("normalization with " + mean.length + " means and " + std.length
                    + " standard deviations; one of each is needed for every channel");
        }
        for (int c = 0; c < mean.length; c++) {
            if (!Float.isFinite(mean[c]) || !(std[c] > 0) || !Float.isFinite(std[c])) {
                throw new IllegalArgumentException("normalization of channel " + c + " has the mean " + mean[c]
                        + " and the standard deviation " + std[c] + "; both must be finite, the latter above 0");
            }
        }
    }

    /** The normalization that changes nothing. */
    public static Normalization identity(int channels) {
        float[] ones = new float[channels];
        Arrays.fill(ones, 1);
        return new Normalization(new float[channels], ones);
    }

    /**
     * Mean and (biased) standard deviation of each channel over a data set, or over 8,192 of its samples, evenly
     * spaced, if it has more. A channel that never varies gets the deviation 1.
     */
    public static Normalization of(Dataset set) {
        Shape shape = set.sampleShape();
        int elements = Checks.sampleElements(set.name(), shape);
        int channels = (int) shape.dim(0);
        int plane = elements / channels;
        int samples = Math.min(set.size(), MOST_SAMPLES);
        // Of each sample alone, on all processors, since reading one may mean to decode it; merged in order, for the
        // same bits.
        double[][] own = IntStream.range(0, samples)
                .parallel()
                .mapToObj(s -> moments(set, (int) ((long) s * set.size() / samples), elements, channels))
                .toArray(double[][]::new);
        double[] mean = new double[channels];
        double[] squares = new double[channels];
        for (int s = 0; s < samples; s++) {
            for (int c = 0; c < channels; c++) {
                double delta = own[s][2 * c] - mean[c];
                mean[c] += delta / (s + 1);
                squares[c] += own[s][2 * c + 1] + delta * delta * plane * ((double) s / (s + 1));
            }
        }
        float[] means = new float[channels];
        float[] deviations = new float[channels];
        for (int c = 0; c < channels; c++) {
            means[c] = (float) mean[c];
            float std = (float) Math.sqrt(squares[c] / ((double) samples * plane));
            deviations[c] = std > 0 ? std : 1;
        }
        return new Normalization(means, deviations);
    }

    /**
     * Of each channel of a sample the mean and the sum of squares around it, to be merged by Chan's update: never E[x²] − E[x]².
     */
    private static double[] moments(Dataset set, int index, int elements, int channels) {
        float[] x = new float[elements];
        set.read(index, x, 0);
        int plane = elements / channels;
        double[] moments = new double[2 * channels];
        for (int c = 0; c < channels; c++) {
            double sum = 0;
            for (int i = c * plane; i < (c + 1) * plane; i++) sum += x[i];
            double mean = sum / plane;
            double around = 0;
            for (int i = c * plane; i < (c + 1) * plane; i++) around += (x[i] - mean) * (x[i] - mean);
            moments[2 * c] = mean;
            moments[2 * c + 1] = around;
        }
        return moments;
    }

    /** The number of channels that this is for. */
    public int channels() {
        return mean.length;
    }

    /** A copy of the means. */
    @Override
    public float[] mean() {
        return mean.clone();
    }

    /** A copy of the standard deviations. */
    @Override
    public float[] std() {
        return std.clone();
    }

    /** Normalizes one sample of {@code elements} values, channels first, in place. */
    public void apply(float[] values, int offset, int elements) {
        int plane = elements / mean.length;
        if (plane * mean.length != elements) {
            throw new IllegalArgumentException(
                    "normalization of " + mean.length + " channels over " + elements + " values, which do not divide");
        }
        for (int c = 0; c < mean.length; c++) apply(values, offset + c * plane, plane, c);
    }

    /** Normalizes values of one channel in place. */
    void apply(float[] values, int from, int count, int channel) {
        float m = mean[channel];
        float s = std[channel];
        for (int i = from; i < from + count; i++) values[i] = (values[i] - m) / s;
    }

    /**
     * Normalizes samples of float32, channels first, from one place to another or in place.
     *
     * @param samples how many lie one after another in {@code from}
     * @throws IllegalArgumentException if {@code from} does not hold so many samples of these channels
     */
    public void apply(MemorySegment from, MemorySegment to, int samples) {
        long values = from.byteSize() / Float.BYTES;
        long planes = (long) samples * mean.length;
        if (values % planes != 0) {
            throw new IllegalArgumentException("normalization of " + samples + " samples of " + mean.length
                    + " channels over " + values + " values, which do not divide");
        }
        long plane = values / planes;
        for (long p = 0; p < planes; p++) {
            int c = (int) (p % mean.length);
            float m = mean[c];
            float s = std[c];
            for (long i = p * plane; i < (p + 1) * plane; i++) {
                float value = from.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
                to.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, (value - m) / s);
            }
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Normalization n && Arrays.equals(mean, n.mean) && Arrays.equals(std, n.std);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(mean) + Arrays.hashCode(std);
    }

    @Override
    public String toString() {
        return "Normalization[mean=" + Arrays.toString(mean) + ", std=" + Arrays.toString(std) + "]";
    }
}
