package dev.ondine.bench;

import dev.ondine.backend.Plan;
import dev.ondine.onednn.OneDnnPlan;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/**
 * Adds to each result the memory that its plan holds and, for a native plan, what part of its time would go into conversions of inputs and
 * outputs if it took and gave them row-major. JMH makes one in the benchmark's own process; {@code -prof dev.ondine.bench.PlanProfiler}.
 */
public final class PlanProfiler implements InternalProfiler {
    /** The plan's memory in MiB. */
    static final String MEMORY = "plan.memory";

    /** What part of a row-major plan's time is conversion, in percent: how much shorter a run in the plan's own layouts is. */
    static final String CONVERSIONS = "plan.conversions";

    /** How many of the plan's steps are oneDNN's slow reference loops. */
    static final String SLOW = "plan.slow";

    private static final int RUNS = 7;

    private static volatile List<Result<?>> last = List.of();

    public PlanProfiler() {}

    /**
     * Looks at a plan that has been timed and is about to be closed. JMH ends a trial inside of its last iteration, and
     * counts the others as zero: hence the maximum.
     *
     * @param rowMajor the same graph on the same side, with inputs and outputs in row-major order
     */
    static void look(Plan plan, Plan rowMajor) {
        List<Result<?>> results = new ArrayList<>();
        results.add(new ScalarResult(MEMORY, plan.memory() / (double) (1 << 20), "MiB", AggregationPolicy.MAX));
        if (plan instanceof OneDnnPlan p) {
            double share = Math.max(0, 1 - fastest(plan) / (double) fastest(rowMajor));
            results.add(new ScalarResult(CONVERSIONS, 100 * share, "%", AggregationPolicy.MAX));
            results.add(new ScalarResult(SLOW, p.warnings().size(), "steps", AggregationPolicy.MAX));
        }
        last = List.copyOf(results);
    }

    /** The shortest of some runs. */
    private static long fastest(Plan plan) {
        long least = Long.MAX_VALUE;
        for (int run = 0; run < RUNS; run++) {
            long start = System.nanoTime();
            plan.run(0);
            least = Math.min(least, System.nanoTime() - start);
        }
        return least;
    }

    @Override
    public String getDescription() {
        return "Memory of a benchmark's plan, and what part of its time conversions of layouts would take";
    }

    @Override
    public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {}

    @Override
    public Collection<? extends Result<?>> afterIteration(
            BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
        List<Result<?>> results = last;
        last = List.of();
        return results;
    }
}
