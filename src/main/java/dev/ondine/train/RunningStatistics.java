package dev.ondine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Plan;
import dev.ondine.backend.StatisticsLayout;
import dev.ondine.backend.Team;
import dev.ondine.graph.Graph;
import dev.ondine.nn.Parameters;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/**
 * Moves the running statistics of every batch normalization towards those of a batch: {@code running = (1 − m)·running + m·batch}, with
 * the unbiased variance n/(n − 1)·σ², and m the layer's momentum, or 1/(batches so far) for the cumulative average.
 *
 * <p>The plan has the batch's statistics in one block, the model its running ones in another, and as a rule both have the same layers in
 * the same order: then this is one pass, {@code running[i] = keep[i]·running[i] + take[i]·batch[i]}, over all of them. Every value is
 * computed from those at its own index, so that any number of threads gives the same bits. Allocates nothing after a thread's first use.
 */
final class RunningStatistics implements Team.Task {
    /** Four arrays of so many floats fit the first-level cache. */
    private static final int CHUNK = 1024;

    /** As fast on the calling thread as a team begins. */
    private static final long ALONE = 8 * CHUNK;

    /** Each thread's: running, batch and the weights of both. */
    private static final ThreadLocal<float[][]> CHUNKS = ThreadLocal.withInitial(() -> new float[4][CHUNK]);

    /** What lies together in both blocks, in floats. */
    private record Span(long batch, long running, long length) {}

    private final Plan plan;
    private final StatisticsLayout layout;
    private final List<Graph.Statistic> statistics;
    private final MemorySegment running;
    private final Tensor[] batches;
    private final boolean cumulative;
    private final Span[] spans;
    private final float[] keep;
    private final float[] take;
    private final Team team;

    /** Those of a model. */
    RunningStatistics(Plan plan, Parameters parameters) {
        this(plan, parameters, parameters.buffers(), parameters::raw, false);
    }

    /** The plain averages over all batches from now on, whatever the layers' momentum, kept beside the model's own running statistics. */
    static RunningStatistics averaging(
            Plan plan, Parameters parameters, MemorySegment averages, Function<String, Tensor> counters) {
        return new RunningStatistics(plan, parameters, averages, counters, true);
    }

    /**
     * @param running where the running statistics are, laid out as {@link Parameters#buffers}
     * @param counters of batches, by name
     * @param cumulative whether all layers take the plain average
     */
    private RunningStatistics(
            Plan plan,
            Parameters parameters,
            MemorySegment running,
            Function<String, Tensor> counters,
            boolean cumulative) {
        this.plan = plan;
        this.running = running;
        this.layout = StatisticsLayout.of(plan.graph());
        this.statistics = plan.graph().statistics();
        this.cumulative = cumulative;
        this.batches = statistics.stream()
                .map(s -> counters.apply(prefix(s) + "num_batches_tracked"))
                .toArray(Tensor[]::new);
        this.spans = spans(parameters);
        this.keep = new float[Math.toIntExact(layout.floats())];
        this.take = new float[keep.length];
        // Between two statistics are zeros in both blocks, and stay so.
        for (int i = 0; i < layout.count(); i++) weigh(i, statistics.get(i).momentum());
        this.team = layout.floats() <= ALONE ? Team.alone() : plan.team();
    }

    private static String prefix(Graph.Statistic s) {
        return s.path().isEmpty() ? "" : s.path() + ".";
    }

    /** Neighbours in both blocks become one span, unless a layer has several statistics, which come one after another. */
    private Span[] spans(Parameters parameters) {
        Set<String> paths = new HashSet<>();
        boolean repeated = !statistics.stream().allMatch(s -> paths.add(s.path()));
        List<Span> list = new ArrayList<>();
        for (int i = 0; i < layout.count(); i++) {
            Graph.Statistic s = statistics.get(i);
            long extent = layout.variance(i) - layout.mean(i);
            Span mean = new Span(layout.mean(i), parameters.bufferOffset(prefix(s) + "running_mean"), extent);
            Span variance = new Span(layout.variance(i), parameters.bufferOffset(prefix(s) + "running_var"), extent);
            join(list, mean, repeated);
            join(list, variance, repeated);
        }
        return list.toArray(Span[]::new);
    }

    private static void join(List<Span> list, Span next, boolean apart) {
        Span last = list.isEmpty() || apart ? null : list.getLast();
        if (last != null && last.batch + last.length == next.batch && last.running + last.length == next.running) {
            list.removeLast();
            list.add(new Span(last.batch, last.running, last.length + next.length));
        } else {
            list.add(next);
        }
    }

    /** Sets the weights of one statistic. */
    private void weigh(int i, float momentum) {
        long count = statistics.get(i).count();
        double unbias = (double) count / (count - 1);
        int mean = (int) layout.mean(i);
        int variance = (int) layout.variance(i);
        int end = 2 * variance - mean;
        Arrays.fill(keep, mean, end, 1 - momentum);
        Arrays.fill(take, mean, variance, momentum);
        Arrays.fill(take, variance, end, (float) (momentum * unbias));
    }

    /** The path of the layer with the first batch statistic that is not finite; null if all are. */
    String firstNotFinite(FiniteCheck finite) {
        long bad = finite.firstNotFinite(plan.statistics(), plan.team());
        return bad < 0 ? null : statistics.get(layout.statisticAt(bad)).path();
    }

    /** How many pieces of memory are passed over: 1 where both blocks are laid out alike. */
    int passes() {
        return spans.length;
    }

    void update() {
        for (int i = 0; i < batches.length; i++) {
            long count = batches[i].getLongAt(0) + 1;
            batches[i].setLongAt(0, count);
            if (cumulative || Float.isNaN(statistics.get(i).momentum())) weigh(i, 1f / count);
        }
        team.run(this);
    }

    @Override
    public void run(int part, int parts) {
        float[][] chunks = CHUNKS.get();
        MemorySegment batch = plan.statistics();
        for (int i = 0; i < spans.length; i++) {
            Span span = spans[i];
            // In lines of the cache. One thread has the same part of every span, so that two of the same layer come in
            // turn.
            long lines = span.length / StatisticsLayout.ALIGNMENT;
            long end = Team.start(lines, part + 1, parts) * StatisticsLayout.ALIGNMENT;
            for (long at = Team.start(lines, part, parts) * StatisticsLayout.ALIGNMENT; at < end; at += CHUNK) {
                int count = (int) Math.min(CHUNK, end - at);
                blend(batch, span.batch + at, span.running + at, count, chunks);
            }
        }
    }

    private void blend(MemorySegment batch, long from, long to, int count, float[][] chunks) {
        float[] old = chunks[0];
        float[] seen = chunks[1];
        MemorySegment.copy(running, JAVA_FLOAT, to * Float.BYTES, old, 0, count);
        MemorySegment.copy(batch, JAVA_FLOAT, from * Float.BYTES, seen, 0, count);
        System.arraycopy(keep, (int) from, chunks[2], 0, count);
        System.arraycopy(take, (int) from, chunks[3], 0, count);
        blend(old, seen, chunks[2], chunks[3], count);
        MemorySegment.copy(old, 0, running, JAVA_FLOAT, to * Float.BYTES, count);
    }

    /** All at one index: the compiler makes vectors of that, whether the arrays are different ones or not. */
    private static void blend(float[] old, float[] seen, float[] keep, float[] take, int count) {
        for (int i = 0; i < count; i++) old[i] = keep[i] * old[i] + take[i] * seen[i];
    }
}
