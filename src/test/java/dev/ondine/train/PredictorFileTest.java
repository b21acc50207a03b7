package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Precision;
import dev.ondine.data.DataException;
import dev.ondine.data.ImageFile;
import dev.ondine.data.Normalization;
import dev.ondine.io.onnx.OnnxExport;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.Softmax;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models in files that are opened to be served. */
@Timeout(120)
class PredictorFileTest {
    /** Of the largest output: float32 sums of some hundred products in another order, and batch normalization folded. */
    private static final double ORDER = 1e-5;

    /** Of the largest output: a dozen layers, each rounded to bfloat16's 8 bits. */
    private static final double BFLOAT16 = 5e-2;

    private static final Shape IMAGE = Shape.of(3, 16, 16);
    private static final List<String> CLASSES = List.of("ant", "bee", "cat", "\"dog\"", "emu");
    private static final Normalization NORMALIZATION =
            new Normalization(new float[] {0.4f, 0.5f, 0.6f}, new float[] {0.2f, 0.3f, 0.25f});

    enum Kind {
        CHECKPOINT,
        ONNX,
        ONNX_FOLDED,
        ONNX_OF_ONE
    }

    @TempDir
    static Path folder;

    /** Of the model that all files hold: logits of {@link #samples} by the reference backend. */
    private static float[] expected;

    @BeforeAll
    static void write() throws IOException {
        try (Model model = Model.of(Models.create("cnn-bn", IMAGE, CLASSES.size()), IMAGE, 1)) {
            randomStatistics(model);
            ModelCard card = ModelCard.of("cnn-bn", model, CLASSES, NORMALIZATION);
            Checkpoint.save(file(Kind.CHECKPOINT), model, card.metadata(3));
            OnnxExport.write(file(Kind.ONNX), model, new OnnxExport.Options(0, false, card.metadata(0)));
            OnnxExport.write(file(Kind.ONNX_FOLDED), model, new OnnxExport.Options(0, true, card.metadata(0)));
            OnnxExport.write(file(Kind.ONNX_OF_ONE), model, new OnnxExport.Options(1, false, card.metadata(0)));
            OnnxExport.write(folder.resolve("bare.onnx"), model, OnnxExport.Options.DEFAULT);
            Checkpoint.save(folder.resolve("bare.safetensors"), model, Map.of());
            try (Predictor reference = Predictor.builder(model, NORMALIZATION)
                    .backend(Backends.named("reference"))
                    .build()) {
                expected = reference.predict(samples(7));
            }
        }
    }

    private static void randomStatistics(Model model) {
        SplittableRandom random = new SplittableRandom(5);
        for (ParameterSpec spec : model.parameters().specs()) {
            if (spec.dataType() != DataType.FLOAT32 || spec.shape().rank() != 1) continue;
            Tensor tensor = model.parameters().get(spec.name());
            boolean positive = spec.name().endsWith("var") || spec.name().endsWith("weight");
            for (long i = 0; i < tensor.elements(); i++) {
                tensor.setFloatAt(i, positive ? 0.5f + random.nextFloat() : random.nextFloat() - 0.5f);
            }
        }
        model.parameters().touch();
    }

    private static Path file(Kind kind) {
        return folder.resolve(kind + (kind == Kind.CHECKPOINT ? ".safetensors" : ".onnx"));
    }

    private static float[] samples(int count) {
        SplittableRandom random = new SplittableRandom(11);
        float[] samples = new float[count * (int) IMAGE.elements()];
        for (int i = 0; i < samples.length; i++) samples[i] = random.nextFloat();
        return samples;
    }

    private static void assertNear(float[] wanted, float[] found, double tolerance) {
        assertEquals(wanted.length, found.length);
        double largest = IntStream.range(0, expected.length)
                .mapToDouble(i -> Math.abs(expected[i]))
                .max()
                .orElseThrow();
        for (int i = 0; i < wanted.length; i++) {
            assertEquals(wanted[i], found[i], tolerance * largest, "output " + i);
        }
    }

    @ParameterizedTest
    @EnumSource
    void manyThreadsAndAnyBatch(Kind kind) throws Exception {
        float[] x = samples(7);
        int size = (int) IMAGE.elements();
        int classes = CLASSES.size();
        try (Predictor predictor =
                        Predictor.file(file(kind)).threads(1).concurrency(2).open();
                ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> calls = new ArrayList<>();
            for (int call = 0; call < 24; call++) {
                int from = call % 7;
                int to = from + 1 + call % (7 - from);
                calls.add(threads.submit(() -> {
                    float[] wanted = Arrays.copyOfRange(expected, from * classes, to * classes);
                    float[] part = Arrays.copyOfRange(x, from * size, to * size);
                    assertNear(wanted, predictor.predict(part), ORDER);
                    float[] outputs = new float[wanted.length];
                    predictor.predict(MemorySegment.ofArray(part), MemorySegment.ofArray(outputs));
                    assertNear(wanted, outputs, ORDER);
                }));
            }
            for (Future<?> call : calls) call.get();
            assertEquals(CLASSES, predictor.classes());
            assertEquals(NORMALIZATION, predictor.normalization().orElseThrow());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"CHECKPOINT", "ONNX"})
    void bfloat16(Kind kind) throws IOException {
        try (Predictor predictor = Predictor.file(file(kind))
                .precision(Precision.BFLOAT16_EMULATED)
                .open()) {
            float[] outputs = predictor.predict(samples(7));
            assertNear(expected, outputs, BFLOAT16);
            assertFalse(Arrays.equals(expected, outputs), "nothing was rounded");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"CHECKPOINT", "ONNX"})
    void imagesBecomeClasses(Kind kind) throws IOException {
        BufferedImage image = new BufferedImage(40, 24, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < 24; y++)
            for (int x = 0; x < 40; x++) image.setRGB(x, y, (x * 6) << 16 | (y * 10) << 8 | 77);
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        ImageIO.write(image, "png", png);
        Path path = Files.write(folder.resolve("image.png"), png.toByteArray());
        try (Predictor predictor = Predictor.open(file(kind));
                Predictor half = Predictor.file(file(kind)).crop(0.5).open()) {
            List<ClassProbability> best = predictor.classify(path, 3);
            assertEquals(3, best.size());
            double[] p = Probabilities.of(predictor.predict(ImageFile.read(path, IMAGE)));
            assertEquals(Probabilities.largest(p, 1)[0], best.getFirst().index());
            for (ClassProbability c : best) {
                assertEquals(p[c.index()], c.probability());
                assertEquals(CLASSES.get(c.index()), c.name());
            }
            assertTrue(best.get(0).probability() >= best.get(1).probability());
            assertEquals(best, predictor.classify(png.toByteArray(), 3));
            assertEquals(best, predictor.classify(image, 3));
            List<ClassProbability> all = predictor.classify(image, 99);
            assertEquals(5, all.size());
            assertEquals(
                    1, all.stream().mapToDouble(ClassProbability::probability).sum(), 1e-12, "five roundings");
            // The middle: 12 of the 24 pixels of the shorter side, as they are.
            assertArrayEquals(
                    ImageFile.read(image.getSubimage(14, 6, 12, 12), Shape.of(3, 12, 12), 1),
                    ImageFile.read(image, Shape.of(3, 12, 12), 0.5));
            assertFalse(Arrays.equals(predictor.sample(image), half.sample(image)));
            assertThrows(DataException.class, () -> predictor.classify(new byte[] {1, 2, 3}, 1));
            assertThrows(DataException.class, () -> predictor.classify(folder.resolve("none.png"), 1));
            assertThrows(IllegalArgumentException.class, () -> predictor.classify(image, 0));
        }
    }

    @Test
    void batchesAreRankedSampleBySample() throws IOException {
        float[] x = samples(3);
        try (Predictor predictor = Predictor.open(file(Kind.CHECKPOINT))) {
            List<List<ClassProbability>> ranked = predictor.classify(x, 1);
            assertEquals(3, ranked.size());
            int size = (int) IMAGE.elements();
            for (int i = 0; i < 3; i++) {
                float[] one = Arrays.copyOfRange(x, i * size, (i + 1) * size);
                assertEquals(predictor.classify(one), ranked.get(i).getFirst().index());
            }
            Tensor last = predictor
                    .model()
                    .parameters()
                    .get(predictor.model().parameters().specs().getLast().name());
            last.fill(Float.NaN);
            predictor.model().parameters().touch();
            Exception e = assertThrows(ArithmeticException.class, () -> predictor.classify(x, 1));
            assertTrue(e.getMessage().contains("not finite"), e.getMessage());
        }
    }

    /** A file from elsewhere says nothing about images: samples are taken as they are, images refused until somebody says it. */
    @ParameterizedTest
    @ValueSource(strings = {"bare.onnx", "bare.safetensors"})
    void filesThatSayNothing(String name) throws IOException {
        Path file = folder.resolve(name);
        float[] x = samples(2);
        float[] normalized = x.clone();
        for (int i = 0; i < 2; i++) NORMALIZATION.apply(normalized, i * (int) IMAGE.elements(), (int) IMAGE.elements());
        BufferedImage image = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
        boolean onnx = name.endsWith("onnx");
        try (Predictor predictor = onnx
                ? Predictor.open(file)
                : Predictor.file(file).model("cnn-bn").sample(IMAGE).open()) {
            assertNear(Arrays.copyOf(expected, 10), predictor.predict(normalized), ORDER);
            assertEquals(List.of("0", "1", "2", "3", "4"), predictor.classes());
            Exception e = assertThrows(IllegalStateException.class, () -> predictor.classify(image, 1));
            assertTrue(e.getMessage().contains("normalization"), e.getMessage());
        }
        Predictor.Opener opener =
                Predictor.file(file).normalization(NORMALIZATION).classNames(CLASSES);
        if (!onnx) opener.model("cnn-bn").sample(IMAGE);
        try (Predictor predictor = opener.open()) {
            assertNear(Arrays.copyOf(expected, 10), predictor.predict(x), ORDER);
            assertTrue(CLASSES.contains(predictor.classify(image, 1).getFirst().name()));
        }
        Predictor.Opener few = Predictor.file(file).classNames(List.of("a", "b"));
        if (!onnx) few.model("cnn-bn").sample(IMAGE);
        Exception e = assertThrows(IllegalArgumentException.class, few::open);
        assertTrue(e.getMessage().contains("5 outputs"), e.getMessage());
    }

    @Test
    void ownNetworks() throws IOException {
        Layer network = Layers.sequential(
                Layers.conv2d(3, 4, 3), Layers.batchNorm2d(4), Layers.relu(), Layers.flatten(), Layers.linear(784, 5));
        Path file = folder.resolve("own.safetensors");
        float[] wanted;
        try (Model model = Model.of(network, IMAGE, 4);
                Predictor predictor = Predictor.of(model, NORMALIZATION)) {
            Checkpoint.save(
                    file,
                    model,
                    ModelCard.of(model, CLASSES, NORMALIZATION).crop(0.875).metadata(0));
            wanted = predictor.predict(samples(2));
        }
        assertEquals(0.875, SavedModel.describe(file).orElseThrow().crop());
        Exception e = assertThrows(IOException.class, () -> Predictor.open(file));
        assertTrue(e.getMessage().contains("own"), e.getMessage());
        try (Predictor predictor = Predictor.file(file).network(network).open()) {
            assertArrayEquals(wanted, predictor.predict(samples(2)));
            assertEquals(CLASSES, predictor.classes());
        }
    }

    /** What ends in a softmax gives probabilities, which are not to be put through another. */
    @Test
    void outputsThatAreProbabilities() throws IOException {
        Path file = folder.resolve("softmax.onnx");
        Layer network = Layers.sequential(Layers.flatten(), Layers.linear(768, 5), new Softmax(-1, false));
        try (Model model = Model.of(network, IMAGE, 4)) {
            OnnxExport.write(file, model, OnnxExport.Options.DEFAULT);
        }
        try (Predictor predictor = Predictor.open(file)) {
            float[] x = samples(1);
            float[] outputs = predictor.predict(x);
            for (ClassProbability c : predictor.classify(x, 5).getFirst()) {
                assertEquals(outputs[c.index()], c.probability());
            }
        }
    }

    @Test
    void autoencodersTellNoClassesApart() throws IOException {
        Path file = folder.resolve("autoencoder.safetensors");
        Shape grey = Shape.of(1, 32, 32);
        try (Model model = Model.of(Models.create("autoencoder", grey, 1), grey, 1)) {
            ModelCard card = ModelCard.of("autoencoder", model, CLASSES, Normalization.identity(1));
            Checkpoint.save(file, model, card.metadata(0));
        }
        try (Predictor predictor = Predictor.open(file)) {
            assertEquals(1024, predictor.predict(new float[1024]).length);
            assertThrows(IllegalStateException.class, predictor::classes);
            assertThrows(IllegalStateException.class, () -> predictor.classify(new float[1024], 1));
        }
    }

    @Test
    void closingWhileOthersPredict() throws Exception {
        for (int round = 0; round < 5; round++) {
            Predictor predictor =
                    Predictor.file(file(Kind.ONNX)).threads(1).concurrency(2).open();
            float[] x = samples(1);
            float[] wanted = Arrays.copyOf(expected, 5);
            CountDownLatch started = new CountDownLatch(3);
            try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
                List<Future<Integer>> loops = new ArrayList<>();
                for (int t = 0; t < 3; t++) {
                    loops.add(threads.submit(() -> {
                        for (int done = 0; ; done++) {
                            try {
                                assertNear(wanted, predictor.predict(x), ORDER);
                            } catch (IllegalStateException e) {
                                assertTrue(e.getMessage().contains("closed"), e.getMessage());
                                return done;
                            } finally {
                                if (done == 0) started.countDown();
                            }
                        }
                    }));
                }
                started.await();
                Thread other = Thread.ofPlatform().start(predictor::close);
                predictor.close();
                other.join();
                for (Future<Integer> loop : loops) assertTrue(loop.get() > 0);
            }
            assertThrows(IllegalStateException.class, () -> predictor.predict(x));
            assertThrows(IllegalStateException.class, () -> predictor.session(1));
        }
    }

    @Test
    void filesThatCannotBeServed() throws IOException {
        Path text = Files.writeString(folder.resolve("model.txt"), "no model at all");
        assertMessage("neither a safetensors nor an ONNX file", text);
        assertMessage("is empty", Files.createFile(folder.resolve("empty.onnx")));
        assertMessage("missing.onnx", folder.resolve("missing.onnx"));
        assertMessage("which model it holds", folder.resolve("bare.safetensors"));
        byte[] whole = Files.readAllBytes(file(Kind.CHECKPOINT));
        assertMessage(
                "cut.safetensors",
                Files.write(folder.resolve("cut.safetensors"), Arrays.copyOf(whole, whole.length - 9)));
        byte[] onnx = Files.readAllBytes(file(Kind.ONNX));
        assertMessage("cut.onnx", Files.write(folder.resolve("cut.onnx"), Arrays.copyOf(onnx, onnx.length / 2)));

        Exception other = assertThrows(
                IOException.class,
                () -> Predictor.file(file(Kind.CHECKPOINT)).model("resnet20").open());
        assertTrue(other.getMessage().contains("holds cnn-bn"), other.getMessage());
        Exception named = assertThrows(
                IllegalArgumentException.class,
                () -> Predictor.file(file(Kind.ONNX)).model("resnet20").open());
        assertTrue(named.getMessage().contains("ONNX"), named.getMessage());
        Exception channels = assertThrows(
                IllegalArgumentException.class,
                () -> Predictor.file(file(Kind.ONNX))
                        .normalization(Normalization.identity(1))
                        .open());
        assertTrue(channels.getMessage().contains("1 channels"), channels.getMessage());
    }

    /** What a file claims is held against its tensors before memory of that size is taken. */
    @Test
    void claimsAreNotBelieved() throws IOException {
        Path file = folder.resolve("claims.safetensors");
        try (Model model = Model.of(Models.create("mlp-bn", IMAGE, 5), IMAGE, 1)) {
            for (String shape : List.of("[3, 1000000, 1000]", "[3, 4294967296, 4294967296]", "[3, 0, 5]", "[]")) {
                Map<String, String> claims = new HashMap<>(
                        ModelCard.of("mlp-bn", model, CLASSES, NORMALIZATION).metadata(0));
                claims.put("ondine.sample_shape", shape);
                Checkpoint.save(file, model, claims);
                Exception e = assertThrows(IOException.class, () -> Predictor.open(file), shape);
                assertTrue(e.getMessage().contains("claims.safetensors"), shape + ": " + e.getMessage());
            }
            Map<String, String> unknown = new HashMap<>(
                    ModelCard.of("mlp-bm", model, CLASSES, NORMALIZATION).metadata(0));
            Checkpoint.save(file, model, unknown);
            assertMessage("the nearest is 'mlp-bn'", file);
        }
    }

    private static void assertMessage(String part, Path file) {
        IOException e =
                assertThrows(IOException.class, () -> Predictor.open(file).close());
        assertTrue(e.toString().contains(part), e.toString());
    }
}
