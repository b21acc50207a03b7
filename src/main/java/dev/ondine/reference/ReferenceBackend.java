package dev.ondine.reference;

import dev.ondine.backend.Backend;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Graph;

/**
 * The backend in plain Java. It runs every operation on every platform, on one thread whatever
 * {@link PlanOptions#threads} says, in double precision between inputs, parameters and results of float32. Use it to
 * check another backend, not for speed.
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
        return new ReferencePlan(graph, options);
    }
}
