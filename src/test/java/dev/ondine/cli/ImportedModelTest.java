package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.io.NpyFile;
import dev.ondine.io.onnx.OnnxExport;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code export}, {@code import} and {@code train --from}: to ONNX and back, and on without the ONNX file. */
class ImportedModelTest {
    private static final String DATA = "digits:500,100";

    @TempDir
    static Path folder;

    private static Path trained;
    private static Path onnx;

    @BeforeAll
    static void trainAndExport() {
        Path out = folder.resolve("run");
        succeeds("train", "--data", DATA, "--model", "mlp-bn", "--epochs", 2, "--batch", 50, "--out", out);
        trained = out.resolve("model.safetensors");
        onnx = folder.resolve("model.onnx");
        Ondine.Outcome run = succeeds("export", "--checkpoint", trained, "--onnx", onnx);
        assertTrue(run.out().contains("input (batch, 1, 28, 28)"), run.out());
    }

    private static Ondine.Outcome succeeds(Object... arguments) {
        Ondine.Outcome run = Ondine.run(arguments);
        assertEquals(0, run.code(), run.out() + run.err());
        return run;
    }

    private static void fails(int code, String part, Object... arguments) {
        Ondine.Outcome run = Ondine.run(arguments);
        assertEquals(code, run.code(), run.out() + run.err());
        assertTrue(run.err().contains(part), run.err());
    }

    /** The line of {@code eval} with the accuracy. */
    private static String accuracy(Path checkpoint) {
        Ondine.Outcome run = succeeds("eval", "--checkpoint", checkpoint, "--data", DATA);
        return run.out()
                .lines()
                .filter(l -> l.contains("%"))
                .findFirst()
                .orElseThrow(() -> new AssertionError(run.out()));
    }

    /** What {@code run} computes for two samples. */
    private static float[] outputs(Path file) throws IOException {
        Path in = folder.resolve("x.npy");
        Path out = folder.resolve("y.npy");
        SplittableRandom random = new SplittableRandom(1);
        try (Tensor x = Tensor.allocate(dev.ondine.tensor.DataType.FLOAT32, Shape.of(2, 1, 28, 28))) {
            for (long i = 0; i < x.elements(); i++) x.setFloatAt(i, (float) random.nextGaussian());
            NpyFile.write(in, x);
        }
        succeeds("run", file, "--input", in, "--output", out, "--force");
        try (Tensor y = NpyFile.read(out)) {
            return y.toFloatArray();
        }
    }

    @Test
    void anImportedCheckpointDoesWithoutTheOnnxFile() throws IOException {
        Path copy = Files.copy(onnx, folder.resolve("copy.onnx"));
        Path imported = folder.resolve("imported.safetensors");
        Ondine.Outcome run = succeeds("import", copy, "--checkpoint", imported);
        assertTrue(run.out().contains("(1, 28, 28), 10 outputs"), run.out());
        fails(2, "--force", "import", copy, "--checkpoint", imported);
        fails(2, "10 names", "import", copy, "--checkpoint", folder.resolve("no"), "--class-names", "a,b");
        Files.delete(copy);
        assertEquals(accuracy(trained), accuracy(imported));
        assertTrue(succeeds("show", imported).out().contains("BatchNormalization"), "the network is known");
        Path back = folder.resolve("back.onnx");
        succeeds("export", "--checkpoint", imported, "--onnx", back, "--fold", "--batch", 2);
        float[] expected = outputs(onnx);
        float[] actual = outputs(back);
        assertEquals(20, expected.length);
        for (int i = 0; i < 20; i++) {
            assertEquals(
                    expected[i], actual[i], 1e-5f * 20, "logits of some units, batch norm folded into the sums before");
        }
    }

    @Test
    void trainingGoesOnFromAnOnnxFile() throws IOException {
        Path copy = Files.copy(onnx, folder.resolve("from.onnx"));
        Path out = folder.resolve("on");
        Ondine.Outcome run = succeeds(
                "train", "--from", copy, "--data", DATA, "--epochs", 1, "--batch", 50, "--lr", 0.001, "--out", out);
        Files.delete(copy);
        assertTrue(run.out().contains("from.onnx"), run.out());
        String percent = accuracy(out.resolve("model.safetensors")).replaceAll(".*?([0-9.]+) ?%.*", "$1");
        String before = accuracy(trained).replaceAll(".*?([0-9.]+) ?%.*", "$1");
        assertTrue(
                Double.parseDouble(percent) >= Double.parseDouble(before) - 10,
                percent + " % after " + before + " %: it went on, and did not begin again");
    }

    /** Five classes become ten. */
    @Test
    void otherClassesGetANewLastLayer() throws IOException {
        Path file = folder.resolve("five.onnx");
        Layer five = Layers.sequential(
                Layers.flatten(), Layers.linear(784, 20), Layers.batchNorm1d(20), Layers.relu(), Layers.linear(20, 5));
        try (Model model = Model.of(five, Shape.of(1, 28, 28), 1)) {
            OnnxExport.write(file, model, OnnxExport.Options.DEFAULT);
        }
        Path out = folder.resolve("ten");
        succeeds("train", "--from", file, "--data", DATA, "--epochs", 1, "--batch", 50, "--out", out);
        Files.delete(file);
        Ondine.Outcome shown = succeeds("show", out.resolve("model.safetensors"));
        assertTrue(shown.out().contains("head") && shown.out().contains("(1, 10)"), shown.out());
        accuracy(out.resolve("model.safetensors"));
    }

    @Test
    void wrongFilesAndOptions() throws IOException {
        Path checkpoint = folder.resolve("none.safetensors");
        Path missing = folder.resolve("missing.onnx");
        fails(1, "there is no such file", "import", missing, "--checkpoint", checkpoint);
        fails(1, "there is no such file", "train", "--from", missing, "--out", folder.resolve("never"));
        fails(1, "no such file", "export", "--checkpoint", checkpoint, "--onnx", folder.resolve("never.onnx"));
        fails(
                2,
                "--batch",
                "export",
                "--checkpoint",
                trained,
                "--onnx",
                folder.resolve("never.onnx"),
                "--batch",
                "many");
        fails(2, "--force", "export", "--checkpoint", trained, "--onnx", onnx);
        Path text = Files.writeString(folder.resolve("text.onnx"), "no network");
        fails(1, "not an ONNX file", "import", text, "--checkpoint", checkpoint);
        assertTrue(Files.notExists(checkpoint) && Files.notExists(folder.resolve("never.onnx")));
    }
}
