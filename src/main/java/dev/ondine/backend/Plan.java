package dev.ondine.backend;

import dev.ondine.graph.Graph;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * A compiled graph with all of the memory that it needs. One thread uses a plan at a time; {@link #run} allocates nothing.
 *
 * <p>Parameters lie in one flat block of float32 in an order and layout of the plan's own ({@link #weights}); {@link #gradients} is
 * a second block of the same layout, so that an optimizer is one pass over both, and keeps its state in further blocks of that
 * layout. {@link #pack} and {@link #unpack} translate one parameter between such a block and row-major order. Padding in the
 * blocks is zero and stays zero under every update that maps zeros to zero.
 *
 * <p>After {@link #close} every method throws {@link IllegalStateException}.
 */
public interface Plan extends AutoCloseable {
    /** The graph as this backend runs it, after its passes. */
    Graph graph();

    /** The memory of an input, row-major: written by the caller before a run, unchanged by it. */
    Tensor input(String name);

    /** The memory of an output, row-major: valid from a run to the next. */
    Tensor output(String name);

    /** The memory of a buffer (running statistics) that the graph reads: written by the caller before a run. */
    Tensor buffer(String name);

    /** The parameters' block. */
    MemorySegment weights();

    /** The gradients' block, which holds those of the last run; empty if the graph has no gradients. */
    MemorySegment gradients();

    /** Copies parameter {@code index} of the graph from row-major order into its place in a block. */
    void pack(int index, MemorySegment rowMajor, MemorySegment block);

    /** Copies parameter {@code index} of the graph from its place in a block to row-major order. */
    void unpack(int index, MemorySegment block, MemorySegment rowMajor);

    /** Where parameter {@code index} lies in a block, in float32 elements; the next one begins behind {@link #extent}. */
    long offset(int index);

    /** How many float32 elements, padding included, parameter {@code index} takes in a block. */
    long extent(int index);

    /** All batch statistics of the last run in one block of float32, laid out as {@link StatisticsLayout} says; empty if there are none. */
    MemorySegment statistics();

    /** The mean of the batch in statistic {@code index} of the graph, after a run. */
    default MemorySegment mean(int index) {
        long start = StatisticsLayout.of(graph()).mean(index);
        return StatisticsLayout.slice(statistics(), start, graph().statistics().get(index));
    }

    /** The biased variance of the batch in statistic {@code index} of the graph, after a run. */
    default MemorySegment variance(int index) {
        long start = StatisticsLayout.of(graph()).variance(index);
        return StatisticsLayout.slice(statistics(), start, graph().statistics().get(index));
    }

    /**
     * Computes what depends on parameters and buffers only, if the plan was compiled with {@link PlanOptions#folding}; does nothing
     * otherwise. The first run after {@link #pack}, or after {@link #weights} or {@link #buffer} was asked for, does it by itself; who
     * keeps what these return and writes into it again says so by this.
     */
    void prepare();

    /**
     * With {@link PlanOptions#ownLayouts}, takes over what was written to the inputs; runs then compute with that until the next call.
     * Every input must have been written since the last run: a plan may use their memory for something else. Otherwise a run reads its
     * inputs anew, and this does nothing.
     */
    default void load() {}

    /**
     * With {@link PlanOptions#ownLayouts}, brings the outputs of the last run to {@link #output}, where they stay until an input is written
     * or the plan runs again; to be called before an input is written. Otherwise they are there already.
     */
    default void fetch() {}

    /** Computes every value of the graph once. {@code step} numbers the runs: random operations draw anew for each. */
    void run(long step);

    /** The threads that this plan runs on, for the work around it; by default the calling one alone. */
    default Team team() {
        return Team.alone();
    }

    /** The bytes that this plan holds, native and heap. */
    long memory();

    /** What runs over which memory, as data; nothing from a backend that does not say. */
    default Optional<PlanReport> report() {
        return Optional.empty();
    }

    /**
     * Runs once, as {@link #run}, and times each step of {@link #report}.
     *
     * @return nanoseconds, one number a step
     * @throws UnsupportedOperationException if this backend gives no report
     */
    default long[] profile(long step) {
        throw new UnsupportedOperationException(getClass().getSimpleName() + " does not tell its steps apart");
    }

    /** What runs, step by step, as text: implementation, layouts, buffers. */
    String print();

    @Override
    void close();
}
