package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.Augmentation;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Datasets;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Model;
import dev.ondine.nn.Residual;
import dev.ondine.nn.models.ModelEntry;
import dev.ondine.nn.models.Models;
import dev.ondine.train.Checkpoints;
import dev.ondine.train.Fit;
import dev.ondine.train.Loss;
import dev.ondine.train.ModelCard;
import dev.ondine.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
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
            "The output folder then holds model.safetensors (parameters under PyTorch's names), best.safetensors"
                    + " (those of the best epoch), state.safetensors (for --resume), config.properties and log.jsonl."
        })
final class TrainCommand extends Command {
    @Option(
            names = "--data",
            paramLabel = "DATA",
            description = "digits[:TRAIN[,TEST]], mnist:DIR, cifar10:DIR or images:DIR_OR_ZIP[?size=HxW[&lazy]]."
                    + " Default: ${DEFAULT-VALUE}.")
    private String data = "digits";

    @Option(
            names = "--model",
            paramLabel = "NAME",
            description =
                    "A network that tells classes apart, or an autoencoder, of those that ondine models lists. Default:"
                            + " ${DEFAULT-VALUE}.")
    private String modelName = "cnn-bn";

    @Option(
            names = "--from",
            paramLabel = "MODEL.onnx",
            description =
                    "Instead of --model: go on with the network and the weights of an ONNX file, with a new last layer"
                            + " if the data have another number of classes. Only --resume needs the file again.")
    private Path from;

    @Option(
            names = "--validation",
            paramLabel = "SHARE",
            description = "Hold so much of the training part back, of each class alike, and measure on that after each"
                    + " epoch instead of on the test part. Default: 0.")
    private double validation;

    @Mixin
    private InputOptions input;

    @Mixin
    private TrainingOptions training;

    @Mixin
    private OptimizerOptions optimizer;

    @Mixin
    private ScheduleOptions schedule;

    @Mixin
    private AveragingOptions averaging;

    @Mixin
    private StoppingOptions stopping;

    @Mixin
    private BackendOptions computing;

    @Option(
            names = "--zero-init-residual",
            negatable = true,
            description = "Begin the last batch norm of each residual block with zeros, so that the block begins as its"
                    + " shortcut. Default: no.")
    private boolean zeroInitResidual;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description =
                    "Of the parameters, the order of the samples, dropout, and digits. Default: ${DEFAULT-VALUE}.")
    private long seed = 1;

    @Mixin
    private SavingOptions saving;

    private DataSplit split;
    private ModelCard card;

    @Override
    public Integer call() throws IOException {
        if (from != null) modelName = "onnx:" + from.toAbsolutePath().normalize();
        requireTrainable("--model", modelName);
        boolean reconstructs = Models.get(modelName).task() == ModelEntry.Task.RECONSTRUCTION;
        input.check(this);
        require(validation >= 0 && validation < 1, "--validation", "at least 0 and below 1", validation);
        training.check(this);
        optimizer.check(this);
        schedule.check(this);
        averaging.check(this, training.epochs);
        stopping.check(this, reconstructs);
        if (reconstructs) {
            input.requireNoClasses(this);
            training.requireNoClasses(this);
        }
        computing.check(this);
        saving.check(this);
        input.settle(data);
        Path path = saving.folder(this, RunFolder.fresh(data, modelName));
        try (RunFolder folder = RunFolder.open(path)) {
            openData();
            Backend backend = computing.open(this);
            computing.settle(backend);
            try (Model model = Model.of(network(), card.sample(), seed);
                    Trainer trainer = optimizer
                            .apply(this, model, Trainer.of(model))
                            .backend(backend)
                            .loss(reconstructs ? Loss.meanSquaredError() : input.loss(training.loss()))
                            .averaging(averaging.averaging())
                            .schedule(schedule.schedule(
                                    training.epochs, (int) (split.train().size() / step())))
                            .threads(computing.threads())
                            .precision(computing.precision())
                            .onNonFinite(training.nonFinite())
                            .seed(seed)
                            .build()) {
                printHeader(model, trainer, backend, folder);
                Fit fit = new Fit(trainer, split, card.normalization(), input.augmentation(data), training.batch, seed)
                        .workers(input.workers());
                Checkpoints checkpoints =
                        saving.apply(new Checkpoints(folder.path(), stopping.monitor(), card::metadata));
                fit.checkpoints(checkpoints);
                if (saving.resumes()) fit.resume(folder.path());
                int code = new TrainingRun(this, training, schedule, stopping, trainer, folder, checkpoints)
                        .run(fit, startLine(model, backend));
                if (folder.hasLog()) report(folder, model, backend, code);
                return code;
            }
        }
    }

    private Layer network() {
        Layer network = Models.create(modelName, card.sample(), card.classes().size());
        if (!zeroInitResidual) return network;
        Layer begun = Residual.withZeroLast(network);
        if (begun.equals(network)) {
            throw wrong("--zero-init-residual", modelName + " has no residual block that ends in batch norm");
        }
        return begun;
    }

    /** Samples that make a step. */
    private long step() {
        return (long) training.batch * optimizer.accumulate();
    }

    /** The run's page; an interrupted run is not kept waiting, and its page has no samples. */
    private void report(RunFolder folder, Model model, Backend backend, int code) throws IOException {
        Path page = code == INTERRUPTED
                ? RunReport.withoutSamples(folder.path(), "The run was interrupted; ondine report adds them.")
                : RunReport.write(
                        folder.path(), model, card, split.test(), backend, PlanOptions.threads(computing.threads()));
        out().println("Report:      " + page);
    }

    private void openData() {
        try {
            split = Datasets.open(data, seed);
            if (validation > 0) split = split.validation(validation, seed);
        } catch (IllegalArgumentException e) {
            throw wrong("--data", e.getMessage());
        }
        int samples = split.train().size();
        require(
                step() <= samples,
                optimizer.accumulate() == 1 ? "--batch" : "--accumulate",
                "at most the " + samples + " samples to train on",
                step());
        card = new ModelCard(
                Optional.of(modelName),
                split.train().sampleShape(),
                split.train().classes(),
                Normalization.of(split.train()),
                1,
                Optional.of(new ModelCard.Data(data, seed)));
    }

    private void printHeader(Model model, Trainer trainer, Backend backend, RunFolder folder) {
        field(
                "Data",
                data + ": " + Text.grouped(split.train().size()) + " train, "
                        + Text.grouped(split.test().size()) + (validation > 0 ? " validation, " : " test, ")
                        + card.classes().size() + " classes, " + card.sample());
        if (validation > 0) field("Validation", "of the training part, shown as test; the test part is left alone");
        Augmentation augmentation = input.augmentation(data);
        if (!augmentation.isNone()) field("Augmented", augmentation.describe());
        field("Model", modelName + ", " + Text.grouped(model.parameters().learned()) + " parameters");
        field("Training", training.describe(optimizer.accumulate(), schedule.warmup()));
        field("Optimizer", optimizer.describe(schedule));
        field("Backend", computing.describe(backend));
        field("Updates", trainer.updateKernels());
        field("Output", folder.toString());
    }

    private Map<String, Object> startLine(Model model, Backend backend) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", "start");
        line.put("time", Instant.now().toString());
        line.put("ondine", OndineCommand.Version.current());
        line.put("data", data);
        line.put("validation", validation);
        input.log(line, data);
        line.put("model", modelName);
        line.put("parameters", model.parameters().learned());
        line.put("zero_init_residual", zeroInitResidual);
        training.log(line);
        optimizer.log(line);
        schedule.log(line);
        averaging.log(line);
        stopping.log(line);
        line.put("backend", backend.name());
        line.put("threads", computing.threads());
        line.put("dtype", computing.precision().shortName());
        line.put("seed", seed);
        return line;
    }
}
