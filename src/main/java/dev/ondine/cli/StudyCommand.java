package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Datasets;
import dev.ondine.profile.Processor;
import dev.ondine.study.BatchNormStudy;
import dev.ondine.study.StudyPage;
import dev.ondine.study.StudyResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows with measured curves what is said about training. */
@CommandLine.Command(
        name = "study",
        sortOptions = false,
        description = {
            "Train a small network in several ways, and write a page of what was seen.",
            "batchnorm: with batch normalization and without, at learning rates of 1, 5 and 30 times a base rate, with"
                    + " dropout, at several batch sizes; and how the input of a deep layer drifts.",
            ""
        })
final class StudyCommand extends Command {
    private static final String BATCH_NORM = "batchnorm";

    @Parameters(paramLabel = "TOPIC", description = "batchnorm.")
    private String topic;

    @Option(
            names = "--data",
            paramLabel = "DATA",
            description = "digits[:TRAIN[,TEST]], mnist:DIR, cifar10:DIR or images:DIR_OR_ZIP[?size=HxW]. Default:"
                    + " ${DEFAULT-VALUE}.")
    private String data = "digits";

    @Option(
            names = "--samples",
            paramLabel = "N",
            description = "Train on so many at most, chosen at random. Default: ${DEFAULT-VALUE}.")
    private int samples = 6000;

    @Option(
            names = "--test-samples",
            paramLabel = "N",
            description = "Test on so many at most, chosen at random. Default: ${DEFAULT-VALUE}.")
    private int testSamples = 1000;

    @Option(names = "--epochs", paramLabel = "N", description = "Of each run. Default: ${DEFAULT-VALUE}.")
    private int epochs = 3;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Of the weights, the order of the samples, dropout, and digits. Default: ${DEFAULT-VALUE}.")
    private long seed = 1;

    @Option(names = "--html", paramLabel = "FILE", description = "The page. Default: ${DEFAULT-VALUE}.")
    private Path html = Path.of("study-batchnorm.html");

    @Mixin
    private BackendOptions computing;

    @Override
    public Integer call() throws IOException {
        requireOneOf("TOPIC", List.of(BATCH_NORM), topic);
        require(samples > 0, "--samples", "at least 1", samples);
        require(testSamples > 0, "--test-samples", "at least 1", testSamples);
        require(epochs > 0, "--epochs", "at least 1", epochs);
        computing.check(this);
        PageFile.check(this, "--html", html);
        Backend backend = computing.open(this);
        DataSplit split = openData();
        BatchNormStudy study;
        try {
            study = new BatchNormStudy(split, backend, computing.options(), epochs, seed);
        } catch (IllegalArgumentException e) {
            throw wrong("--samples", e.getMessage());
        }
        field(
                "Data",
                split.name() + ": " + split.train().size() + " train, "
                        + split.test().size() + " test");
        field("Backend", computing.describe(backend));
        AtomicBoolean stopped = new AtomicBoolean();
        long start = System.nanoTime();
        try (Interruption _ = new Interruption(() -> stopped.set(true))) {
            Optional<StudyResult> result = study.run(new Progress(), stopped::get);
            if (result.isEmpty()) {
                err().println("Stopped. Nothing was written.");
                return INTERRUPTED;
            }
            String time = Text.duration((System.nanoTime() - start) * 1e-9);
            String machine = Processor.name() + ", " + computing.describe(backend) + "; " + time + " in all";
            PageFile.write(html, StudyPage.of(result.get(), machine));
            out().println();
            out().println(Text.wrapped(StudyPage.findings(result.get()), 100));
            out().println();
            out().println("Page:        " + html + " (" + time + ")");
        }
        return DONE;
    }

    private DataSplit openData() {
        try {
            DataSplit all = Datasets.open(data, seed);
            return new DataSplit(
                    data, Datasets.take(all.train(), samples, seed), Datasets.take(all.test(), testSamples, seed));
        } catch (IllegalArgumentException e) {
            throw wrong("--data", e.getMessage());
        }
    }

    /** A line a run; on a terminal the share of the one under way, too. */
    private final class Progress implements BatchNormStudy.Progress {
        private final boolean terminal = TrainingDisplay.isTerminal();

        @Override
        public void step(int run, int runs, String what, double done) {
            if (!terminal) return;
            out().print("\r" + head(run, runs, what) + "  " + Text.right(Math.round(100 * done) + " %", 5));
            out().flush();
        }

        @Override
        public void done(int run, int runs, String what, String result) {
            out().println((terminal ? "\r" : "") + head(run, runs, what) + "  " + result + "   ");
        }

        private static String head(int run, int runs, String what) {
            return Text.right(Integer.toString(run), 2) + "/" + runs + "  " + Text.left(what, 44);
        }
    }
}
