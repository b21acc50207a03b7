package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.data.BatchAhead;
import dev.ondine.profile.Peak;
import dev.ondine.profile.Processor;
import dev.ondine.profile.Profile;
import dev.ondine.profile.ProfilePage;
import dev.ondine.profile.Profiler;
import dev.ondine.profile.TraceWriter;
import dev.ondine.train.TrainingBatch;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
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

    /** Seconds a batch; 0 if none was prepared. */
    private double preparation;

    @Mixin
    private InputOptions input;

    @Mixin
    private BackendOptions computing;

    @Override
    public Integer call() throws IOException {
        require(seconds > 0 && Double.isFinite(seconds), "--seconds", "a number above 0", seconds);
        NetworkOptions.Network chosen = network.open(this);
        input.check(this);
        computing.check(this);
        Backend backend = computing.open(this);
        String title = chosen.title() + ", " + computing.precision().shortName();
        Profile profile;
        try (Subject subject = Subject.open(chosen, backend, computing, input::loss)) {
            if (subject.plan().report().isEmpty()) {
                throw wrong(
                        "--backend", "the " + backend.name() + " backend does not tell the steps of its plans apart");
            }
            subject.fill(chosen);
            profile = subject.batch().isPresent()
                    ? training(chosen, subject.batch().get())
                    : Profiler.plan(subject.plan(), seconds, peak());
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
            new ProfileText(out(), profile).print(title, machine, describeInput());
        }
        return DONE;
    }

    private String describeInput() {
        if (preparation == 0) return "";
        int workers = input.workers();
        String threads = workers == 1 ? "a thread" : workers + " threads";
        return "a batch is prepared in " + Text.fixed(1e3 * preparation, 2) + " ms by " + threads + " beside, "
                + (input.augmentation("").isNone()
                        ? "not augmented"
                        : input.augmentation("").describe());
    }

    /** A classifier's steps with their input; what reconstructs its input is timed on one batch. */
    private Profile training(NetworkOptions.Network chosen, TrainingBatch batch) {
        if (chosen.reconstructs()) return Profiler.training(batch, seconds, peak());
        Optional<Peak> peak = peak();
        int classes = Math.toIntExact(batch.output().shape().dim(1));
        boolean soft = batch.target().dataType().isFloat();
        try (BatchAhead ahead = ProfileInput.open(chosen.sample(), classes, batch.size(), input, soft)) {
            Profile profile = Profiler.training(batch, Optional.of(ahead), seconds, peak);
            preparation = ahead.preparationSeconds();
            return profile;
        }
    }

    /** What was measured before; else it is measured now, once. */
    private Optional<Peak> peak() {
        Optional<Peak> known = Peak.cached(computing.threads());
        if (known.isPresent()) return known;
        err().println("ondine: measuring the machine's peak first, once (ondine peak)");
        return Optional.of(Peak.measure(computing.threads()));
    }
}
