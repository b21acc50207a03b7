package dev.ondine.io.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Checkpoint;
import dev.ondine.train.Optimizer;
import dev.ondine.train.Trainer;
import dev.ondine.train.TrainingBatch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A network that comes back from an ONNX file is the one that went there, and learns on. */
class OnnxTrainingTest {
    private static final Shape SAMPLE = Shape.of(2, 6, 5);

    @TempDir
    Path folder;

    private Path file;
    private float[] weight;

    @BeforeEach
    void export() throws IOException {
        Layer layer = Layers.sequential(
                Layers.conv2d(2, 4, 3).bias(false),
                Layers.batchNorm2d(4).momentum(0.2),
                Layers.relu(),
                Layers.globalAvgPool(),
                Layers.flatten(),
                Layers.linear(4, 3));
        file = folder.resolve("model.onnx");
        try (Model model = Model.of(layer, SAMPLE, 1)) {
            weight = model.parameters().get("0.weight").toFloatArray();
            OnnxExport.write(file, model, OnnxExport.Options.DEFAULT);
        }
    }

    @Test
    void namesAndValuesComeBack() throws IOException {
        try (OnnxNetwork network = OnnxNetwork.open(file);
                Model model = Model.of(network, network.sampleShape(), 0)) {
            assertEquals(SAMPLE, network.sampleShape());
            List<String> names =
                    model.parameters().specs().stream().map(ParameterSpec::name).toList();
            assertTrue(
                    names.containsAll(List.of(
                            "0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var", "5.weight", "5.bias")),
                    names.toString());
            assertEquals(
                    List.of(toList(weight)),
                    List.of(toList(model.parameters().get("0.weight").toFloatArray())));
        }
    }

    private static List<Float> toList(float[] values) {
        List<Float> list = new java.util.ArrayList<>();
        for (float v : values) list.add(v);
        return list;
    }

    @Test
    void batchNormalizationIsBackInTraining() throws IOException {
        Path checkpoint = folder.resolve("model.safetensors");
        try (OnnxNetwork network = OnnxNetwork.open(file);
                Model model = Model.of(network.withClasses(5), SAMPLE, 0)) {
            assertEquals(Shape.of(5), model.outputShape());
            float before = model.parameters().get("1.running_mean").getFloatAt(0);
            double first;
            double last = 0;
            try (Trainer trainer = Trainer.of(model)
                    .backend(Backends.named("reference"))
                    .optimizer(Optimizer.Sgd.of(0.2))
                    .build()) {
                TrainingBatch batch = trainer.batch(8);
                Tensor input = batch.plan().input(Model.INPUT);
                for (long i = 0; i < input.elements(); i++) input.setFloatAt(i, (float) Math.sin(i * i));
                for (int i = 0; i < 8; i++) batch.plan().input("target").setIntAt(i, i % 5);
                first = batch.step();
                for (int i = 0; i < 30; i++) last = batch.step();
            }
            assertTrue(last < first, "the loss falls: " + first + " to " + last);
            assertNotEquals(before, model.parameters().get("1.running_mean").getFloatAt(0));
            assertEquals(31, model.parameters().get("1.num_batches_tracked").getLongAt(0));
            Checkpoint.save(checkpoint, model, Map.of());
            try (Model again = Model.of(network.withClasses(5), SAMPLE, 0)) {
                Checkpoint.load(checkpoint, again);
                assertEquals(
                        toList(model.parameters().get("head.weight").toFloatArray()),
                        toList(again.parameters().get("head.weight").toFloatArray()));
            }
        }
    }

    @Test
    void aNetworkWithoutALastLayerGetsNoOther() throws IOException {
        Path other = new TinyModel(13).input("x", 2, 3).node("Relu", "x -> y").write(folder);
        try (OnnxNetwork network = OnnxNetwork.open(other)) {
            OnnxException e = assertThrows(OnnxException.class, () -> network.withClasses(4));
            assertTrue(e.getMessage().contains("'the Relu 0' (Relu)"), e.getMessage());
        }
    }
}
