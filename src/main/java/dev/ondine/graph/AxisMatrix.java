package dev.ondine.graph;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.IntFunction;

/**
 * A fixed matrix of few entries, by which the elements along one axis are multiplied: {@code y[i] = Σ over k of m[i,k]·x[k]}. Padding,
 * resizing and averaging over windows of an axis are all of this kind, and so are their gradients, by the transposed matrix.
 */
public final class AxisMatrix {
    /** Where padding takes its elements from. */
    public enum Padding {
        /** Nowhere: they are zero. */
        ZERO,
        /** The element as far inside from the first or last one: 2 1 | 0 1 2 | 1 0. */
        REFLECT,
        /** The first or last one: 0 0 | 0 1 2 | 2 2. */
        REPLICATE
    }

    private record Entry(int column, double weight) {}

    private final String name;
    private final int columns;
    private final int[] starts;
    private final int[] indices;
    private final double[] weights;

    private AxisMatrix(String name, int columns, List<List<Entry>> rows) {
        this.name = name;
        this.columns = columns;
        starts = new int[rows.size() + 1];
        for (int i = 0; i < rows.size(); i++)
            starts[i + 1] = starts[i] + rows.get(i).size();
        List<Entry> entries = rows.stream().flatMap(List::stream).toList();
        indices = entries.stream().mapToInt(Entry::column).toArray();
        weights = entries.stream().mapToDouble(Entry::weight).toArray();
    }

    /**
     * Any matrix, by rows: row i has the entries {@code starts[i]} to {@code starts[i + 1]} of {@code indices}, their columns, and
     * {@code weights}.
     *
     * @param name for printed graphs
     * @throws IllegalArgumentException if the arrays do not fit each other or the columns
     */
    public static AxisMatrix of(String name, int columns, int[] starts, int[] indices, double[] weights) {
        int end = starts[starts.length - 1];
        if (starts[0] != 0 || end != indices.length || end != weights.length) {
            throw new IllegalArgumentException(
                    "the rows end at " + end + " of " + indices.length + " columns and " + weights.length + " weights");
        }
        return of(name, columns, starts.length - 1, i -> {
            List<Entry> row = new ArrayList<>();
            for (int e = starts[i]; e < starts[i + 1]; e++) {
                row.add(new Entry(Objects.checkIndex(indices[e], columns), weights[e]));
            }
            return row;
        });
    }

    private static AxisMatrix of(String name, long columns, long rows, IntFunction<List<Entry>> row) {
        List<List<Entry>> all = new ArrayList<>();
        for (int i = 0; i < Math.toIntExact(rows); i++) all.add(row.apply(i));
        return new AxisMatrix(name, Math.toIntExact(columns), all);
    }

    /**
     * An axis of {@code in} elements with more before and behind it.
     *
     * @throws IllegalArgumentException if a number is negative, or a reflection would reach beyond the other end
     */
    public static AxisMatrix padded(Padding padding, long in, long before, long behind) {
        if (before < 0 || behind < 0) {
            throw new IllegalArgumentException("padding must not be negative, but is " + before + " and " + behind);
        }
        if (padding == Padding.REFLECT && Math.max(before, behind) >= in) {
            throw new IllegalArgumentException("a reflection of " + Math.max(before, behind)
                    + " elements needs an axis of " + (Math.max(before, behind) + 1) + " at least, not " + in);
        }
        return of(padding + " padded", in, before + in + behind, i -> {
            int last = (int) in - 1;
            int at = i - (int) before;
            if (at >= 0 && at <= last) return List.of(new Entry(at, 1));
            return switch (padding) {
                case ZERO -> List.of();
                case REFLECT -> List.of(new Entry(at < 0 ? -at : 2 * last - at, 1));
                case REPLICATE -> List.of(new Entry(Math.clamp(at, 0, last), 1));
            };
        });
    }

    /** An axis of {@code in} elements resized to {@code out}: element ⌊i·in/out⌋, as PyTorch's {@code nearest}. */
    public static AxisMatrix nearest(long in, long out) {
        return of("nearest", in, out, i -> List.of(new Entry((int) (i * in / out), 1)));
    }

    /**
     * An axis of {@code in} elements resized to {@code out} by linear interpolation, as PyTorch's {@code bilinear}.
     *
     * @param alignCorners whether the centres of the first and of the last elements fall together; if not, their outer edges do
     */
    public static AxisMatrix linear(long in, long out, boolean alignCorners) {
        return of("linear", in, out, i -> {
            double at = Math.max(0, (i + 0.5) * in / out - 0.5);
            if (alignCorners) at = out > 1 ? (double) i * (in - 1) / (out - 1) : 0;
            int low = (int) Math.min(in - 1, Math.floor(at));
            int high = (int) Math.min(in - 1, low + 1L);
            double weight = at - low;
            return high == low || weight == 0
                    ? List.of(new Entry(low, 1))
                    : List.of(new Entry(low, 1 - weight), new Entry(high, weight));
        });
    }

    /** The means of {@code out} windows over {@code in} elements: from ⌊i·in/out⌋ to ⌈(i + 1)·in/out⌉, as PyTorch's adaptive pooling. */
    public static AxisMatrix averages(long in, long out) {
        return of("averages", in, out, i -> {
            int from = (int) (i * in / out);
            int to = (int) Math.ceilDiv((i + 1) * in, out);
            List<Entry> window = new ArrayList<>();
            for (int k = from; k < to; k++) window.add(new Entry(k, 1.0 / (to - from)));
            return window;
        });
    }

    /** Rows and columns exchanged: the gradient of a product with this. */
    public AxisMatrix transposed() {
        List<List<Entry>> rows = new ArrayList<>();
        for (int k = 0; k < columns; k++) rows.add(new ArrayList<>());
        for (int i = 0; i < rows(); i++) {
            for (int e = starts[i]; e < starts[i + 1]; e++) rows.get(indices[e]).add(new Entry(i, weights[e]));
        }
        return new AxisMatrix(name + " transposed", rows(), rows);
    }

    /** The elements that the product has. */
    public int rows() {
        return starts.length - 1;
    }

    /** The elements that are multiplied. */
    public int columns() {
        return columns;
    }

    /** How many are not zero. */
    public int entries() {
        return indices.length;
    }

    /** The entries of row i: {@code starts()[i]} to {@code starts()[i + 1]} of {@link #indices} and {@link #weights}. */
    public int[] starts() {
        return starts.clone();
    }

    /** The column of each entry. */
    public int[] indices() {
        return indices.clone();
    }

    /** The factor of each entry. */
    public double[] weights() {
        return weights.clone();
    }

    /** Whether the product has no elements but zeros and such that were there before. */
    public boolean isSelection() {
        boolean single = true;
        for (int i = 0; i < rows(); i++) single &= starts[i + 1] - starts[i] <= 1;
        return single && Arrays.stream(weights).allMatch(w -> w == 1);
    }

    /** {@code linear 4 to 8}. */
    @Override
    public String toString() {
        return name.toLowerCase(Locale.ROOT) + " " + columns + " to " + rows();
    }
}
