package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Team;
import dev.ondine.data.ArrayDataset;
import dev.ondine.data.Normalization;
import dev.ondine.graph.ModelException;
import dev.ondine.io.SafeTensorsWriter;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.Residual;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may use what when, and what is refused: nothing here may crash the JVM or change a number silently. */
class LifetimeTest {
    private static final Shape SAMPLE = Shape.of(3, 12, 12);

    private static Model model() {
        return Model.of(Fixtures.network(3), SAMPLE, 3);
    }

    private static Trainer trainer(Model model, String backend) {
        return Trainer.of(model)
                .backend(Backends.named(backend))
                .threads(2)
                .optimizer(Optimizer.Sgd.of(0.05).momentum(0.9))
                .build();
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void everyMethodOfAClosedPlanRefuses(String backend) {
        try (Model model = model()) {
            Trainer trainer = trainer(model, backend);
            Plan plan = trainer.batch(4).plan();
            trainer.close();
            List<Runnable> calls = List.of(
                    plan::graph,
                    () -> plan.input("input"),
                    () -> plan.output("loss"),
                    plan::weights,
                    plan::gradients,
                    () -> plan.offset(0),
                    () -> plan.extent(0),
                    () -> plan.mean(0),
                    () -> plan.variance(0),
                    () -> plan.pack(0, MemorySegment.NULL, MemorySegment.NULL),
                    () -> plan.unpack(0, MemorySegment.NULL, MemorySegment.NULL),
                    () -> plan.run(0),
                    plan::memory,
                    plan::print);
            for (Runnable call : calls) assertThrows(IllegalStateException.class, call::run);
        }
    }

    /** The second batch's plan uses the memory of the first's: closing that one while the other runs must wait. */
    @Test
    @Timeout(60)
    void aSharedPlanIsNotClosedUnderARunningOne() throws Exception {
        for (int round = 0; round < 5; round++) {
            try (Model model = model();
                    Trainer trainer = trainer(model, "onednn")) {
                Plan first = trainer.batch(8).plan();
                Plan second = trainer.batch(16).plan();
                Fixtures.fill(second.input("input"), second.input("target"), 1);
                AtomicReference<Throwable> end = new AtomicReference<>();
                Thread runner = new Thread(() -> {
                    try {
                        while (true) second.run(0);
                    } catch (IllegalStateException e) {
                        end.set(e);
                    }
                });
                runner.start();
                Thread.sleep(20);
                first.close();
                runner.join();
                assertTrue(end.get() instanceof IllegalStateException);
            }
        }
    }

    @Test
    void aModelClosedBeforeItsTrainerLeaksNothing() {
        Model model = model();
        Trainer trainer = trainer(model, "onednn");
        TrainingBatch batch = trainer.batch(4);
        Tensor input = batch.input();
        Fixtures.fill(input, batch.target(), 1);
        batch.step();
        model.close();
        assertThrows(IllegalStateException.class, batch::step);
        assertThrows(IllegalStateException.class, trainer::close);
        assertThrows(IllegalStateException.class, () -> input.getFloatAt(0), "the plan's memory is freed");
        trainer.close();
    }

    @Test
    void aTrainerThatWasOustedChangesNothing() {
        try (Model model = model();
                Trainer first = trainer(model, "onednn");
                Trainer second = trainer(model, "onednn")) {
            TrainingBatch a = first.batch(4);
            TrainingBatch b = second.batch(4);
            Fixtures.fill(a.input(), a.target(), 1);
            Fixtures.fill(b.input(), b.target(), 1);
            b.step();
            float[] mean = model.parameters().get("1.running_mean").toFloatArray();
            assertThrows(IllegalStateException.class, a::step);
            assertArrayEquals(mean, model.parameters().get("1.running_mean").toFloatArray());
            assertEquals(1, model.parameters().get("1.num_batches_tracked").getLongAt(0));
            assertEquals(0, first.steps());
        }
    }

    @Test
    void editsAreTakenOverOrRefusedButNeverLost() {
        try (Model model = model();
                Trainer trainer = trainer(model, "onednn")) {
            TrainingBatch batch = trainer.batch(4);
            Fixtures.fill(batch.input(), batch.target(), 1);
            Tensor bias = model.parameters().get("13.bias");
            bias.fill(100);
            model.parameters().touch();
            batch.step();
            assertEquals(100, model.parameters().get("13.bias").getFloatAt(0), 1);
            batch.step();
            bias.fill(7);
            assertThrows(IllegalStateException.class, () -> model.parameters().touch());
        }
    }

    @Test
    @Timeout(60)
    void predictionsOnAnotherThreadSeeWholeSteps() throws Exception {
        try (Model model = model();
                Trainer trainer = trainer(model, "onednn");
                Predictor predictor = new Predictor(model, Normalization.identity(3), Backends.named("onednn"), 1)) {
            TrainingBatch batch = trainer.batch(4);
            Fixtures.fill(batch.input(), batch.target(), 1);
            AtomicReference<Throwable> failure = new AtomicReference<>();
            Thread reader = new Thread(() -> {
                try {
                    for (int i = 0; i < 100; i++) {
                        for (float v : predictor.predict(new float[432])) {
                            if (!Float.isFinite(v)) throw new IllegalStateException("not finite");
                        }
                    }
                } catch (RuntimeException e) {
                    failure.set(e);
                }
            });
            reader.start();
            while (reader.isAlive()) batch.step();
            reader.join();
            assertEquals(null, failure.get());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void aNaNWithoutBatchNormIsFoundInTheGradients(String backend) {
        var net = Sequential.of(Layers.conv2d(3, 4, 3), Layers.relu(), Layers.flatten(), Layers.linear(400, 10));
        try (Model model = Model.of(net, SAMPLE, 1);
                Trainer trainer = trainer(model, backend)) {
            TrainingBatch batch = trainer.batch(4);
            Fixtures.fill(batch.input(), batch.target(), 1);
            float[] before = model.parameters().get("0.weight").toFloatArray();
            batch.input().setFloat(Float.NaN, 2, 0, 5, 5);
            var e = assertThrows(TrainingException.class, batch::step);
            assertTrue(e.getMessage().contains("sample 2"), e.getMessage());
            assertArrayEquals(before, model.parameters().get("0.weight").toFloatArray());
        }
    }

    @Test
    void aBatchWithoutTargetsSaysSo() {
        try (Model model = model();
                Trainer trainer = trainer(model, "onednn")) {
            TrainingBatch batch = trainer.batch(4);
            Fixtures.fill(batch.input(), batch.target(), 1);
            for (int i = 0; i < 4; i++) batch.target().setIntAt(i, -100);
            var e = assertThrows(TrainingException.class, batch::step);
            assertTrue(e.getMessage().contains("every target"), e.getMessage());
        }
    }

    @Test
    void layersThatWouldShareParametersUnasked() {
        var conv = Layers.conv2d(3, 3, 1);
        var e = assertThrows(
                ModelException.class,
                () -> Model.of(Residual.of(Residual.of(conv, conv), conv), SAMPLE, 0)
                        .close());
        assertTrue(e.getMessage().contains("downsample.weight"), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 32})
    void batchNormOfAnotherNumberOfChannels(int features) {
        var net = Sequential.of(
                Layers.conv2d(3, 16, 3), Layers.batchNorm2d(features).affine(false));
        var e = assertThrows(
                ModelException.class, () -> Model.of(net, SAMPLE, 0).close());
        assertTrue(e.getMessage().startsWith("1: "), e.getMessage());
        assertTrue(e.getMessage().contains("16 channels"), e.getMessage());
    }

    @Test
    void dataThatDoesNotFitTheModel() {
        float[][] samples = {new float[27]};
        var data = new ArrayDataset("small", Shape.of(3, 3, 3), samples, new int[1], List.of("a"));
        try (Model model = model();
                Evaluator evaluator = new Evaluator(model, Backends.named("reference"), 1, Loss.crossEntropy(), 8)) {
            assertThrows(IllegalArgumentException.class, () -> evaluator.evaluate(data, Normalization.identity(3)));
            assertThrows(IllegalArgumentException.class, () -> Predictor.of(model, Normalization.identity(1)));
        }
    }

    @Test
    void optimizerStateOfAnotherKindIsRefusedWhole(@TempDir Path folder) throws IOException {
        Path good = folder.resolve("good.safetensors");
        Path bad = folder.resolve("bad.safetensors");
        try (Model model = model();
                Trainer trainer = trainer(model, "onednn")) {
            TrainingBatch batch = trainer.batch(4);
            Fixtures.fill(batch.input(), batch.target(), 1);
            batch.step();
            Checkpoint.saveOptimizer(good, trainer);
            try (Arena memory = Arena.ofShared()) {
                Map<String, Tensor> state = trainer.optimizerState(memory);
                List<SafeTensorsWriter.Entry> entries = new ArrayList<>();
                state.forEach((name, tensor) -> entries.add(new SafeTensorsWriter.Entry(
                        name, entries.isEmpty() ? Tensor.allocate(memory, DataType.INT32, tensor.shape()) : tensor)));
                SafeTensorsWriter.write(bad, Map.of("ondine.steps", "1"), entries);
                var e = assertThrows(IOException.class, () -> Checkpoint.loadOptimizer(bad, trainer, 4));
                assertTrue(e.getMessage().contains("momentum_buffer"), e.getMessage());
                SafeTensorsWriter.write(bad, Map.of("ondine.steps", "-1"), List.of());
                assertThrows(IOException.class, () -> Checkpoint.loadOptimizer(bad, trainer, 4));
                SafeTensorsWriter.write(bad, Map.of("ondine.steps", "1"), List.of());
                assertThrows(IOException.class, () -> Checkpoint.loadOptimizer(bad, trainer, 4));
            }
            Checkpoint.loadOptimizer(good, trainer, 4);
        }
    }

    @Test
    void absurdThreadsAreRefusedBeforeOpenMpEndsTheProcess() {
        try (Model model = model()) {
            var graph = model.graph(Mode.EVALUATION, 1, (_, _) -> {});
            var options = PlanOptions.threads(100_000);
            assertThrows(
                    IllegalArgumentException.class,
                    () -> Backends.named("onednn").compile(graph, options).close());
        }
    }

    @Test
    void updatesRefuseMemoryThatMayNotBeWritten() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment block = arena.allocate(64, 64);
            assertThrows(
                    IllegalArgumentException.class,
                    () -> UpdateKernels.best()
                            .sgd(
                                    block.asReadOnly(),
                                    block,
                                    MemorySegment.NULL,
                                    Ranges.all(arena, 16),
                                    0,
                                    false,
                                    false,
                                    Team.alone()));
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -1, Double.NaN, Double.POSITIVE_INFINITY, 1e39, 1e-60})
    void learningRatesThatAreNone(double rate) {
        assertThrows(IllegalArgumentException.class, () -> Optimizer.Sgd.of(rate));
        assertThrows(IllegalArgumentException.class, () -> Optimizer.Adam.of(rate));
    }
}
