package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.data.DataSplit;
import dev.ondine.data.Datasets;
import dev.ondine.data.Normalization;
import dev.ondine.io.SafeTensorsWriter;
import dev.ondine.report.Picture;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Checkpoint;
import dev.ondine.train.ModelCard;
import dev.ondine.train.SavedModel;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PredictTest {
    private static final String DATA = "digits:1000,100";

    @TempDir
    static Path folder;

    private static Path checkpoint;
    private static final List<Path> IMAGES = new ArrayList<>();

    @BeforeAll
    static void trainAndDraw() throws IOException {
        Ondine.Outcome run =
                Ondine.run("train", "--data", DATA, "--model", "mlp-bn", "--epochs", 3, "--batch", 50, "--out", folder);
        assertEquals(0, run.code(), run.err());
        checkpoint = folder.resolve("model.safetensors");
        DataSplit split = Datasets.open(DATA, 1);
        float[] sample = new float[28 * 28];
        for (int i = 0; i < 20; i++) {
            split.test().read(i, sample, 0);
            Path file = folder.resolve("digit" + i + ".png");
            Files.write(file, Picture.of(sample, 0, split.test().sampleShape()).png());
            IMAGES.add(file);
        }
    }

    private static Ondine.Outcome predict(Object... more) {
        List<Object> arguments = new ArrayList<>(List.of("predict", "--checkpoint", checkpoint));
        arguments.addAll(List.of(more));
        return Ondine.run(arguments.toArray());
    }

    @Test
    void readsDigits() {
        Ondine.Outcome run = predict(IMAGES.toArray());
        assertEquals(0, run.code(), run.err());
        List<String> lines = run.out().lines().toList();
        assertEquals(20 * 6, lines.size(), run.out());
        int right = 0;
        for (int i = 0; i < 20; i++) {
            assertEquals(IMAGES.get(i).toString(), lines.get(6 * i));
            // Sample i of the digits is of class i % 10.
            if (lines.get(6 * i + 1).strip().startsWith(i % 10 + " ")) right++;
            assertTrue(lines.get(6 * i + 1).endsWith(" %"), lines.get(6 * i + 1));
        }
        assertTrue(right >= 15, "of 20 digits " + right + " are read:\n" + run.out());
    }

    @Test
    void jsonIsOneObject() throws IOException {
        Ondine.Outcome run = predict(IMAGES.getFirst(), "--json", "--top", 10);
        assertEquals(0, run.code(), run.err());
        double sum = 0;
        int classes = 0;
        try (var json = new com.fasterxml.jackson.core.JsonFactory().createParser(run.out())) {
            while (json.nextToken() != null) {
                if ("probability".equals(json.currentName())
                        && json.currentToken().isNumeric()) {
                    sum += json.getDoubleValue();
                    classes++;
                }
            }
        }
        assertEquals(10, classes);
        assertEquals(1, sum, 1e-12, "ten roundings of doubles up to 1");
    }

    @Test
    void explainsByBothMethods() throws IOException {
        for (String method : new String[] {"occlusion", "gradient"}) {
            Path out = folder.resolve(method);
            Ondine.Outcome run =
                    predict(IMAGES.get(0), IMAGES.get(0), IMAGES.get(1), "--explain", out, "--explain-by", method);
            assertEquals(0, run.code(), run.err());
            for (String name : new String[] {"digit0", "digit0-2", "digit1"}) {
                BufferedImage picture =
                        ImageIO.read(out.resolve(name + "-explained.png").toFile());
                assertEquals(280, picture.getHeight());
                int colours = 0;
                for (int x = 0; x < 280; x++) {
                    int grey = picture.getRGB(x, 140);
                    assertEquals(grey >> 8 & 255, grey & 255, "the left half is the image as it is");
                    int rgb = picture.getRGB(picture.getWidth() - 1 - x, 140);
                    if ((rgb >> 16 & 255) != (rgb & 255)) colours++;
                }
                assertTrue(colours > 20, method + ": coloured pixels of the middle row: " + colours);
            }
        }
    }

    @Test
    void goesOnBehindWrongFiles() throws IOException {
        Path text = Files.writeString(folder.resolve("text.png"), "no image");
        Ondine.Outcome run = predict(text, IMAGES.getFirst(), folder.resolve("missing.png"));
        assertEquals(1, run.code());
        assertEquals(2, run.err().lines().count(), run.err());
        assertTrue(run.err().contains(text + ": cannot be read") && run.err().contains("missing.png: there is no"));
        assertTrue(run.out().startsWith(IMAGES.getFirst().toString()), run.out());
    }

    /** The same answers, whatever file the model lies in. */
    @Test
    void filesOfOtherKinds() throws IOException {
        String expected = predict(IMAGES.getFirst()).out();
        Path onnx = folder.resolve("exported.onnx");
        Ondine.Outcome export = Ondine.run("export", "--checkpoint", checkpoint, "--onnx", onnx);
        assertEquals(0, export.code(), export.err());
        Ondine.Outcome exported = Ondine.run("predict", "--checkpoint", onnx, IMAGES.getFirst());
        assertEquals(0, exported.code(), exported.err());
        assertEquals(expected, exported.out());
        Ondine.Outcome eval = Ondine.run("eval", "--checkpoint", onnx);
        assertEquals(0, eval.code(), eval.err());
        assertTrue(eval.out().contains("Accuracy"), eval.out());

        // As from PyTorch: nothing but tensors.
        Path bare = folder.resolve("bare.safetensors");
        Normalization normalization = ModelCard.read(checkpoint).orElseThrow().normalization();
        try (SavedModel saved = SavedModel.open(checkpoint)) {
            Checkpoint.save(bare, saved.model(), Map.of());
        }
        List<Object> arguments =
                new ArrayList<>(List.of("predict", "--checkpoint", bare, "--model", "mlp-bn", IMAGES.getFirst()));
        Ondine.Outcome unsaid = Ondine.run(arguments.toArray());
        assertEquals(2, unsaid.code());
        assertTrue(unsaid.err().contains("give --mean and --std"), unsaid.err());
        arguments.addAll(List.of(
                "--mean", normalization.mean()[0], "--std", normalization.std()[0]));
        Ondine.Outcome run = Ondine.run(arguments.toArray());
        assertEquals(0, run.code(), run.err());
        assertEquals(expected, run.out());
        arguments.addAll(List.of("--class-names", "a,b"));
        Ondine.Outcome names = Ondine.run(arguments.toArray());
        assertEquals(1, names.code());
        assertTrue(names.err().contains("10 outputs, and 2 classes are named"), names.err());
        Ondine.Outcome wrong = Ondine.run("predict", "--checkpoint", bare, "--model", "lenet-bn", IMAGES.getFirst());
        assertEquals(1, wrong.code());
        assertTrue(wrong.err().contains("does not fit the model"), wrong.err());
    }

    @Test
    void wrongUsage() throws IOException {
        assertEquals(2, Ondine.run("predict", "--checkpoint", checkpoint).code());
        assertEquals(2, predict(IMAGES.getFirst(), "--top", 0).code());
        assertEquals(2, predict(IMAGES.getFirst(), "--explain-by", "magic").code());
        Path file = folder.resolve("foreign.safetensors");
        try (Tensor tensor = Tensor.allocate(DataType.FLOAT32, Shape.of(1))) {
            SafeTensorsWriter.write(file, Map.of(), List.of(new SafeTensorsWriter.Entry("x", tensor)));
        }
        Ondine.Outcome foreign = Ondine.run("predict", "--checkpoint", file, IMAGES.getFirst());
        assertEquals(1, foreign.code());
        assertTrue(foreign.err().contains("which model it holds"), foreign.err());
        assertFalse(foreign.err().contains("fault of Ondine"), foreign.err());
    }
}
