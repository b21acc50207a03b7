package dev.ondine.cli;

import dev.ondine.io.onnx.OnnxExport;
import dev.ondine.nn.Model;
import dev.ondine.train.SavedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Writes a checkpoint as an ONNX file. */
@CommandLine.Command(
        name = "export",
        sortOptions = false,
        description = {
            "Write a checkpoint as an ONNX file, as it runs in evaluation, for ONNX Runtime and others.",
            "It takes normalized samples: mean and standard deviation stand in its metadata, with the classes.",
            ""
        })
final class ExportCommand extends Command {
    @Mixin
    private CheckpointOptions checkpoint;

    @Option(names = "--onnx", required = true, paramLabel = "FILE", description = "The file to write.")
    private Path onnx;

    @Option(names = "--fold", description = "Fold batch normalization into the layers before it. Default: it is kept.")
    private boolean fold;

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Samples that the network takes at a time, or dynamic: any number. Default: dynamic.")
    private String batch = "dynamic";

    @Option(names = "--force", description = "Overwrite a file that is there.")
    private boolean force;

    @Override
    public Integer call() throws IOException {
        long samples = samples();
        if (!force && Files.exists(onnx)) throw wrong("--onnx", onnx + " is there already; --force overwrites it");
        try (SavedModel opened = checkpoint.open(this)) {
            Map<String, String> metadata =
                    opened.card().map(card -> card.metadata(0)).orElse(Map.of());
            Model model = opened.model();
            OnnxExport.write(onnx, model, new OnnxExport.Options(samples, fold, metadata));
            field(
                    "Model",
                    opened.name() + ", " + Text.grouped(model.parameters().learned()) + " parameters");
            field(
                    "Input",
                    Model.INPUT + " (" + (samples > 0 ? samples : "batch") + ", "
                            + rest(model.sampleShape().toString()));
            field(
                    "Output",
                    Model.OUTPUT + " (" + (samples > 0 ? samples : "batch") + ", "
                            + rest(model.outputShape().toString()));
            field("Operators", "of ONNX " + OnnxExport.OPSET + (fold ? ", batch normalization folded" : ""));
            field("Written", onnx + ", " + Text.grouped(Files.size(onnx)) + " bytes");
        }
        return DONE;
    }

    private static String rest(String shape) {
        return shape.substring(1);
    }

    private long samples() {
        if (batch.equals("dynamic")) return 0;
        try {
            long n = Long.parseLong(batch);
            if (n > 0) return n;
        } catch (NumberFormatException _) {
            // Said below.
        }
        throw wrong("--batch", "must be a number of samples or dynamic, not '" + batch + "'");
    }
}
