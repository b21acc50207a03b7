package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.PlanReport;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Passes;
import dev.ondine.profile.MemoryMap;
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
        List<Section> wanted = new ArrayList<>();
        for (String name : sections) wanted.add(constant("--section", Section.class, name));
        NetworkOptions.Network chosen = network.open(this);
        computing.check(this);
        Backend backend = computing.open(this);
        Explained explained = explain(chosen, backend);
        if (svg != null) drawMemory(explained);
        if (json) {
            out().println(ExplainJson.of(explained));
        } else {
            new ExplainText(out(), explained).print(wanted.isEmpty() ? List.of(Section.values()) : wanted);
        }
        return DONE;
    }

    /** Compiles, and listens. */
    private Explained explain(NetworkOptions.Network chosen, Backend backend) {
        List<Stage> stages = new ArrayList<>();
        return Passes.watch((pass, graph) -> stages.add(new Stage(pass, graph)), () -> {
            try (Subject subject = Subject.open(chosen, backend, computing)) {
                return new Explained(
                        chosen.title() + ", " + computing.precision().shortName(),
                        computing.describe(backend),
                        stages,
                        subject.plan().report(),
                        subject.plan().print(),
                        subject.stateBytes());
            }
        });
    }

    private void drawMemory(Explained explained) throws IOException {
        PlanReport report = explained
                .report()
                .orElseThrow(() -> wrong("--svg", "the backend does not say where its buffers lie; use onednn"));
        Files.writeString(svg, MemoryMap.of(report, explained.title()));
    }
}
