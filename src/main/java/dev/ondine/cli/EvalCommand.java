package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.BatchAhead;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Dataset;
import dev.ondine.data.Datasets;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.train.Evaluator;
import dev.ondine.train.Loss;
import dev.ondine.train.Measurement;
import dev.ondine.train.ModelCard;
import dev.ondine.train.SavedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures a checkpoint. */
@CommandLine.Command(
        name = "eval",
        sortOptions = false,
        description = {"Measure a checkpoint's loss and accuracy, and how it does class by class.", ""})
final class EvalCommand extends Command {
    @Option(
            names = "--checkpoint",
            required = true,
            paramLabel = "FILE",
            description = "A model.safetensors of ondine train's, one with PyTorch's names, or an ONNX file.")
    private Path checkpoint;

    @Option(
            names = "--data",
            paramLabel = "DATA",
            description =
                    "digits[:TRAIN[,TEST]], mnist:DIR, cifar10:DIR or images:DIR_OR_ZIP[?size=HxW[&lazy]]. Default:"
                            + " what the checkpoint was trained on.")
    private String data;

    @Option(names = "--split", paramLabel = "PART", description = "test or train. Default: ${DEFAULT-VALUE}.")
    private String part = "test";

    @Option(
            names = "--model",
            paramLabel = "NAME",
            description =
                    "As of train, for a checkpoint that does not say it; without --mean and --std samples are then"
                            + " normalized as the training data of --data ask for.")
    private String modelName;

    @Option(names = "--batch", paramLabel = "N", description = "Samples at a time. Default: ${DEFAULT-VALUE}.")
    private int batch = 128;

    @Option(
            names = "--workers",
            paramLabel = "N",
            description =
                    "Threads that prepare batches; more help where images are decoded. Default:" + " ${DEFAULT-VALUE}.")
    private int workers = BatchAhead.DEFAULT_WORKERS;

    @Option(names = "--seed", paramLabel = "N", description = "Of digits. Default: that of the training.")
    private Long seed;

    @Option(
            names = "--top",
            paramLabel = "K",
            description = "Also how often the right class is among the K likeliest; may be given several times.")
    private List<Integer> top = List.of();

    @Option(names = "--confusion", description = "Also which classes are taken for which.")
    private boolean confusion;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Mixin
    private NormalizationOptions normalizing;

    @Mixin
    private BackendOptions computing;

    @Override
    public Integer call() throws IOException {
        requireOneOf("--split", List.of("test", "train"), part);
        if (modelName != null) requireTrainable("--model", modelName);
        require(batch > 0, "--batch", "at least 1", batch);
        require(workers > 0, "--workers", "at least 1", workers);
        for (int k : top) require(k > 0, "--top", "at least 1", k);
        computing.check(this);
        CheckpointOptions.checkName(checkpoint, this, modelName);
        Optional<ModelCard> stored = SavedModel.describe(checkpoint);
        DataSplit split = openData(stored);
        Dataset set = part.equals("test") ? split.test() : split.train();
        Optional<Normalization> given =
                normalizing.given(this, Math.toIntExact(set.sampleShape().dim(0)));
        SavedModel.Opener opener = SavedModel.file(checkpoint);
        if (modelName != null) {
            // Of the data, so that a network for others is refused with what does not fit.
            opener.model(modelName)
                    .sample(set.sampleShape())
                    .classes(set.classes().size());
        }
        if (stored.isPresent()) requireFits(stored.get(), set);
        Backend backend = computing.open(this);
        try (SavedModel saved = opener.open()) {
            requireTakes(saved.model(), set);
            Normalization normalization = given.or(() -> stored.map(ModelCard::normalization))
                    .orElseGet(() -> Normalization.of(split.train()));
            measure(saved, normalization, set, backend);
        }
        return DONE;
    }

    private DataSplit openData(Optional<ModelCard> stored) {
        Optional<ModelCard.Data> trained = stored.flatMap(ModelCard::data);
        if (data == null && trained.isEmpty()) {
            throw wrong("--data", checkpoint + " does not say what it was trained on: name the data");
        }
        try {
            return Datasets.open(
                    data != null ? data : trained.get().name(),
                    seed != null ? seed : trained.map(ModelCard.Data::seed).orElse(1L));
        } catch (IllegalArgumentException e) {
            throw wrong("--data", e.getMessage());
        }
    }

    /** Of a model from a file that says nothing about it. */
    private void requireTakes(Model model, Dataset set) throws IOException {
        if (model.sampleShape().equals(set.sampleShape())) return;
        throw new IOException(checkpoint + " takes samples of the shape " + model.sampleShape() + ", those of "
                + set.name() + " have the shape " + set.sampleShape());
    }

    private void requireFits(ModelCard card, Dataset set) throws IOException {
        if (!card.sample().equals(set.sampleShape())) {
            throw new IOException(checkpoint + " takes samples of the shape " + card.sample() + ", those of "
                    + set.name() + " have the shape " + set.sampleShape());
        }
        if (!card.classes().equals(set.classes())) {
            throw new IOException(checkpoint + " tells the " + card.classes().size() + " classes "
                    + shorten(card.classes()) + " apart, " + set.name() + " has the "
                    + set.classes().size() + " classes " + shorten(set.classes()));
        }
    }

    private static String shorten(List<String> classes) {
        int shown = Math.min(classes.size(), 10);
        return String.join(", ", classes.subList(0, shown)) + (shown < classes.size() ? ", ..." : "");
    }

    private void measure(SavedModel saved, Normalization normalization, Dataset set, Backend backend)
            throws IOException {
        Model model = saved.model();
        long outputs = model.outputShape().elements();
        for (int k : top) require(k <= outputs, "--top", "at most the model's " + outputs + " outputs", k);
        if (!json) {
            field(
                    "Checkpoint",
                    checkpoint + " (" + saved.name() + ", "
                            + Text.grouped(model.parameters().learned()) + " parameters)");
            field("Data", set.name() + ", " + Text.grouped(set.size()) + " samples");
            field("Backend", computing.describe(backend));
        }
        if (model.outputShape().equals(model.sampleShape())) {
            measureReconstruction(model, normalization, set, backend);
            return;
        }
        PlanOptions options = PlanOptions.threads(computing.threads()).precision(computing.precision());
        try (Evaluator evaluator =
                new Evaluator(model, backend, options, Loss.crossEntropy(), batch).workers(workers)) {
            long start = System.nanoTime();
            Measurement result = evaluator.measure(
                    set, normalization, top.stream().mapToInt(k -> k).toArray());
            double seconds = (System.nanoTime() - start) * 1e-9;
            MetricsText text = new MetricsText(result, seconds);
            if (json) out().println(text.json(confusion));
            else text.print(this, confusion);
        }
    }

    /** Of a model that gives back its input there is the mean squared error, and nothing about classes. */
    private void measureReconstruction(Model model, Normalization normalization, Dataset set, Backend backend)
            throws IOException {
        try (Evaluator evaluator =
                new Evaluator(model, backend, computing.options(), Loss.meanSquaredError(), batch).workers(workers)) {
            double loss = evaluator.evaluate(set, normalization).loss();
            if (json) {
                out().println(Json.write(generator -> {
                    generator.writeStartObject();
                    Json.number(generator, "loss", loss);
                    generator.writeNumberField("samples", set.size());
                    generator.writeEndObject();
                }));
            } else {
                field("Loss", Text.fixed(loss, 4) + " (mean squared error of normalized values)");
            }
        }
    }
}
