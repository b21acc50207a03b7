package dev.ondine.backend;

import dev.ondine.graph.Graph;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Where the batch statistics of a graph lie in a plan's one block of them ({@link Plan#statistics}): for each {@link Graph.Statistic}, in
 * the graph's order, the mean and then the variance, each beginning on a multiple of {@link #ALIGNMENT} floats. What lies between is zero.
 */
public final class StatisticsLayout {
    /** In floats: 64 bytes. */
    public static final int ALIGNMENT = 16;

    private final long[] starts;

    private StatisticsLayout(List<Graph.Statistic> statistics) {
        starts = new long[2 * statistics.size() + 1];
        for (int i = 0; i < statistics.size(); i++) {
            long extent = padded(statistics.get(i).mean().shape().elements());
            starts[2 * i + 1] = starts[2 * i] + extent;
            starts[2 * i + 2] = starts[2 * i + 1] + extent;
        }
    }

    /** The layout for the running statistics of a graph. */
    public static StatisticsLayout of(Graph graph) {
        return new StatisticsLayout(graph.statistics());
    }

    /** So many floats, and what is added to reach the next beginning. */
    public static long padded(long floats) {
        return (floats + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** How many statistics there are. */
    public int count() {
        return starts.length / 2;
    }

    /** The floats of the whole block. */
    public long floats() {
        return starts[starts.length - 1];
    }

    /** Where the mean of statistic {@code i} begins, in floats. */
    public long mean(int i) {
        return starts[2 * checked(i)];
    }

    /** Where the variance of statistic {@code i} begins, in floats. */
    public long variance(int i) {
        return starts[2 * checked(i) + 1];
    }

    /** The statistic that a float of the block belongs to. */
    public int statisticAt(long index) {
        int i = 0;
        while (starts[2 * i + 2] <= index) i++;
        return i;
    }

    /** The part of a block that a mean or a variance takes. */
    public static MemorySegment slice(MemorySegment block, long start, Graph.Statistic statistic) {
        return block.asSlice(start * Float.BYTES, statistic.mean().shape().elements() * Float.BYTES);
    }

    private int checked(int i) {
        if (i < 0 || i >= count()) {
            throw new IndexOutOfBoundsException(
                    "there is no statistic " + i + ": the graph has " + count() + " statistics");
        }
        return i;
    }
}
