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
 * Adds to each result the memory that its plan holds and, for a native plan, what part of its time goes into conversions between
 * layouts. JMH makes one in the benchmark's own process; {@code -prof dev.ondine.bench.PlanProfiler}.
 */
public final class PlanProfiler implements InternalProfiler {
    /** The plan's memory in MiB. */
    static final String MEMORY = "plan.memory";

    /** Time in conversions of layouts in percent of the plan's. */
    static final String CONVERSIONS = "plan.conversions";

    /** How many of the plan's steps are oneDNN's slow reference loops. */
    static final String SLOW = "plan.slow";

    private static final int RUNS = 5;

    private static volatile List<Result<?>> last = List.of();

    public PlanProfiler() {}

    /**
     * Looks at a plan that has been timed and is about to be closed. JMH ends a trial inside of its last iteration, and
     * counts the others as zero: hence the maximum.
     */
    static void look(Plan plan) {
        List<Result<?>> results = new ArrayList<>();
        results.add(new ScalarResult(MEMORY, plan.memory() / (double) (1 << 20), "MiB", AggregationPolicy.MAX));
        if (plan instanceof OneDnnPlan p) {
            results.add(new ScalarResult(CONVERSIONS, conversions(p), "%", AggregationPolicy.MAX));
            results.add(new ScalarResult(SLOW, p.warnings().size(), "steps", AggregationPolicy.MAX));
        }
        last = List.copyOf(results);
    }

    @Override
    public String getDescription() {
        return "Memory of a benchmark's plan, and what part of its time goes into conversions between layouts";
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

    private static double conversions(OneDnnPlan plan) {
        List<String> names = plan.stepNames();
        long all = 0;
        long converting = 0;
        for (int run = 0; run < RUNS; run++) {
            long[] nanos = plan.profile(0);
            for (int i = 0; i < nanos.length; i++) {
                all += nanos[i];
                if (names.get(i).contains("reorder")) converting += nanos[i];
            }
        }
        return 100.0 * converting / all;
    }
}
