package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.data.Augmentation;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Dataset;
import dev.ondine.data.Digits;
import dev.ondine.data.Normalization;
import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Checkpoint;
import dev.ondine.train.ClassProbability;
import dev.ondine.train.Fit;
import dev.ondine.train.ModelCard;
import dev.ondine.train.Predictor;
import dev.ondine.train.Trainer;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The programs in examples/, each run from its source as its README says, with a small network that was trained here. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class ExamplesTest {
    private static final DataSplit DIGITS = Digits.make(6000, 400, 1);

    @TempDir
    static Path shared;

    /** Tells 0 to 4. */
    private static Path checkpoint;

    @TempDir
    Path folder;

    /** Digits from {@code first} to {@code first + 4}. */
    private record Five(Dataset all, int first, int[] indices) implements Dataset {
        static Five of(Dataset all, int first) {
            return new Five(
                    all,
                    first,
                    IntStream.range(0, all.size())
                            .filter(i -> all.label(i) >= first && all.label(i) < first + 5)
                            .toArray());
        }

        @Override
        public int size() {
            return indices.length;
        }

        @Override
        public Shape sampleShape() {
            return all.sampleShape();
        }

        @Override
        public List<String> classes() {
            return all.classes().subList(first, first + 5);
        }

        @Override
        public int label(int index) {
            return all.label(indices[index]) - first;
        }

        @Override
        public void read(int index, float[] into, int offset) {
            all.read(indices[index], into, offset);
        }

        void writePng(int index, Path file) throws IOException {
            Files.createDirectories(file.getParent());
            float[] pixels = new float[28 * 28];
            read(index, pixels, 0);
            BufferedImage image = new BufferedImage(28, 28, BufferedImage.TYPE_BYTE_GRAY);
            for (int i = 0; i < pixels.length; i++) {
                image.getRaster().setSample(i % 28, i / 28, 0, Math.round(255 * pixels[i]));
            }
            ImageIO.write(image, "png", file.toFile());
        }
    }

    @BeforeAll
    static void train() throws IOException {
        DataSplit data = new DataSplit("0 to 4", Five.of(DIGITS.train(), 0), Five.of(DIGITS.test(), 0));
        Normalization normalization = Normalization.of(data.train());
        checkpoint = shared.resolve("model.safetensors");
        try (Model model = Model.of(
                Models.create("cnn-bn", data.train().sampleShape(), 5),
                data.train().sampleShape(),
                1)) {
            try (Trainer trainer = Trainer.of(model).build()) {
                new Fit(trainer, data, normalization, Augmentation.NONE, 64, 1).run(2);
            }
            ModelCard card = ModelCard.of("cnn-bn", model, data.train().classes(), normalization);
            Checkpoint.save(checkpoint, model, card.metadata(2));
        }
    }

    /** As {@code java -cp target/ondine.jar examples/NAME.java}. */
    static ProcessBuilder example(Path folder, String name, Object... arguments) {
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(entry -> Path.of(entry).toAbsolutePath().toString())
                .collect(Collectors.joining(File.pathSeparator));
        String source = Path.of("examples", name + ".java").toAbsolutePath().toString();
        return Ondine.java(folder, classPath, source, arguments);
    }

    private String run(String name, Object... arguments) throws Exception {
        Process process = example(folder, name, arguments).start();
        try {
            int code = process.waitFor();
            assertEquals(0, code, text("err"));
        } finally {
            process.destroyForcibly();
        }
        return text("out");
    }

    private String text(String file) throws IOException {
        return Files.readString(folder.resolve(file));
    }

    @Test
    void aFolderIsScored() throws Exception {
        Five test = Five.of(DIGITS.test(), 0);
        Path images = folder.resolve("images");
        // More than one batch.
        int count = 70;
        for (int i = 0; i < count; i++)
            test.writePng(i, images.resolve(i % 7 == 0 ? "a, \"b\"" : "c").resolve("%02d.PNG".formatted(i)));
        Files.writeString(images.resolve("c/bad.jpg"), "no image");
        Files.writeString(images.resolve("notes.txt"), "not to be looked at");
        Path csv = folder.resolve("scores.csv");

        String out = run("FolderScoring", checkpoint, images, csv);

        assertEquals("70 of 71 images scored, 1 unreadable", out.strip());
        List<String> errors = text("err").lines().toList();
        assertEquals(1, errors.size(), errors.toString());
        assertTrue(errors.getFirst().contains("bad.jpg"), errors.toString());
        List<String> lines = Files.readAllLines(csv);
        assertEquals("file,class,probability", lines.getFirst());
        assertEquals(count + 1, lines.size());
        try (Predictor predictor = Predictor.open(checkpoint)) {
            int line = 1;
            for (int part = 0; part < 2; part++) {
                for (int i = 0; i < count; i++) {
                    if ((i % 7 == 0) != (part == 0)) continue;
                    String file = (part == 0 ? "\"a, \"\"b\"\"/%02d.PNG\"" : "c/%02d.PNG").formatted(i);
                    String[] rest = lines.get(line).substring(file.length() + 1).split(",");
                    assertTrue(lines.get(line).startsWith(file + ","), lines.get(line));
                    float[] sample = new float[28 * 28];
                    test.read(i, sample, 0);
                    ClassProbability best =
                            predictor.classify(sample, 1).getFirst().getFirst();
                    assertEquals(best.name(), rest[0], lines.get(line));
                    // Batches of other sizes run other kernels, which add in another order.
                    assertEquals(best.probability(), Double.parseDouble(rest[1]), 1e-4, lines.get(line));
                    line++;
                }
            }
        }
        assertFalse(Files.exists(folder.resolve("scores.csv.unfinished")));
    }

    @Test
    void newClassesAreLearntFromFewImages() throws Exception {
        writeClasses(Five.of(DIGITS.train(), 5), folder.resolve("images/train"), 200);
        Five test = Five.of(DIGITS.test(), 5);
        writeClasses(test, folder.resolve("images/test"), 100);
        Path result = folder.resolve("tuned.safetensors");

        String out = run("FineTuning", checkpoint, folder.resolve("images"), result, 8);

        assertEquals(8, out.lines().count(), out);
        try (SafeTensorsFile before = SafeTensors.open(checkpoint);
                SafeTensorsFile after = SafeTensors.open(result)) {
            assertEquals(before.names(), after.names());
            int statistics = 0;
            for (String name : before.names()) {
                try (Tensor old = before.read(name);
                        Tensor tuned = after.read(name)) {
                    if (name.endsWith("num_batches_tracked")) {
                        assertEquals(old.getLongAt(0), tuned.getLongAt(0), name);
                    } else if (name.contains("running_")) {
                        assertArrayEquals(old.toFloatArray(), tuned.toFloatArray(), name);
                        statistics++;
                    } else {
                        // The trunk learns, slower than the head.
                        assertFalse(Arrays.equals(old.toFloatArray(), tuned.toFloatArray()), name);
                    }
                }
            }
            assertEquals(2 * 6, statistics, "mean and variance of six batch norms");
        }
        int right = 0;
        try (Predictor predictor = Predictor.open(result)) {
            assertEquals(test.classes(), predictor.classes());
            float[] sample = new float[28 * 28];
            for (int i = 0; i < test.size(); i++) {
                test.read(i, sample, 0);
                if (predictor.classify(sample) == test.label(i)) right++;
            }
        }
        // Chance is 0.2.
        assertTrue(right > 0.7 * test.size(), right + " of " + test.size() + "\n" + out);
        Path image = folder.resolve("image.png");
        test.writePng(0, image);
        Ondine.Outcome predict = Ondine.run("predict", "--checkpoint", result, image);
        assertEquals(0, predict.code(), predict.err());
    }

    /** A file that says nothing of itself, as PyTorch writes it; grey images for a network that sees colours. */
    @Test
    void checkpointsOfPyTorchAreABeginning() throws Exception {
        Path bare = folder.resolve("bare.safetensors");
        try (Model model =
                Model.of(Models.get("resnet20").create(), Models.get("resnet20").sample(), 1)) {
            Checkpoint.save(bare, model, Map.of());
        }
        writeClasses(Five.of(DIGITS.train(), 5), folder.resolve("images/train"), 20);
        writeClasses(Five.of(DIGITS.test(), 5), folder.resolve("images/test"), 5);
        Path result = folder.resolve("tuned.safetensors");

        String out = run("FineTuning", bare, folder.resolve("images"), result, 1, "resnet20");

        assertTrue(out.startsWith("epoch 1: "), out);
        try (Predictor predictor = Predictor.open(result)) {
            assertEquals(5, predictor.classes().size());
            assertEquals(Shape.of(3, 32, 32), predictor.model().sampleShape());
            assertEquals(0.485f, predictor.normalization().orElseThrow().mean()[0]);
        }
    }

    private static void writeClasses(Five digits, Path folder, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            digits.writePng(
                    i, folder.resolve(digits.classes().get(digits.label(i))).resolve(i + ".png"));
        }
    }
}
