package dev.ondine.cli;

import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.ModelEntry;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import dev.ondine.train.Checkpoint;
import dev.ondine.train.ModelCard;
import dev.ondine.train.SavedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a checkpoint of an ONNX file. */
@CommandLine.Command(
        name = "import",
        sortOptions = false,
        description = {
            "Make a checkpoint of a classifier in an ONNX file, for eval, predict, export and the like.",
            "The checkpoint holds the network and its weights; nothing needs the ONNX file any more.",
            ""
        })
final class ImportCommand extends Command {
    @Parameters(arity = "1", paramLabel = "MODEL.onnx", description = "The network.")
    private Path onnx;

    @Option(names = "--checkpoint", required = true, paramLabel = "FILE", description = "The file to write.")
    private Path checkpoint;

    @Option(
            names = "--data",
            paramLabel = "DATA",
            description = "As of train: what eval measures it on if nothing else is said. Default: what the file says.")
    private String data;

    @Option(
            names = "--class-names",
            paramLabel = "A,B,…",
            split = ",",
            description = "What the classes are called. Default: what the file says, or 0, 1, …")
    private List<String> names = List.of();

    @Mixin
    private NormalizationOptions normalizing;

    @Option(names = "--force", description = "Overwrite a file that is there.")
    private boolean force;

    @Override
    public Integer call() throws IOException {
        if (!force && Files.exists(checkpoint)) {
            throw wrong("--checkpoint", checkpoint + " is there already; --force overwrites it");
        }
        ModelEntry entry = Models.get("onnx:" + onnx.toAbsolutePath().normalize());
        Shape sample = entry.sample();
        int channels = Math.toIntExact(sample.dim(0));
        // What ondine export has written, if it was that.
        Optional<ModelCard> stored = SavedModel.describe(onnx);
        List<String> classes = !names.isEmpty()
                ? names
                : stored.map(ModelCard::classes)
                        .orElseGet(() -> IntStream.range(0, entry.classes())
                                .mapToObj(Integer::toString)
                                .toList());
        Normalization normalization = normalizing
                .given(this, channels)
                .or(() -> stored.map(ModelCard::normalization))
                .orElseGet(() -> Normalization.identity(channels));
        require(classes.size() == entry.classes(), "--class-names", entry.classes() + " names", classes.size());
        ModelCard card = new ModelCard(
                Optional.of(entry.name()),
                sample,
                classes,
                normalization,
                stored.map(ModelCard::crop).orElse(1.0),
                data == null
                        ? stored.flatMap(ModelCard::data)
                        : Optional.of(new ModelCard.Data(
                                data,
                                stored.flatMap(ModelCard::data)
                                        .map(ModelCard.Data::seed)
                                        .orElse(1L))));
        try (Model model = Model.of(entry.create(), sample, 0)) {
            Checkpoint.save(checkpoint, model, card.metadata(0));
            field("Model", onnx + ", " + Text.grouped(model.parameters().learned()) + " parameters");
            field("Sample", sample + ", " + classes.size() + " outputs");
            field("Written", checkpoint + ", " + Text.grouped(Files.size(checkpoint)) + " bytes");
        }
        return DONE;
    }
}
