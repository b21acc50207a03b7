package dev.ondine.vector;

import dev.ondine.backend.Backend;
import dev.ondine.backend.BackendUnavailableException;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Fuse;
import dev.ondine.graph.Graph;

/**
 * The tuned pure-Java backend, in float32. Needs the Vector API, a module that is incubating: start Java with {@code --add-modules
 * jdk.incubator.vector}.
 */
public final class VectorBackend implements Backend {
    private static final String MODULE = "jdk.incubator.vector";

    /**
     * @throws BackendUnavailableException if the virtual machine was started without the Vector API; names the option
     */
    public VectorBackend() {
        if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
            throw new BackendUnavailableException("the vector backend needs the module " + MODULE
                    + ": start Java with --add-modules " + MODULE + " (the launcher does, with --backend vector)");
        }
    }

    @Override
    public String name() {
        return "vector";
    }

    /**
     * {@inheritDoc}
     *
     * @throws dev.ondine.graph.ModelException if a value is not of float32 or, as class indices are, of int32, or too large for a
     *     Java array
     * @throws IllegalArgumentException if {@link PlanOptions#sharedParameters} holds a plan of another backend or of other
     *     parameters
     * @throws IllegalStateException if that plan is closed
     */
    @Override
    public VectorPlan compile(Graph graph, PlanOptions options) {
        return new VectorPlan(Fuse.apply(graph), options);
    }
}
