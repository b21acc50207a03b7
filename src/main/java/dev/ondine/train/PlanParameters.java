package dev.ondine.train;

import dev.ondine.backend.Plan;
import dev.ondine.graph.Value;
import dev.ondine.nn.Model;
import java.util.List;

/** Brings a model's numbers into plans that somebody compiled from its graphs. */
public final class PlanParameters {
    private PlanParameters() {}

    /** Copies the model's newest parameters and running statistics into a plan; call it again when they have changed. */
    public static void load(Model model, Plan plan) {
        // A trainer on another thread waits with its next update.
        synchronized (model.parameters()) {
            List<Value> parameters = plan.graph().parameters();
            for (int i = 0; i < parameters.size(); i++) {
                plan.pack(i, model.parameters().get(parameters.get(i).name()).segment(), plan.weights());
            }
            for (Value buffer : plan.graph().buffers()) {
                plan.buffer(buffer.name()).copyFrom(model.parameters().get(buffer.name()));
            }
            plan.prepare();
        }
    }
}
