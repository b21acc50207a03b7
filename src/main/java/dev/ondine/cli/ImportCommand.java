package dev.ondine.cli;

import dev.ondine.data.Normalization;
import dev.ondine.io.onnx.OnnxNetwork;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.ModelEntry;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import dev.ondine.train.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a checkpoint of an ONNX file. */
@CommandLine.Command(
        name = "import",
        sortOptions = false,
        description = {
            "Make a checkpoint of a classifier in an ONNX file, for eval, predict, export and the like.",
            "The checkpoint holds the weights; the network itself is read from the file, which must stay where it is.",
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
            description =
                    "As of train: what eval measures it on if nothing else is said. Default: what the file says, or"
                            + " digits.")
    private String data;

    @Option(
            names = "--class-names",
            paramLabel = "A,B,…",
            split = ",",
            description = "What the classes are called. Default: what the file says, or 0, 1, …")
    private List<String> names = List.of();

    @Option(
            names = "--mean",
            paramLabel = "R,G,B",
            split = ",",
            description = "What samples are normalized with, for each channel. Default: what the file says, or 0.")
    private List<Float> mean = List.of();

    @Option(
            names = "--std",
            paramLabel = "R,G,B",
            split = ",",
            description = "The deviations. Default: what the file says, or 1.")
    private List<Float> std = List.of();

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
        Optional<ModelCard> stored;
        try (OnnxNetwork network = OnnxNetwork.open(onnx)) {
            stored = ModelCard.read(onnx, network.metadata());
        }
        List<String> classes = !names.isEmpty()
                ? names
                : stored.map(ModelCard::classes)
                        .orElseGet(() -> IntStream.range(0, entry.classes())
                                .mapToObj(Integer::toString)
                                .toList());
        Normalization normalization = stored.isPresent() && mean.isEmpty() && std.isEmpty()
                ? stored.get().normalization()
                : new Normalization(each("--mean", mean, channels, 0), each("--std", std, channels, 1));
        require(classes.size() == entry.classes(), "--class-names", entry.classes() + " names", classes.size());
        ModelCard card = new ModelCard(
                entry.name(),
                sample,
                classes,
                normalization,
                data != null ? data : stored.map(ModelCard::data).orElse("digits"),
                stored.map(ModelCard::seed).orElse(1L));
        try (Model model = Model.of(entry.create(), sample, 0)) {
            Checkpoint.save(checkpoint, model, card.metadata(0));
            field("Model", onnx + ", " + Text.grouped(model.parameters().learned()) + " parameters");
            field("Sample", sample + ", " + classes.size() + " outputs");
            field("Written", checkpoint + ", " + Text.grouped(Files.size(checkpoint)) + " bytes");
        }
        return DONE;
    }

    private float[] each(String option, List<Float> values, int channels, float missing) {
        float[] all = new float[channels];
        Arrays.fill(all, missing);
        require(values.isEmpty() || values.size() == channels, option, channels + " numbers", values.size());
        for (int i = 0; i < values.size(); i++) all[i] = values.get(i);
        return all;
    }
}
