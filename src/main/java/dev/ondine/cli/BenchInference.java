package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Value;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import java.util.List;

/** A network's output for random images, with the running statistics of a model that was never trained. */
final class BenchInference implements BenchStep {
    private final Plan plan;

    BenchInference(BenchWorkload workload, int size, Backend backend, PlanOptions options) {
        try (Model model = Model.of(workload.network(), workload.sample(), 1)) {
            plan = backend.compile(model.graph(Mode.EVALUATION, size, (_, _) -> {}), options.folding(true));
            List<Value> parameters = plan.graph().parameters();
            for (int i = 0; i < parameters.size(); i++) {
                plan.pack(i, model.parameters().get(parameters.get(i).name()).segment(), plan.weights());
            }
            for (Value buffer : plan.graph().buffers()) {
                plan.buffer(buffer.name()).copyFrom(model.parameters().get(buffer.name()));
            }
        }
        plan.prepare();
        BenchStep.fill(plan.input(Model.INPUT));
    }

    @Override
    public void run() {
        plan.run(0);
    }

    @Override
    public Plan plan() {
        return plan;
    }

    @Override
    public String updates() {
        return "";
    }

    @Override
    public void close() {
        plan.close();
    }
}
