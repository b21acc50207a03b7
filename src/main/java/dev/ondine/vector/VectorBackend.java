package dev.ondine.vector;

import dev.ondine.backend.Backend;
import dev.ondine.backend.BackendUnavailableException;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.UnsupportedPrecisionException;
import dev.ondine.graph.EmulateBfloat16;
import dev.ondine.graph.Fuse;
import dev.ondine.graph.Graph;
import dev.ondine.graph.MixedPrecision;

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
     * @throws UnsupportedPrecisionException if bfloat16 is asked for that is not emulated
     * @throws IllegalArgumentException if {@link PlanOptions#sharedParameters} holds a plan of another backend or of other
     *     parameters
     * @throws IllegalStateException if that plan is closed
     */
    @Override
    public VectorPlan compile(Graph graph, PlanOptions options) {
        Graph fused = Fuse.applyWithoutEpilogues(graph);
        Graph float32 = switch (options.precision()) {
            case FLOAT32 -> fused;
            case BFLOAT16 ->
                throw new UnsupportedPrecisionException("the vector backend computes in float32 only: take f32, or"
                        + " bf16-emulated, which gives the numbers of bf16 without its speed");
            case BFLOAT16_EMULATED -> EmulateBfloat16.apply(MixedPrecision.apply(fused));
        };
        VectorPlan plan = new VectorPlan(float32, options);
        return options.frozen().isPresent() ? options.frozen().get().load(plan) : plan;
    }
}
