package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Precision;
import dev.ondine.backend.UnsupportedPrecisionException;
import dev.ondine.data.Augmentation;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Datasets;
import dev.ondine.data.Normalization;
import dev.ondine.graph.Value;
import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.Residual;
import dev.ondine.nn.models.Models;
import dev.ondine.onednn.OneDnnPlan;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.tensor.BFloat16;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Training in bfloat16: emulated everywhere, in hardware where the processor has it. */
class Bfloat16TrainingTest {
    private static final Shape SAMPLE = Shape.of(3, 12, 12);
    private static final int BATCH = 8;

    /** The distance of 1 and its successor in bfloat16. */
    private static final double SPACING = 0x1p-7;

    static Stream<Precision> available() {
        return Stream.of(Precision.BFLOAT16, Precision.BFLOAT16_EMULATED)
                .filter(p -> p != Precision.BFLOAT16 || OneDnn.supportsBfloat16());
    }

    private static Trainer.Builder trainer(Model model, String backend, Precision precision) {
        return Trainer.of(model)
                .backend(Backends.named(backend))
                .threads(2)
                .seed(5)
                .precision(precision)
                .optimizer(Optimizer.Sgd.of(0.05).momentum(0.9).weightDecay(5e-4));
    }

    private static Map<String, float[]> train(Precision precision, int steps, int... sizes) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, "onednn", precision).build()) {
            for (int i = 0; i < steps; i++) {
                TrainingBatch batch = trainer.batch(sizes[i % sizes.length]);
                Fixtures.fill(batch.input(), batch.target(), i);
                batch.step();
            }
            Map<String, float[]> values = new LinkedHashMap<>();
            for (ParameterSpec spec : model.parameters().specs()) {
                if (spec.dataType() == DataType.FLOAT32) {
                    values.put(spec.name(), model.parameters().get(spec.name()).toFloatArray());
                }
            }
            return values;
        }
    }

    @ParameterizedTest
    @MethodSource("available")
    void sameSeedSameBits(Precision precision) {
        Map<String, float[]> first = train(precision, 4, BATCH, 5);
        Map<String, float[]> second = train(precision, 4, BATCH, 5);
        first.forEach((name, values) -> assertArrayEquals(values, second.get(name), name));
    }

    /**
     * Gradients of a whole network, fused, in place and in the native layouts, against the reference, which rounds where it is meant to.
     *
     * <p>A number next to the middle between two of bfloat16 may be rounded either way, and what follows differs by a spacing. Few are: their
     * share is float32's rounding error over bfloat16's spacing. So the two lie many times nearer to each other than to the gradients of
     * float32, where every number is another; a gradient over few numbers, of which some went the other way, at least twice as near.
     */
    @ParameterizedTest
    @MethodSource("available")
    void gradientsMatchTheReference(Precision precision) {
        Map<String, double[]> expected = gradients("reference", precision);
        Map<String, double[]> actual = gradients("onednn", precision);
        Map<String, double[]> float32 = gradients("reference", Precision.FLOAT32);
        List<String> near = new ArrayList<>();
        expected.forEach((name, values) -> {
            double error = distance(values, actual.get(name));
            double effect = distance(values, float32.get(name));
            assertTrue(2 * error <= effect, name + ": off by " + error + ", by " + effect + " in float32");
            // Half a spacing is what a number is off by; sums over many of either sign come nearer, differences go
            // further.
            assertTrue(effect > SPACING / 16, name + ": bfloat16 changes it by " + effect + " only");
            if (8 * error <= effect) near.add(name);
        });
        assertTrue(near.size() >= 0.75 * expected.size(), "eight times as near are only " + near);
    }

    /** |a − b| over |a|, both as vectors. */
    private static double distance(double[] a, double[] b) {
        double difference = 0;
        double length = 0;
        for (int i = 0; i < a.length; i++) {
            difference += (a[i] - b[i]) * (a[i] - b[i]);
            length += a[i] * a[i];
        }
        return Math.sqrt(difference / length);
    }

    /**
     * Convolutions of all kinds, batch norm, a residual, a concatenation. No max pooling: of equal numbers, of which bfloat16 has
     * many, one that is a spacing larger takes the whole gradient.
     */
    private static Layer smooth() {
        Layer body = Layers.sequential(
                Layers.conv2d(16, 24, 3).stride(2).padding(1).bias(false),
                Layers.batchNorm2d(24),
                Layers.relu(),
                Layers.conv2d(24, 24, 3).padding(1).groups(4).bias(false),
                Layers.batchNorm2d(24));
        Layer shortcut = Layers.sequential(Layers.conv2d(16, 24, 1).stride(2).bias(false), Layers.batchNorm2d(24));
        return Layers.sequential(
                Layers.conv2d(3, 16, 3).padding(1).bias(false),
                Layers.batchNorm2d(16),
                Layers.relu(),
                Residual.of(body, shortcut),
                Layers.concat(
                        Layers.conv2d(24, 8, 1),
                        Layers.sequential(Layers.conv2d(24, 24, 3).padding(1).groups(24), Layers.conv2d(24, 16, 1))),
                Layers.gelu(),
                Layers.globalAvgPool(),
                Layers.flatten(),
                Layers.linear(24, 10));
    }

    private static Map<String, double[]> gradients(String backend, Precision precision) {
        try (Model model = Model.of(smooth(), SAMPLE, 3);
                Trainer trainer = trainer(model, backend, precision).build()) {
            TrainingBatch batch = trainer.batch(BATCH);
            Fixtures.fill(batch.input(), batch.target(), 1);
            batch.step();
            Plan plan = batch.plan();
            Map<String, double[]> gradients = new LinkedHashMap<>();
            List<Value> parameters = plan.graph().parameters();
            for (int i = 0; i < parameters.size(); i++) {
                try (Tensor gradient =
                        Tensor.allocate(DataType.FLOAT32, parameters.get(i).shape())) {
                    plan.unpack(i, plan.gradients(), gradient.segment());
                    gradients.put(parameters.get(i).name(), gradient.toDoubleArray());
                }
            }
            return gradients;
        }
    }

    /** The optimizer's small steps would be lost in weights of 8 bits. */
    @ParameterizedTest
    @MethodSource("available")
    void masterWeightsAndStatisticsAreFloat32(Precision precision, @TempDir Path folder) throws Exception {
        Path file = folder.resolve("model.safetensors");
        Path state = folder.resolve("optimizer.safetensors");
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, "onednn", precision).build()) {
            TrainingBatch batch = trainer.batch(BATCH);
            Fixtures.fill(batch.input(), batch.target(), 1);
            batch.step();
            Checkpoint.save(file, model, Map.of());
            Checkpoint.saveOptimizer(state, trainer);
        }
        for (Path path : List.of(file, state)) {
            try (SafeTensorsFile saved = SafeTensors.open(path)) {
                for (String name : saved.names()) {
                    if (name.endsWith("num_batches_tracked")) continue;
                    Tensor tensor = saved.tensor(name);
                    assertEquals(DataType.FLOAT32, tensor.dataType(), name);
                    boolean zero = name.contains("bias") && path.equals(file);
                    assertTrue(zero || finerThanBfloat16(tensor), name + " holds bfloat16 numbers only");
                }
            }
        }
    }

    private static boolean finerThanBfloat16(Tensor tensor) {
        for (float v : tensor.toFloatArray()) {
            if (BFloat16.toFloat(BFloat16.fromFloat(v)) != v) return true;
        }
        return false;
    }

    /** What runs: weights are rounded, batch norm and its ReLU are one, nobody computes the gradient of the images. */
    @Test
    void emulationRoundsAndFuses() {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer =
                        trainer(model, "onednn", Precision.BFLOAT16_EMULATED).build()) {
            OneDnnPlan plan = (OneDnnPlan) trainer.batch(BATCH).plan();
            long rounded = plan.stepNames().stream()
                    .filter(n -> n.contains("round java"))
                    .count();
            assertTrue(rounded > 30, rounded + " steps round:\\n" + plan.print());
            assertEquals(
                    1, plan.stepNames().stream().filter(n -> n.contains("relu")).count(), plan.print());
        }
    }

    @Test
    void withoutHardwareBfloat16IsRefusedWithReasonAndCure() {
        assumeFalse(OneDnn.supportsBfloat16(), "this processor has bfloat16");
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, "onednn", Precision.BFLOAT16).build()) {
            var e = assertThrows(UnsupportedPrecisionException.class, () -> trainer.batch(BATCH));
            for (String word :
                    List.of("AVX512_BF16", "AMX", OneDnn.effectiveIsa().toString(), "f32", "bf16-emulated")) {
                assertTrue(e.getMessage().contains(word), e.getMessage());
            }
        }
    }

    @Test
    void parametersAreSharedWithPlansOfFloat32() {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer =
                        trainer(model, "onednn", Precision.BFLOAT16_EMULATED).build()) {
            TrainingBatch batch = trainer.batch(BATCH);
            PlanOptions options = PlanOptions.threads(1).sharing(batch.plan());
            try (Plan plan = Backends.named("onednn").compile(batch.plan().graph(), options)) {
                assertEquals(batch.plan().weights().address(), plan.weights().address());
            }
        }
    }

    /** As in float32 ({@link RealDataTest}). */
    @ParameterizedTest
    @MethodSource("available")
    void cnnReadsDigits(Precision precision) {
        DataSplit data = Datasets.open("digits:4000,1000", 1);
        Shape sample = data.train().sampleShape();
        try (Model model = Model.of(Models.create("cnn-bn", sample, 10), sample, 1);
                Trainer trainer = Trainer.of(model)
                        .seed(1)
                        .precision(precision)
                        .optimizer(Optimizer.Sgd.of(0.1)
                                .momentum(0.9)
                                .weightDecay(5e-4)
                                .nesterov(true))
                        .schedule(Schedule.cosine(3).warmup(0.3))
                        .build()) {
            List<Fit.EpochResult> results = new Fit(
                            trainer, data, Normalization.of(data.train()), Augmentation.NONE, 64, 1)
                    .run(3, new Fit.Listener() {});
            double accuracy = results.getLast().test().accuracy();
            assertTrue(accuracy >= 0.95, "accuracy " + accuracy);
        }
    }

    /** Inference in bfloat16 from float32 parameters, near that in float32. */
    @ParameterizedTest
    @MethodSource("available")
    void predictsInBfloat16(Precision precision) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Predictor exact = new Predictor(
                        model, Normalization.identity(3), Backends.named("onednn"), PlanOptions.threads(2));
                Predictor rounding = new Predictor(
                        model,
                        Normalization.identity(3),
                        Backends.named("onednn"),
                        PlanOptions.threads(2).precision(precision))) {
            float[] samples = new float[5 * (int) SAMPLE.elements()];
            for (int i = 0; i < samples.length; i++) samples[i] = (float) Math.sin(i);
            float[] expected = exact.predict(samples);
            float[] actual = rounding.predict(samples);
            double[] wide = new double[expected.length];
            double[] narrow = new double[expected.length];
            for (int i = 0; i < wide.length; i++) {
                wide[i] = expected[i];
                narrow[i] = actual[i];
            }
            // A dozen layers, each off by half a spacing at most for what it reads, its weights and what it stores.
            Tolerances.assertClose("outputs", wide, narrow, 12 * 1.5 * SPACING);
            assertFalse(java.util.Arrays.equals(expected, actual));
        }
    }
}
