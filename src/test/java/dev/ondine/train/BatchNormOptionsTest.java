package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Precision;
import dev.ondine.data.Normalization;
import dev.ondine.nn.BatchNorm;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What batch normalization does with its statistics in training and in evaluation, by its options. */
class BatchNormOptionsTest {
    private static final Shape SAMPLE = Shape.of(3, 6, 6);

    private static Model model(BatchNorm norm) {
        Model model = Model.of(
                Sequential.of(
                        Layers.conv2d(3, 8, 3).padding(1).bias(false),
                        norm,
                        Layers.relu(),
                        Layers.globalAvgPool(),
                        Layers.flatten(),
                        Layers.linear(8, 10)),
                SAMPLE,
                5);
        return model;
    }

    private static Trainer trainer(Model model, String backend, Precision precision) {
        return Trainer.of(model)
                .backend(Backends.named(backend))
                .threads(2)
                .optimizer(Optimizer.Sgd.of(0.1))
                .precision(precision)
                .build();
    }

    private static float[] evaluate(Model model, String backend, float[] pixels, int samples) {
        try (Plan plan = Backends.named(backend)
                .compile(model.graph(Mode.EVALUATION, samples, (_, _) -> {}), PlanOptions.threads(2))) {
            for (int i = 0; i < plan.graph().parameters().size(); i++) {
                String name = plan.graph().parameters().get(i).name();
                plan.pack(i, model.parameters().get(name).segment(), plan.weights());
            }
            for (var v : plan.graph().buffers()) {
                plan.buffer(v.name()).copyFrom(model.parameters().get(v.name()));
            }
            plan.input(Model.INPUT).copyFrom(pixels);
            plan.run(0);
            return plan.output(Model.OUTPUT).toFloatArray();
        }
    }

    private static void randomStatistics(Model model) {
        Random random = new Random(3);
        Tensor mean = model.parameters().get("1.running_mean");
        Tensor variance = model.parameters().get("1.running_var");
        for (int i = 0; i < 8; i++) {
            mean.setFloatAt(i, (float) random.nextGaussian());
            variance.setFloatAt(i, 0.5f + random.nextFloat());
        }
        model.parameters().touch();
    }

    /** Running statistics that were set by hand are what training normalizes with; γ and β learn, the statistics never change. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void frozenStatisticsAreUsedAndKept(String backend) {
        try (Model model = model(Layers.batchNorm2d(8).frozen());
                Trainer trainer = trainer(model, backend, Precision.FLOAT32)) {
            randomStatistics(model);
            float[] mean = model.parameters().get("1.running_mean").toFloatArray();
            float[] variance = model.parameters().get("1.running_var").toFloatArray();
            float[] gamma = model.parameters().get("1.weight").toFloatArray();
            TrainingBatch batch = trainer.batch(4);
            assertTrue(batch.plan().graph().statistics().isEmpty());
            for (int i = 0; i < 3; i++) {
                Fixtures.fill(batch.input(), batch.target(), i);
                float[] expected = evaluate(model, backend, batch.input().toFloatArray(), 4);
                batch.step();
                // The same operations, fused otherwise: a handful of sums over 27 products.
                Tolerances.assertClose(
                        "step " + i,
                        Tensor.of(expected, expected.length).toDoubleArray(),
                        batch.output().toDoubleArray(),
                        Tolerances.sum(4 * 27));
            }
            assertArrayEquals(mean, model.parameters().get("1.running_mean").toFloatArray());
            assertArrayEquals(variance, model.parameters().get("1.running_var").toFloatArray());
            assertEquals(0, model.parameters().get("1.num_batches_tracked").getLongAt(0));
            assertNotEquals(gamma[0], model.parameters().get("1.weight").getFloatAt(0));
            // Whoever changes them while a trainer is at work is heard, too.
            float before = batch.output().getFloatAt(0);
            model.parameters().get("1.running_mean").fill(2);
            model.parameters().touch();
            batch.step();
            assertNotEquals(before, batch.output().getFloatAt(0));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void untrackedStatisticsAreTheBatchsInEvaluationToo(String backend) {
        try (Model model = model(Layers.batchNorm2d(8).trackRunningStats(false));
                Trainer trainer = trainer(model, backend, Precision.FLOAT32)) {
            TrainingBatch batch = trainer.batch(4);
            Fixtures.fill(batch.input(), batch.target(), 1);
            float[] pixels = batch.input().toFloatArray();
            float[] expected = evaluate(model, backend, pixels, 4);
            batch.step();
            Tolerances.assertClose(
                    "output",
                    Tensor.of(expected, expected.length).toDoubleArray(),
                    batch.output().toDoubleArray(),
                    Tolerances.normalized(4 * 36, 1));
            assertEquals(0, model.parameters().buffers().byteSize());
        }
    }

    /** Statistics are float32 in bfloat16, too: the frozen ones reach the step unrounded, the batch's leave it so. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void bfloat16KeepsStatisticsInFloat32(String backend) {
        try (Model model = model(Layers.batchNorm2d(8));
                Trainer trainer = trainer(model, backend, Precision.BFLOAT16_EMULATED)) {
            TrainingBatch batch = trainer.batch(4);
            Fixtures.fill(batch.input(), batch.target(), 1);
            batch.step();
            int rounded = 0;
            float[] variance = model.parameters().get("1.running_var").toFloatArray();
            for (float v : variance) if ((Float.floatToRawIntBits(v) & 0xffff) == 0) rounded++;
            assertTrue(rounded < variance.length, "every running variance is a bfloat16");
        }
        try (Model model = model(Layers.batchNorm2d(8).frozen());
                Trainer trainer = trainer(model, backend, Precision.BFLOAT16_EMULATED)) {
            randomStatistics(model);
            TrainingBatch batch = trainer.batch(4);
            Fixtures.fill(batch.input(), batch.target(), 1);
            batch.step();
            var buffer = batch.plan().graph().buffers().getFirst();
            assertFalse(batch.plan().graph().buffers().isEmpty());
            assertArrayEquals(
                    model.parameters().get(buffer.name()).toFloatArray(),
                    batch.plan().buffer(buffer.name()).toFloatArray());
        }
    }

    /** A sample by itself, though batch statistics of one sample are others than those of four. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "reference"})
    void samplesThatAreNormalizedByThemselvesDoNotSeeEachOther(String backend) {
        Sequential net = Sequential.of(
                Layers.conv2d(3, 8, 3).padding(1),
                Layers.groupNorm(2, 8),
                Layers.relu(),
                Layers.instanceNorm2d(8).affine(true),
                Layers.flatten(),
                Layers.layerNorm(288),
                Layers.linear(288, 10));
        try (Model model = Model.of(net, SAMPLE, 2)) {
            float[] pixels = new float[4 * 108];
            Random random = new Random(8);
            for (int i = 0; i < pixels.length; i++) pixels[i] = random.nextFloat();
            float[] all = evaluate(model, backend, pixels, 4);
            float[] one = new float[108];
            System.arraycopy(pixels, 2 * 108, one, 0, 108);
            float[] alone = evaluate(model, backend, one, 1);
            double[] expected = new double[10];
            for (int i = 0; i < 10; i++) expected[i] = all[20 + i];
            Tolerances.assertClose(
                    "sample 2", expected, Tensor.of(alone, 10).toDoubleArray(), Tolerances.normalized(288, 2));
            try (Trainer trainer = trainer(model, backend, Precision.FLOAT32);
                    Predictor predictor = new Predictor(model, Normalization.identity(3), Backends.named(backend), 2)) {
                TrainingBatch batch = trainer.batch(4);
                Fixtures.fill(batch.input(), batch.target(), 1);
                float first = batch.step();
                float last = first;
                for (int i = 0; i < 30; i++) last = batch.step();
                assertTrue(last < first / 2, first + " to " + last);
                assertEquals(10, predictor.predict(one).length);
            }
        }
    }
}
