package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Datasets;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.nn.Models;
import dev.ondine.train.Fit;
import dev.ondine.train.Trainer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains a model and saves it after every epoch. */
@CommandLine.Command(
        name = "train",
        sortOptions = false,
        description = {
            "Train a model and save it after every epoch.",
            "Without options: cnn-bn on digits that are made on the spot.",
            ""
        },
        footer = {
            "",
            "Ctrl-C stops after the current step and saves; pressed again it ends at once.",
            "The output folder then holds model.safetensors (parameters under PyTorch's names),"
                    + " optimizer.safetensors and log.jsonl."
        })
final class TrainCommand extends Command {
    @Option(
            names = "--data",
            paramLabel = "DATA",
            description = "digits[:TRAIN[,TEST]], mnist:DIR, cifar10:DIR or images:DIR_OR_ZIP[?size=HxW]. Default:"
                    + " ${DEFAULT-VALUE}.")
    private String data = "digits";

    @Option(
            names = "--model",
            paramLabel = "NAME",
            description = "mlp-bn, lenet-bn, cnn-bn or resnet20. Default: ${DEFAULT-VALUE}.")
    private String modelName = "cnn-bn";

    @Mixin
    private TrainingOptions training;

    @Mixin
    private BackendOptions computing;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Of the parameters, the order of the samples, dropout, and digits. Default: ${DEFAULT-VALUE}.")
    private long seed = 1;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Where checkpoint and log are to lie. Default: a new folder in runs/.")
    private Path outFolder;

    @Option(names = "--force", description = "Replace the checkpoint in a folder that has one.")
    private boolean force;

    private DataSplit split;
    private Normalization normalization;
    private ModelCard card;
    private long savedSteps;

    @Override
    public Integer call() throws IOException {
        requireOneOf("--model", Models.names(), modelName);
        training.check(this);
        computing.check(this);
        Path path = outFolder != null ? outFolder : RunFolder.fresh(data, modelName);
        if (RunFolder.holdsModel(path) && !force) {
            throw wrong("--out", path + " holds a checkpoint already; name another folder, or replace it with --force");
        }
        try (RunFolder folder = RunFolder.open(path)) {
            openData();
            Backend backend = computing.open(this);
            try (Model model = Model.of(
                            Models.create(modelName, card.sample(), card.classes().size()), card.sample(), seed);
                    Trainer trainer = Trainer.of(model)
                            .backend(backend)
                            .loss(training.loss())
                            .optimizer(training.optimizer())
                            .schedule(training.schedule())
                            .threads(computing.threads())
                            .seed(seed)
                            .build()) {
                printHeader(model, trainer, backend, folder);
                return train(trainer, backend, folder);
            }
        }
    }

    private void openData() {
        try {
            split = Datasets.open(data, seed);
        } catch (IllegalArgumentException e) {
            throw wrong("--data", e.getMessage());
        }
        int samples = split.train().size();
        require(training.batch <= samples, "--batch", "at most the " + samples + " samples to train on", training.batch);
        normalization = Normalization.of(split.train());
        card = new ModelCard(
                modelName, split.train().sampleShape(), split.train().classes(), normalization, data, seed);
    }

    private void printHeader(Model model, Trainer trainer, Backend backend, RunFolder folder) {
        field("Data", data + ": " + Text.grouped(split.train().size()) + " train, "
                + Text.grouped(split.test().size()) + " test, " + card.classes().size() + " classes, " + card.sample());
        field("Model", modelName + ", " + Text.grouped(model.parameters().learned()) + " parameters");
        field("Training", training.describeCourse());
        field("Optimizer", training.describe());
        field("Backend", computing.describe(backend));
        field("Updates", trainer.updateKernels());
        field("Output", folder.toString());
    }

    private int train(Trainer trainer, Backend backend, RunFolder folder) throws IOException {
        long start = System.nanoTime();
        folder.log(startLine(trainer, backend));
        Fit fit = new Fit(trainer, split, normalization, training.batch, seed);
        try (TrainingDisplay display = new TrainingDisplay(out(), training.epochs, TrainingDisplay.isTerminal());
                Interruption _ = new Interruption(() -> stop(fit))) {
            try {
                fit.run(training.epochs, backend, computing.threads(), training.loss(), listener(trainer, folder, display));
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
            folder.log(endLine(fit.isStopped() ? "interrupted" : "done", trainer, start));
            display.close();
            out().println((fit.isStopped() ? "Stopped after step " : "Done: ") + Text.grouped(trainer.steps())
                    + (fit.isStopped() ? "" : " steps") + " in " + Text.fixed((System.nanoTime() - start) * 1e-9, 1) + " s.");
            if (savedSteps > 0) out().println("Checkpoint:  " + folder.model());
            out().println("Log:         " + folder.log());
            return fit.isStopped() ? INTERRUPTED : DONE;
        } catch (IOException | RuntimeException e) {
            if (savedSteps > 0) err().println("The checkpoint of step " + savedSteps + " is kept: " + folder.model());
            Map<String, Object> line = endLine("failed", trainer, start);
            line.put("error", Failures.text(e));
            try {
                folder.log(line);
            } catch (IOException suppressed) {
                e.addSuppressed(suppressed);
            }
            throw e;
        }
    }

    private void stop(Fit fit) {
        fit.stop();
        if (TrainingDisplay.isTerminal()) err().println(); // below ^C and the bar
        err().println("Stopping after this step, then saving. Ctrl-C again ends at once.");
    }

    private Fit.Listener listener(Trainer trainer, RunFolder folder, TrainingDisplay display) {
        return new Fit.Listener() {
            @Override
            public void step(int epoch, int step, int steps, double loss, double accuracy, double imagesPerSecond) {
                display.step(epoch, step, steps, loss, accuracy, imagesPerSecond);
            }

            @Override
            public void epoch(Fit.EpochResult result) {
                // Stopped before the first step of an epoch: there is nothing new.
                if (trainer.steps() == savedSteps) return;
                display.epoch(result);
                try {
                    double epoch = (double) trainer.steps() * training.batch / split.train().size();
                    folder.save(trainer, card.metadata(result.complete() ? result.epoch() : epoch));
                    savedSteps = trainer.steps();
                    folder.log(epochLine(result, trainer));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        };
    }

    private Map<String, Object> startLine(Trainer trainer, Backend backend) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", "start");
        line.put("time", Instant.now().toString());
        line.put("ondine", OndineCommand.Version.current());
        line.put("data", data);
        line.put("model", modelName);
        line.put("parameters", trainer.model().parameters().learned());
        training.log(line);
        line.put("backend", backend.name());
        line.put("threads", computing.threads());
        line.put("seed", seed);
        return line;
    }

    private static Map<String, Object> epochLine(Fit.EpochResult result, Trainer trainer) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", "epoch");
        line.put("epoch", result.epoch());
        line.put("complete", result.complete());
        line.put("steps", trainer.steps());
        line.put("train_loss", result.trainLoss());
        line.put("train_accuracy", result.trainAccuracy());
        line.put("test_loss", result.test() == null ? null : result.test().loss());
        line.put("test_accuracy", result.test() == null ? null : result.test().accuracy());
        line.put("lr", result.learningRate());
        line.put("seconds", result.seconds());
        line.put("images_per_s", result.imagesPerSecond());
        return line;
    }

    private static Map<String, Object> endLine(String how, Trainer trainer, long start) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", "end");
        line.put("how", how);
        line.put("steps", trainer.steps());
        line.put("seconds", (System.nanoTime() - start) * 1e-9);
        return line;
    }
}
