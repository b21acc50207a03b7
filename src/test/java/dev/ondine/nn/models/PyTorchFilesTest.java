package dev.ondine.nn.models;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.io.SafeTensorsWriter;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Model;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Checkpoint;
import dev.ondine.train.Optimizer;
import dev.ondine.train.Predictor;
import dev.ondine.train.SavedModel;
import dev.ondine.train.Trainer;
import dev.ondine.train.TrainingBatch;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that were saved from PyTorch are loaded as they are; what comes out agrees with PyTorch, and what is saved goes back. */
class PyTorchFilesTest {
    /** Of the largest logit: 20 layers in float32, held against double precision. */
    private static final double LOGITS = 1e-4;

    /**
     * Of the largest number of a tensor after a step: the gradients' error, which batch normalization over few numbers makes larger, times
     * the learning rate of 0.1.
     */
    private static final double STEP = 1e-4;

    private static final int CLASSES = 10;

    @TempDir
    Path folder;

    private static Layer network(String name, int side) {
        return name.startsWith("vgg")
                ? Vgg.of(11, Shape.of(3, side, side), CLASSES, 4, 8, 0.5)
                : ResNets.basic(3, CLASSES, 4, 2, 2, 2, 2);
    }

    private static Path file(String name) {
        try {
            return Path.of(PyTorchFilesTest.class
                    .getResource("/pytorch/" + name + ".safetensors")
                    .toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    private static SavedModel open(Path file, String name, int side) throws IOException {
        return SavedModel.file(file)
                .network(network(name, side))
                .sample(Shape.of(3, side, side))
                .open();
    }

    /** VGG at 64 pixels: two are left of each side, and averaged to seven. */
    @ParameterizedTest
    @CsvSource({"resnet18-f32, F32, 32", "resnet18-f16, F16, 32", "resnet18-bf16, BF16, 32", "vgg11-bn-f16, F16, 64"})
    void logits(String name, String type, int side) throws IOException {
        try (SafeTensorsFile file = SafeTensors.open(file(name));
                SafeTensorsFile expected = SafeTensors.open(file(name + "-expected"));
                SavedModel saved = open(file(name), name, side);
                Predictor predictor = Predictor.builder(saved).build()) {
            assertEquals(type, file.info(file.names().getFirst()).type().name());
            float[] x = expected.tensor("x").toFloatArray();
            assertNear("logits", expected.tensor("logits").toDoubleArray(), predictor.predict(x), LOGITS);
        }
    }

    /** What {@code load_state_dict(…, strict=True)} asks for: the same names, shapes and types, none more and none less. */
    @ParameterizedTest
    @CsvSource({"resnet18-f32, 32", "vgg11-bn-f16, 64"})
    void savedFilesGoBack(String name, int side) throws IOException {
        Path back = folder.resolve("back.safetensors");
        try (SavedModel saved = open(file(name), name, side)) {
            Checkpoint.save(back, saved.model(), Map.of());
        }
        try (SafeTensorsFile theirs = SafeTensors.open(file(name));
                SafeTensorsFile ours = SafeTensors.open(back)) {
            // The order is that of the types' sizes, which says nothing.
            assertEquals(Set.copyOf(theirs.names()), Set.copyOf(ours.names()));
            for (String n : theirs.names()) {
                assertEquals(theirs.info(n).shape(), ours.info(n).shape(), n);
                Tensor their = theirs.tensor(n);
                Tensor own = ours.tensor(n);
                if (n.endsWith("num_batches_tracked")) {
                    assertEquals(DataType.INT64, own.dataType(), n);
                    assertEquals(their.getLongAt(0), own.getLongAt(0), n);
                    assertTrue(own.getLongAt(0) >= 1000, n);
                } else {
                    assertEquals(DataType.FLOAT32, own.dataType(), n);
                    assertTrue(Arrays.equals(their.toFloatArray(), own.toFloatArray()), n);
                }
            }
        }
    }

    @Test
    void aStepOfTraining() throws IOException {
        try (SafeTensorsFile expected = SafeTensors.open(file("resnet18-f32-expected"));
                SavedModel saved = open(file("resnet18-f32"), "resnet18", 32);
                Trainer trainer = Trainer.of(saved.model())
                        .optimizer(Optimizer.Sgd.of(0.1).momentum(0.9).weightDecay(1e-3))
                        .build()) {
            TrainingBatch batch = trainer.batch(4);
            float[] x = expected.tensor("x").toFloatArray();
            for (int i = 0; i < x.length; i++) batch.input().segment().setAtIndex(JAVA_FLOAT, i, x[i]);
            for (int i = 0; i < 4; i++) batch.target().setIntAt(i, i);
            double loss = expected.tensor("loss").toDoubleArray()[0];
            assertEquals(1, batch.step() / loss, LOGITS, "loss");
            int held = 0;
            for (String name : expected.names()) {
                if (!name.startsWith("after.")) continue;
                String own = name.substring("after.".length());
                Tensor found = saved.model().parameters().get(own);
                if (own.endsWith("num_batches_tracked")) {
                    assertEquals(expected.tensor(name).getLongAt(0), found.getLongAt(0), own);
                } else {
                    assertNear(own, expected.tensor(name).toDoubleArray(), found.toFloatArray(), STEP);
                }
                held++;
            }
            assertTrue(held > 15, held + " tensors");
        }
    }

    private static void assertNear(String what, double[] wanted, float[] found, double tolerance) {
        assertEquals(wanted.length, found.length, what);
        double largest = Arrays.stream(wanted).map(Math::abs).max().orElseThrow();
        for (int i = 0; i < wanted.length; i++) {
            assertEquals(wanted[i], found[i], tolerance * largest, what + ", element " + i);
        }
    }

    /** The file of resnet18 under other names. */
    private Path renamed(UnaryOperator<String> name) throws IOException {
        Path path = folder.resolve("renamed.safetensors");
        try (SafeTensorsFile file = SafeTensors.open(file("resnet18-f32"))) {
            List<SafeTensorsWriter.Entry> entries = new ArrayList<>();
            for (String n : file.names()) entries.add(new SafeTensorsWriter.Entry(name.apply(n), file.tensor(n)));
            SafeTensorsWriter.write(path, Map.of(), entries);
        }
        return path;
    }

    @ParameterizedTest
    @ValueSource(strings = {"module.", "_orig_mod.", "_orig_mod.module.", "model."})
    void wrappersArePassedOver(String wrapper) throws IOException {
        try (SafeTensorsFile file = SafeTensors.open(file("resnet18-f32"));
                SavedModel saved = open(renamed(n -> wrapper + n), "resnet18", 32)) {
            assertTrue(Arrays.equals(
                    file.tensor("layer4.1.conv2.weight").toFloatArray(),
                    saved.model().parameters().get("layer4.1.conv2.weight").toFloatArray()));
        }
    }

    @Test
    void whatDoesNotFitIsListed() throws IOException {
        Path file = renamed(n -> n.replace("downsample", "shortcut").replace("fc.", "head."));
        IOException e = assertThrows(IOException.class, () -> open(file, "resnet18", 32));
        for (String line : List.of(
                "17 names are missing and 20 unexpected",
                "missing layer2.0.downsample.0.weight (nearest: layer2.0.shortcut.0.weight)",
                "missing fc.bias (nearest: head.bias)",
                "unexpected layer4.0.shortcut.1.running_var (nearest: layer4.0.downsample.1.running_var)")) {
            assertTrue(e.getMessage().contains(line), line + "\n" + e.getMessage());
        }
        assertFalse(e.getMessage().contains("layer1.0.conv1"), e.getMessage());
        IOException other = assertThrows(
                IOException.class,
                () -> SavedModel.file(file("resnet18-f32")).model("resnet18").open());
        assertTrue(
                other.getMessage().contains("conv1.weight is F32 (4, 3, 7, 7) but the model has FLOAT32 (64, 3, 7, 7)"),
                other.getMessage());
    }

    /** A new last layer behind what was learned elsewhere. */
    @Test
    void allButTheLastLayer() throws IOException {
        Path path = file("resnet18-f32");
        Shape sample = Shape.of(3, 32, 32);
        try (SafeTensorsFile file = SafeTensors.open(path);
                Model model = Model.of(ResNets.basic(3, 3, 4, 2, 2, 2, 2), sample, 1)) {
            float[] head = model.parameters().get("fc.weight").toFloatArray();
            assertThrows(IOException.class, () -> Checkpoint.load(path, model));
            Checkpoint.load(path, model, name -> !name.startsWith("fc."));
            assertTrue(Arrays.equals(head, model.parameters().get("fc.weight").toFloatArray()));
            assertTrue(Arrays.equals(
                    file.tensor("layer4.1.bn2.running_var").toFloatArray(),
                    model.parameters().get("layer4.1.bn2.running_var").toFloatArray()));
        }
    }

    /** As many classes as the last layer has in the file, if nobody says how many. */
    @Test
    void classesAreCounted() throws IOException {
        Shape sample = Shape.of(3, 32, 32);
        Path path = folder.resolve("seven.safetensors");
        try (Model model = Model.of(Models.create("resnet20", sample, 7), sample, 1)) {
            Checkpoint.save(path, model, Map.of());
        }
        try (Predictor predictor =
                Predictor.file(path).model("resnet20").sample(sample).open()) {
            assertEquals(7, predictor.classes().size());
        }
    }
}
