package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.FrozenWeights;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;

/** A network's output for random images, with the running statistics of a model that was never trained. */
final class BenchInference implements BenchStep {
    private final FrozenWeights weights;
    private final Plan plan;

    BenchInference(NetworkOptions.Network chosen, Backend backend, PlanOptions options) {
        try (Model model = Model.of(chosen.layer().orElseThrow(), chosen.sample(), 1)) {
            weights = new FrozenWeights(model.parameters()::get);
            plan = backend.compile(model.graph(Mode.EVALUATION, chosen.batch(), (_, _) -> {}), options.frozen(weights));
        }
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
        weights.close();
    }
}
