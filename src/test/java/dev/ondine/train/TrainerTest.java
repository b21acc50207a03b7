package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.data.Normalization;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Value;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.Sequential;
import dev.ondine.onednn.OneDnnPlan;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TrainerTest {
    private static final Shape SAMPLE = Shape.of(3, 12, 12);

    private static Trainer.Builder trainer(Model model, String backend) {
        return Trainer.of(model)
                .backend(Backends.named(backend))
                .threads(2)
                .seed(5)
                .optimizer(Optimizer.Sgd.of(0.05).momentum(0.9).weightDecay(5e-4));
    }

    private static Map<String, float[]> snapshot(Model model) {
        Map<String, float[]> values = new LinkedHashMap<>();
        for (ParameterSpec spec : model.parameters().specs()) {
            if (spec.dataType() == DataType.FLOAT32) {
                values.put(spec.name(), model.parameters().get(spec.name()).toFloatArray());
            }
        }
        return values;
    }

    private static Map<String, float[]> train(String backend, int steps, int... sizes) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, backend).build()) {
            for (int i = 0; i < steps; i++) {
                TrainingBatch batch = trainer.batch(sizes[i % sizes.length]);
                Fixtures.fill(batch.input(), batch.target(), i);
                batch.step();
            }
            return snapshot(model);
        }
    }

    private static void assertSameBits(Map<String, float[]> expected, Map<String, float[]> actual) {
        expected.forEach((name, values) -> assertArrayEquals(values, actual.get(name), name));
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector"})
    void sameSeedSameBits(String backend) {
        assertSameBits(train(backend, 4, 8), train(backend, 4, 8));
    }

    /** Weights from elsewhere, a checkpoint say, are not drawn back to where the slow ones of Lookahead were. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "reference"})
    void lookaheadFollowsWhoeverSetsTheWeights(String backend) {
        float[] set = lookahead(backend, (model, step) -> {
            if (step != 1) return;
            Tensor weight = model.parameters().get("weight");
            for (int i = 0; i < weight.elements(); i++) weight.setFloatAt(i, 100 + i);
            model.parameters().touch();
        });
        // A gradient of cross-entropy is no larger than its input, 1; half of a step of a thousandth is left.
        for (int i = 0; i < set.length; i++) assertEquals(100 + i, set[i], 1.1e-3);
    }

    /** Who says that something was changed that is not learned changes nothing about it. */
    @Test
    void lookaheadGoesOnWhenTheWeightsAreAsTheyWere() {
        float[] alone = lookahead("onednn", (_, _) -> {});
        assertArrayEquals(alone, lookahead("onednn", (model, _) -> {
            model.parameters().get("weight");
            model.parameters().touch();
        }));
    }

    private static float[] lookahead(String backend, BiConsumer<Model, Integer> afterStep) {
        try (Model model = Model.of(Layers.linear(3, 2), Shape.of(3), 3);
                Trainer trainer = trainer(model, backend)
                        .optimizer(new Optimizer.Lookahead(Optimizer.Sgd.of(1e-3), 2, 0.5))
                        .build()) {
            TrainingBatch batch = trainer.batch(4);
            for (int i = 0; i < 12; i++) batch.input().setFloatAt(i, i % 2);
            for (int i = 0; i < 4; i++) batch.target().setIntAt(i, i % 2);
            for (int step = 1; step <= 2; step++) {
                batch.step();
                afterStep.accept(model, step);
            }
            return model.parameters().get("weight").toFloatArray();
        }
    }

    /** Gradients of a whole network, fused, in place and in blocked layouts, against the plain double-precision reference. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector"})
    void gradientsMatchTheReference(String backend) {
        Map<String, double[]> expected = firstGradients("reference");
        Map<String, double[]> actual = firstGradients(backend);
        // The deepest sum is over 8 images of 12x12 pixels; a dozen layers add to each other's errors.
        double tolerance = 12 * Tolerances.cancelling(8 * 144);
        expected.forEach((name, values) -> Tolerances.assertClose(name, values, actual.get(name), tolerance));
    }

    private static Map<String, double[]> firstGradients(String backend) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, backend).build()) {
            TrainingBatch batch = trainer.batch(8);
            Fixtures.fill(batch.input(), batch.target(), 1);
            batch.step();
            Plan plan = batch.plan();
            Map<String, double[]> gradients = new LinkedHashMap<>();
            List<Value> parameters = plan.graph().parameters();
            for (int i = 0; i < parameters.size(); i++) {
                Tensor gradient =
                        Tensor.allocate(DataType.FLOAT32, parameters.get(i).shape());
                plan.unpack(i, plan.gradients(), gradient.segment());
                gradients.put(parameters.get(i).name(), gradient.toDoubleArray());
            }
            return gradients;
        }
    }

    /** A second batch size shares weights, gradients and momentum with the first. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector"})
    void batchesOfDifferentSizesTrainOneModel(String backend) {
        Map<String, float[]> expected = train("reference", 4, 8, 5);
        Map<String, float[]> actual = train(backend, 4, 8, 5);
        expected.forEach((name, values) -> {
            Tolerances.assertClose(
                    name,
                    Tensor.of(values, values.length),
                    Tensor.of(actual.get(name), values.length),
                    // Each of four steps adds to the error of the gradients; weights change by a fraction of
                    // themselves.
                    12 * Tolerances.cancelling(8 * 144));
        });
    }

    @Test
    void whatShouldBeFusedIsFused() {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, "onednn").build()) {
            OneDnnPlan plan = (OneDnnPlan) trainer.batch(8).plan();
            String text = plan.print();
            assertTrue(plan.warnings().isEmpty(), () -> "slow paths: " + plan.warnings());
            // Two of the three ReLUs behind a batch norm or the sum are gone; only the sum's backward is left as an
            // eltwise.
            long relus =
                    plan.stepNames().stream().filter(n -> n.contains("relu")).count();
            assertEquals(1, relus, text);
            assertTrue(
                    plan.graph().nodes().stream()
                            .anyMatch(n -> n.op().toString().contains("relu=true")),
                    text);
            // Nobody asks for the gradient of the images.
            long data = plan.stepNames().stream()
                    .filter(n -> n.contains("convolution backward_data"))
                    .count();
            long weights = plan.stepNames().stream()
                    .filter(n -> n.contains("convolution backward_weights"))
                    .count();
            assertEquals(weights - 1, data, text);
        }
    }

    /** Each optimizer, with all that a step may have besides. */
    static Stream<UnaryOperator<Trainer.Builder>> everything() {
        return Stream.concat(
                OptimizersTest.optimizers().stream().map(o -> b -> b.optimizer(o)),
                Stream.of(b -> b.group(ParameterGroup.of(p -> p.role().isNormalization())
                                .weightDecay(0))
                        .group(ParameterGroup.of(p -> p.name().startsWith("0.")).fixed())
                        .clipping(new Clipping(1, 0.1))
                        .accumulate(2)
                        .averaging(Averaging.ema(0.9))));
    }

    @ParameterizedTest
    @MethodSource("everything")
    void aStepAllocatesNothing(UnaryOperator<Trainer.Builder> settings) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = settings.apply(trainer(model, "onednn")).build()) {
            TrainingBatch batch = trainer.batch(8);
            Fixtures.fill(batch.input(), batch.target(), 1);
            for (int i = 0; i < 500; i++) batch.step();
            long least = Long.MAX_VALUE;
            // The compiler may still replace a frame while a window runs; one that allocates does so in every window.
            for (int window = 0; window < 20 && least != 0; window++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 100; i++) batch.step();
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, least, "bytes allocated by 100 steps");
        }
    }

    /** What the C library's allocator has handed out, over a hundred steps: a step that keeps memory does so in every window. */
    @ParameterizedTest
    @MethodSource("everything")
    @SuppressWarnings("restricted") // a function of the C library that only reads
    void aStepKeepsNoNativeMemory(UnaryOperator<Trainer.Builder> settings) throws Throwable {
        Linker linker = Linker.nativeLinker();
        Optional<MemorySegment> mallinfo2 = linker.defaultLookup().find("mallinfo2");
        assumeTrue(mallinfo2.isPresent(), "the C library has no mallinfo2");
        StructLayout layout = MemoryLayout.structLayout(
                MemoryLayout.sequenceLayout(7, ValueLayout.JAVA_LONG),
                ValueLayout.JAVA_LONG.withName("uordblks"),
                MemoryLayout.sequenceLayout(2, ValueLayout.JAVA_LONG));
        MethodHandle info = linker.downcallHandle(mallinfo2.get(), FunctionDescriptor.of(layout));
        try (Arena arena = Arena.ofConfined();
                Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = settings.apply(trainer(model, "onednn")).build()) {
            TrainingBatch batch = trainer.batch(8);
            Fixtures.fill(batch.input(), batch.target(), 1);
            for (int i = 0; i < 200; i++) batch.step();
            long least = Long.MAX_VALUE;
            for (int window = 0; window < 10 && least > 0; window++) {
                long before = handedOut(info, arena);
                for (int i = 0; i < 100; i++) batch.step();
                least = Math.min(least, handedOut(info, arena) - before);
            }
            assertTrue(least <= 0, least + " bytes kept by 100 steps");
        }
    }

    private static long handedOut(MethodHandle info, Arena arena) throws Throwable {
        MemorySegment result = (MemorySegment) info.invokeExact((SegmentAllocator) arena);
        return result.get(ValueLayout.JAVA_LONG, 7 * Long.BYTES);
    }

    @Test
    void theInputSurvivesAStep() {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, "onednn").build()) {
            TrainingBatch batch = trainer.batch(8);
            Fixtures.fill(batch.input(), batch.target(), 1);
            float[] before = batch.input().toFloatArray();
            batch.step();
            assertArrayEquals(before, batch.input().toFloatArray());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void optimizerStateContinuesToTheBit(String backend, @TempDir Path folder) throws Exception {
        Map<String, float[]> whole;
        Path weights = folder.resolve("model.safetensors");
        Path state = folder.resolve("optimizer.safetensors");
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, backend).build()) {
            for (int i = 0; i < 6; i++) {
                if (i == 3) {
                    Checkpoint.save(weights, model, Map.of());
                    Checkpoint.saveOptimizer(state, trainer);
                }
                TrainingBatch batch = trainer.batch(8);
                Fixtures.fill(batch.input(), batch.target(), i);
                batch.step();
            }
            whole = snapshot(model);
        }
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 99);
                Trainer trainer = trainer(model, backend).build()) {
            Checkpoint.load(weights, model);
            Checkpoint.loadOptimizer(state, trainer, 8);
            for (int i = 3; i < 6; i++) {
                TrainingBatch batch = trainer.batch(8);
                Fixtures.fill(batch.input(), batch.target(), i);
                batch.step();
            }
            assertSameBits(whole, snapshot(model));
            assertEquals(6, trainer.steps());
            assertEquals(6, model.parameters().get("1.num_batches_tracked").getLongAt(0));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void aBatchWithANaNChangesNothingAndNamesTheSample(String backend) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, backend).build()) {
            TrainingBatch batch = trainer.batch(8);
            Fixtures.fill(batch.input(), batch.target(), 1);
            batch.step();
            Map<String, float[]> before = snapshot(model);
            batch.input().setFloat(Float.NaN, 6, 1, 2, 3);
            var e = assertThrows(TrainingException.class, batch::step);
            assertTrue(e.getMessage().contains("sample 6"), e.getMessage());
            assertTrue(e.getMessage().contains("step 2"), e.getMessage());
            assertSameBits(before, snapshot(model));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void aLearningRateThatExplodesIsReported(String backend) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, backend)
                        .optimizer(Optimizer.Sgd.of(1e30))
                        .build()) {
            TrainingBatch batch = trainer.batch(8);
            Fixtures.fill(batch.input(), batch.target(), 1);
            var e = assertThrows(TrainingException.class, () -> {
                for (int i = 0; i < 10; i++) batch.step();
            });
            assertTrue(e.getMessage().contains("learning rate"), e.getMessage());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void aLabelOutOfRangeIsRefused(String backend) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, backend).build()) {
            TrainingBatch batch = trainer.batch(8);
            Fixtures.fill(batch.input(), batch.target(), 1);
            Map<String, float[]> before = snapshot(model);
            batch.target().setIntAt(3, 10);
            var e = assertThrows(IllegalArgumentException.class, batch::step);
            assertTrue(e.getMessage().contains("3") && e.getMessage().contains("10"), e.getMessage());
            assertSameBits(before, snapshot(model));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void oneValuePerChannelIsRefusedByPath(String backend) {
        var net = Sequential.of(Layers.flatten(), Layers.linear(432, 8), Layers.batchNorm1d(8), Layers.linear(8, 10));
        try (Model model = Model.of(net, SAMPLE, 3);
                Trainer trainer = trainer(model, backend).build()) {
            var e = assertThrows(ModelException.class, () -> trainer.batch(1));
            assertTrue(e.getMessage().startsWith("2: "), e.getMessage());
            assertTrue(e.getMessage().contains("more than one value per channel"), e.getMessage());
        }
    }

    @Test
    void layersThatDoNotFitAreNamed() {
        var net = Sequential.named().then("conv", Layers.conv2d(3, 8, 3)).then("bn", Layers.batchNorm2d(9));
        var e = assertThrows(
                ModelException.class, () -> Model.of(net, SAMPLE, 0).close());
        assertTrue(e.getMessage().startsWith("bn: "), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void useAfterCloseIsRefused(String backend) {
        Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
        Trainer trainer = trainer(model, backend).build();
        TrainingBatch batch = trainer.batch(8);
        Tensor input = batch.input();
        Predictor predictor = new Predictor(model, Normalization.identity(3), Backends.named(backend), 1);
        trainer.close();
        trainer.close();
        assertThrows(IllegalStateException.class, batch::step);
        assertThrows(IllegalStateException.class, batch::input);
        assertThrows(IllegalStateException.class, () -> input.setFloatAt(0, 1));
        assertThrows(IllegalStateException.class, () -> trainer.batch(8));
        assertEquals(10, predictor.predict(new float[432]).length);
        predictor.close();
        assertThrows(IllegalStateException.class, () -> predictor.predict(new float[432]));
        Tensor weight = model.parameters().get("0.weight");
        model.close();
        assertThrows(IllegalStateException.class, () -> weight.getFloatAt(0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void predictionsFollowTraining(String backend) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, backend).build();
                Predictor predictor = new Predictor(model, Normalization.identity(3), Backends.named(backend), 2)) {
            float[] sample = new float[432];
            java.util.Arrays.fill(sample, 0.5f);
            float[] before = predictor.predict(sample);
            TrainingBatch batch = trainer.batch(8);
            Fixtures.fill(batch.input(), batch.target(), 1);
            batch.step();
            assertTrue(!java.util.Arrays.equals(before, predictor.predict(sample)));
        }
    }

    @Test
    void aModelHasOneTrainerAtATime() {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer first = trainer(model, "onednn").build();
                Trainer second = trainer(model, "onednn").build()) {
            TrainingBatch a = first.batch(8);
            TrainingBatch b = second.batch(8);
            Fixtures.fill(a.input(), a.target(), 1);
            Fixtures.fill(b.input(), b.target(), 1);
            b.step();
            assertThrows(IllegalStateException.class, a::step);
        }
    }

    @Test
    void checkpointsThatDoNotFitAreListed(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("a.safetensors");
        try (Model model = Model.of(Sequential.named().then("fc", Layers.linear(4, 3)), Shape.of(4), 0)) {
            Checkpoint.save(file, model, Map.of());
        }
        byte[] before = Files.readAllBytes(file);
        try (Model other = Model.of(Sequential.named().then("fc1", Layers.linear(4, 3)), Shape.of(4), 1)) {
            float[] weights = other.parameters().get("fc1.weight").toFloatArray();
            var e = assertThrows(java.io.IOException.class, () -> Checkpoint.load(file, other));
            assertTrue(e.getMessage().contains("missing fc1.weight (nearest: fc.weight)"), e.getMessage());
            assertTrue(e.getMessage().contains("unexpected fc.bias"), e.getMessage());
            assertArrayEquals(weights, other.parameters().get("fc1.weight").toFloatArray());
        }
        assertArrayEquals(before, Files.readAllBytes(file));
    }
}
