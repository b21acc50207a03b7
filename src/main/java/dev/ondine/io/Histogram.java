package dev.ondine.io;

import com.google.protobuf.CodedOutputStream;
import java.io.IOException;
import java.util.Arrays;

/** How numbers are spread, in equal buckets from the least to the largest. Numbers that are not finite are left out. */
public final class Histogram {
    private static final int BUCKETS = 30;

    // Fields of HistogramProto, by their numbers in tensorflow/core/framework/summary.proto.
    private static final int MIN = 1;
    private static final int MAX = 2;
    private static final int NUM = 3;
    private static final int SUM = 4;
    private static final int SUM_SQUARES = 5;
    private static final int BUCKET_LIMIT = 6;
    private static final int BUCKET = 7;

    private final double[] sorted;

    private Histogram(double[] sorted) {
        this.sorted = sorted;
    }

    /** Of the finite ones of these numbers. */
    public static Histogram of(float[] values) {
        double[] finite = new double[values.length];
        int n = 0;
        for (float v : values) if (Float.isFinite(v)) finite[n++] = v;
        double[] sorted = Arrays.copyOf(finite, n);
        Arrays.sort(sorted);
        return new Histogram(sorted);
    }

    /** How many finite numbers there were. */
    public int count() {
        return sorted.length;
    }

    /** The value that this share of the numbers lies below, between neighbours linearly; NaN if there are none. */
    public double quantile(double share) {
        if (sorted.length == 0) return Double.NaN;
        double place = share * (sorted.length - 1);
        int below = (int) place;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }

    /** As a HistogramProto: each bucket holds the numbers up to its limit and above that of the one before. */
    void write(CodedOutputStream fields) throws IOException {
        double min = sorted.length == 0 ? 0 : sorted[0];
        double max = sorted.length == 0 ? 0 : sorted[sorted.length - 1];
        double sum = 0;
        double squares = 0;
        for (double v : sorted) {
            sum += v;
            squares += v * v;
        }
        fields.writeDouble(MIN, min);
        fields.writeDouble(MAX, max);
        fields.writeDouble(NUM, sorted.length);
        fields.writeDouble(SUM, sum);
        fields.writeDouble(SUM_SQUARES, squares);
        int buckets = max > min ? BUCKETS : 1;
        double[] limits = new double[buckets];
        double[] counts = new double[buckets];
        int at = 0;
        for (int b = 0; b < buckets; b++) {
            limits[b] = b == buckets - 1 ? max : min + (max - min) * (b + 1) / buckets;
            while (at < sorted.length && sorted[at] <= limits[b]) {
                counts[b]++;
                at++;
            }
        }
        packed(fields, BUCKET_LIMIT, limits);
        packed(fields, BUCKET, counts);
    }

    private static void packed(CodedOutputStream fields, int field, double[] values) throws IOException {
        fields.writeTag(field, 2); // length-delimited
        fields.writeUInt32NoTag(values.length * Double.BYTES);
        for (double v : values) fields.writeDoubleNoTag(v);
    }
}
