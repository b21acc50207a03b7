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

    private static volatile Plan watched;

    public PlanProfiler() {}

    /** The plan that the next results belong to; null if there is none. */
    static void watch(Plan plan) {
        watched = plan;
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
        Plan plan = watched;
        if (plan == null) return List.of();
        List<Result<?>> results = new ArrayList<>();
        results.add(new ScalarResult(MEMORY, plan.memory() / (double) (1 << 20), "MiB", AggregationPolicy.AVG));
        if (plan instanceof OneDnnPlan p) {
            results.add(new ScalarResult(CONVERSIONS, conversions(p), "%", AggregationPolicy.AVG));
        }
        return results;
    }

    private static double conversions(OneDnnPlan plan) {
        List<String> names = plan.stepNames();
        long[] nanos = plan.profile(0);
        long all = 0;
        long converting = 0;
        for (int i = 0; i < nanos.length; i++) {
            all += nanos[i];
            if (names.get(i).contains("reorder")) converting += nanos[i];
        }
        return 100.0 * converting / all;
    }
}
