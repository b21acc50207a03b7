package dev.ondine.reference;

import dev.ondine.backend.Backend;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Fold;
import dev.ondine.graph.Graph;
import dev.ondine.graph.MixedPrecision;

/**
 * The backend in plain Java. It runs every operation on every platform, on one thread whatever
 * {@link PlanOptions#threads} says, in double precision between inputs, parameters and results of float32; with
 * {@link dev.ondine.backend.Precision#BFLOAT16}, emulated or not, what would be stored as bfloat16 is rounded to it.
 * Use it to check another backend, not for speed.
 */
public final class ReferenceBackend implements Backend {
    public ReferenceBackend() {}

    @Override
    public String name() {
        return "reference";
    }

    /**
     * Allocates all values of the graph.
     *
     * @throws IllegalArgumentException if {@link PlanOptions#sharedParameters} holds a plan of another backend or of
     *     other parameters; names the first that differs
     * @throws IllegalStateException if that plan is closed
     */
    @Override
    public ReferencePlan compile(Graph graph, PlanOptions options) {
        // What is emulated elsewhere is computed here as it is meant.
        Graph folded = options.folding() ? Fold.apply(graph) : graph;
        Graph typed = options.precision().isBfloat16() ? MixedPrecision.apply(folded) : folded;
        ReferencePlan plan = new ReferencePlan(typed, options);
        return options.frozen().isPresent() ? options.frozen().get().load(plan) : plan;
    }
}
