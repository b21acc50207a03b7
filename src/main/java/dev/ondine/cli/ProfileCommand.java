package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.nn.Model;
import dev.ondine.profile.Peak;
import dev.ondine.profile.Processor;
import dev.ondine.profile.Profile;
import dev.ondine.profile.ProfilePage;
import dev.ondine.profile.Profiler;
import dev.ondine.profile.TraceWriter;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Evaluator;
import dev.ondine.train.Loss;
import dev.ondine.train.Optimizer;
import dev.ondine.train.Trainer;
import dev.ondine.train.TrainingBatch;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Times every step of a plan. */
@CommandLine.Command(
        name = "profile",
        sortOptions = false,
        description = {
            "Time each step of a network's plan on random data: what runs it, how long it takes, and how near that"
                    + " comes to the machine's roofline (ondine peak).",
            ""
        })
final class ProfileCommand extends Command {
    @Mixin
    private NetworkOptions network;

    @Option(
            names = "--mode",
            paramLabel = "MODE",
            description = "training: whole training steps; evaluation: with the running statistics. Default:"
                    + " ${DEFAULT-VALUE}.")
    private String mode = "training";

    @Option(
            names = "--seconds",
            paramLabel = "X",
            description = "How long to time, at least. Default: ${DEFAULT-VALUE}.")
    private double seconds = 10;

    @Option(
            names = "--trace",
            paramLabel = "FILE",
            description = "Write a trace for Perfetto or Chrome (JSON) into this file, too.")
    private Path trace;

    @Option(names = "--html", paramLabel = "FILE", description = "Draw it into this file, too.")
    private Path html;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Mixin
    private BackendOptions computing;

    @Override
    public Integer call() throws IOException {
        requireOneOf("--mode", List.of("training", "evaluation"), mode);
        require(seconds > 0 && Double.isFinite(seconds), "--seconds", "a number above 0", seconds);
        NetworkOptions.Network chosen = network.open(this);
        computing.check(this);
        Backend backend = computing.open(this);
        String title = chosen.name() + ", batch " + chosen.batch() + ", " + mode + ", "
                + computing.precision().shortName();
        Profile profile;
        try (Model model = Model.of(chosen.layer(), chosen.sample(), 1)) {
            profile = mode.equals("training") ? training(chosen, model, backend) : evaluation(chosen, model, backend);
        }
        if (trace != null) {
            try (Writer out = Files.newBufferedWriter(trace)) {
                TraceWriter.write(profile, title, out);
            }
        }
        String machine = Processor.name() + ", " + computing.describe(backend);
        if (html != null) Files.writeString(html, ProfilePage.of(profile, title, machine));
        if (json) {
            out().println(ProfileText.json(profile, title));
        } else {
            new ProfileText(out(), profile).print(title, machine);
        }
        return DONE;
    }

    private Profile training(NetworkOptions.Network chosen, Model model, Backend backend) {
        try (Trainer trainer = Trainer.of(model)
                .backend(backend)
                .precision(computing.precision())
                // So small that random data do not blow the parameters up.
                .optimizer(Optimizer.Sgd.of(1e-4).momentum(0.9).weightDecay(5e-4))
                .threads(computing.threads())
                .build()) {
            TrainingBatch batch = trainer.batch(chosen.batch());
            requireReport(batch.plan(), backend);
            fill(batch.input(), batch.target(), model);
            return Profiler.training(batch, seconds, peak());
        }
    }

    private Profile evaluation(NetworkOptions.Network chosen, Model model, Backend backend) {
        try (Evaluator evaluator =
                new Evaluator(model, backend, computing.options(), Loss.crossEntropy(), chosen.batch())) {
            Plan plan = evaluator.plan(chosen.batch());
            requireReport(plan, backend);
            fill(plan.input(Model.INPUT), plan.input("target"), model);
            return Profiler.plan(plan, seconds, peak());
        }
    }

    private void requireReport(Plan plan, Backend backend) {
        if (plan.report().isPresent()) return;
        throw wrong("--backend", "the " + backend.name() + " backend does not tell the steps of its plans apart");
    }

    /** What was measured before; else it is measured now, once. */
    private Optional<Peak> peak() {
        Optional<Peak> known = Peak.cached(computing.threads());
        if (known.isPresent()) return known;
        err().println("ondine: measuring the machine's peak first, once (ondine peak)");
        return Optional.of(Peak.measure(computing.threads()));
    }

    private static void fill(Tensor input, Tensor target, Model model) {
        SplittableRandom random = new SplittableRandom(1);
        float[] values = new float[Math.toIntExact(input.elements())];
        for (int i = 0; i < values.length; i++) values[i] = (float) random.nextDouble(-1, 1);
        input.copyFrom(values);
        int classes = Math.toIntExact(model.outputShape().dim(0));
        for (long i = 0; i < target.elements(); i++) target.setIntAt(i, random.nextInt(classes));
    }
}
