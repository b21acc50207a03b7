package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanReport;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Passes;
import dev.ondine.nn.Model;
import dev.ondine.profile.MemoryMap;
import dev.ondine.train.Evaluator;
import dev.ondine.train.Loss;
import dev.ondine.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows what becomes of a network: its graph after each pass, its plan, its memory. */
@CommandLine.Command(
        name = "explain",
        sortOptions = false,
        description = {
            "Show how a network is compiled: the graph after each pass; the steps of the plan with implementations,"
                    + " layouts and memory; what runs slower than it should, and why. Nothing is trained.",
            ""
        })
final class ExplainCommand extends Command {
    /** What is printed, a part each. */
    enum Section {
        GRAPH,
        PLAN,
        MEMORY,
        SLOW
    }

    @Mixin
    private NetworkOptions network;

    @Option(
            names = "--mode",
            paramLabel = "MODE",
            description = "training: forward, loss, gradients; evaluation: with the running statistics. Default:"
                    + " ${DEFAULT-VALUE}.")
    private String mode = "training";

    @Option(
            names = "--section",
            paramLabel = "NAME",
            split = ",",
            description = "Only these: graph, plan, memory, slow. Default: all.")
    private List<String> sections = List.of();

    @Option(names = "--svg", paramLabel = "FILE", description = "Draw the memory over the steps into this file, too.")
    private Path svg;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Mixin
    private BackendOptions computing;

    /** A graph behind a pass. */
    record Stage(String pass, Graph graph) {}

    /**
     * What is explained.
     *
     * @param print of the plan, as its backend prints it
     * @param state bytes that the optimizer remembers
     */
    record Explained(
            String title, String backend, List<Stage> stages, Optional<PlanReport> report, String print, long state) {}

    @Override
    public Integer call() throws IOException {
        requireOneOf("--mode", List.of("training", "evaluation"), mode);
        List<Section> wanted = new ArrayList<>();
        for (String name : sections) wanted.add(constant("--section", Section.class, name));
        NetworkOptions.Network chosen = network.open(this);
        computing.check(this);
        Backend backend = computing.open(this);
        Explained explained;
        try (Model model = Model.of(chosen.layer(), chosen.sample(), 1)) {
            explained = explain(chosen, model, backend);
        }
        if (svg != null) drawMemory(explained);
        if (json) {
            out().println(ExplainJson.of(explained));
        } else {
            new ExplainText(out(), explained).print(wanted.isEmpty() ? List.of(Section.values()) : wanted);
        }
        return DONE;
    }

    /** Compiles by the way that training and evaluation go, and listens. */
    private Explained explain(NetworkOptions.Network chosen, Model model, Backend backend) {
        List<Stage> stages = new ArrayList<>();
        return Passes.watch((pass, graph) -> stages.add(new Stage(pass, graph)), () -> {
            if (mode.equals("training")) {
                try (Trainer trainer = Trainer.of(model)
                        .backend(backend)
                        .precision(computing.precision())
                        .threads(computing.threads())
                        .build()) {
                    Plan plan = trainer.batch(chosen.batch()).plan();
                    return explained(chosen, backend, stages, plan, trainer.stateBytes());
                }
            }
            try (Evaluator evaluator =
                    new Evaluator(model, backend, computing.options(), Loss.crossEntropy(), chosen.batch())) {
                return explained(chosen, backend, stages, evaluator.plan(chosen.batch()), 0);
            }
        });
    }

    private Explained explained(
            NetworkOptions.Network chosen, Backend backend, List<Stage> stages, Plan plan, long state) {
        String title = chosen.name() + ", batch " + chosen.batch() + ", " + mode + ", "
                + computing.precision().shortName();
        return new Explained(title, computing.describe(backend), stages, plan.report(), plan.print(), state);
    }

    private void drawMemory(Explained explained) throws IOException {
        PlanReport report = explained
                .report()
                .orElseThrow(() -> wrong("--svg", "the backend does not say where its buffers lie; use onednn"));
        Files.writeString(svg, MemoryMap.of(report, explained.title()));
    }
}
