package dev.ondine.graph;

import java.util.function.BiConsumer;
import java.util.function.Supplier;

/**
 * Lets somebody watch a graph on its way through the passes. Each pass reports its result itself, wherever it is called from: what is
 * shown cannot be another graph than the one that runs.
 */
public final class Passes {
    private static final ScopedValue<BiConsumer<String, Graph>> WATCHER = ScopedValue.newInstance();

    private Passes() {}

    /**
     * Does something, and tells the watcher each graph that is built or rewritten by the calling thread meanwhile, with the name of
     * the pass: {@code built}, {@code differentiated}, {@code fused} and so on.
     */
    public static <T> T watch(BiConsumer<String, Graph> watcher, Supplier<T> work) {
        return ScopedValue.where(WATCHER, watcher).call(work::get);
    }

    /** Says that a pass is done; returns its graph. Every pass ends with this. */
    public static Graph done(String pass, Graph graph) {
        if (WATCHER.isBound()) WATCHER.get().accept(pass, graph);
        return graph;
    }
}
