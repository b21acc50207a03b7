package dev.ondine.nn.models;

import dev.ondine.io.onnx.OnnxNetwork;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.ModelEntry.Task;
import dev.ondine.tensor.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/** Classifiers from ONNX files by names like {@code onnx:model.onnx}. The file stays mapped while the program runs. */
final class ImportedModels {
    static final String PREFIX = "onnx:";

    private ImportedModels() {}

    /** @throws IllegalArgumentException if the file cannot be used; says why */
    static ModelEntry get(String name) {
        try {
            return of(name, OnnxNetwork.open(Path.of(name.substring(PREFIX.length()))));
        } catch (IOException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    /** @throws IllegalArgumentException if the network is no classifier of single samples; says why */
    static ModelEntry of(String name, OnnxNetwork network) {
        try {
            Shape sample = network.sampleShape();
            int classes = outputs(network, sample);
            return new ModelEntry(
                    name,
                    "from an ONNX file",
                    sample,
                    classes,
                    Task.CLASSIFICATION,
                    (image, wanted) -> withClasses(network, image, wanted));
        } catch (IOException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    /** The file's own last layer if it tells so many classes apart; else a new one. */
    private static Layer withClasses(OnnxNetwork network, Shape sample, int classes) {
        try {
            return outputs(network, sample) == classes ? network : network.withClasses(classes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int outputs(OnnxNetwork network, Shape sample) {
        // Some files are good for the batch only that they were made for.
        Shape y = Model.graph(network, sample, Mode.EVALUATION, network.batch().orElse(1))
                .outputs()
                .get(Model.OUTPUT)
                .shape();
        return Math.toIntExact(y.elements() / y.dim(0));
    }
}
