package dev.ondine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Plan;
import dev.ondine.graph.Graph;
import dev.ondine.nn.Parameters;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Moves the running statistics of every batch normalization towards those of a batch: {@code running = (1 − m)·running + m·batch}, with
 * the unbiased variance n/(n − 1)·σ², and m the layer's momentum, or 1/(batches so far) for the cumulative average.
 */
final class RunningStatistics {
    private record Entry(
            String path,
            MemorySegment mean,
            MemorySegment variance,
            MemorySegment runningMean,
            MemorySegment runningVariance,
            Tensor batches,
            int channels,
            float momentum,
            float unbias) {}

    private final List<Entry> entries = new ArrayList<>();

    RunningStatistics(Plan plan, Parameters parameters) {
        List<Graph.Statistic> statistics = plan.graph().statistics();
        for (int i = 0; i < statistics.size(); i++) {
            Graph.Statistic s = statistics.get(i);
            String prefix = s.path().isEmpty() ? "" : s.path() + ".";
            entries.add(new Entry(
                    s.path(),
                    plan.mean(i),
                    plan.variance(i),
                    parameters.raw(prefix + "running_mean").segment(),
                    parameters.raw(prefix + "running_var").segment(),
                    parameters.raw(prefix + "num_batches_tracked"),
                    Math.toIntExact(s.mean().shape().elements()),
                    s.momentum(),
                    (float) ((double) s.count() / (s.count() - 1))));
        }
    }

    /** The path of the first layer whose batch statistics are not finite; null if all are. */
    String firstNotFinite() {
        for (int i = 0; i < entries.size(); i++) {
            Entry e = entries.get(i);
            // A sum over x·0 is 0 exactly if every x is finite.
            float sum = 0;
            for (int c = 0; c < e.channels; c++) {
                sum += e.mean.getAtIndex(JAVA_FLOAT, c) * 0 + e.variance.getAtIndex(JAVA_FLOAT, c) * 0;
            }
            if (sum != 0 || Float.isNaN(sum)) return e.path;
        }
        return null;
    }

    void update() {
        for (int i = 0; i < entries.size(); i++) {
            Entry e = entries.get(i);
            long batches = e.batches.getLongAt(0) + 1;
            e.batches.setLongAt(0, batches);
            float m = Float.isNaN(e.momentum) ? 1f / batches : e.momentum;
            blend(e.runningMean, e.mean, e.channels, m, 1);
            blend(e.runningVariance, e.variance, e.channels, m, e.unbias);
        }
    }

    private static void blend(MemorySegment running, MemorySegment batch, int n, float m, float scale) {
        for (int c = 0; c < n; c++) {
            float value = (1 - m) * running.getAtIndex(JAVA_FLOAT, c) + m * (batch.getAtIndex(JAVA_FLOAT, c) * scale);
            running.setAtIndex(JAVA_FLOAT, c, value);
        }
    }
}
