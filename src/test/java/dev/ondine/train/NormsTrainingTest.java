package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Precision;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Renormalization;
import dev.ondine.nn.BatchNorm;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.Sequential;
import dev.ondine.onednn.OneDnnPlan;
import dev.ondine.onednn.api.CpuIsa;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Networks of every kind of normalization, trained. */
class NormsTrainingTest {
    private static final Shape SAMPLE = Shape.of(3, 8, 8);

    private static Layer everyNorm() {
        return Sequential.of(
                Layers.conv2d(3, 16, 3).padding(1).bias(false),
                Layers.batchNorm2d(16).ghost(4),
                Layers.relu(),
                Layers.conv2d(16, 24, 3).padding(1).bias(false),
                Layers.batchNorm2d(24)
                        .renormalization(Renormalization.limits(1.5, 0.5).rising(1, 3, 2)),
                Layers.relu(),
                Layers.conv2d(24, 24, 3).padding(1).bias(false),
                Layers.groupNorm(4, 24),
                Layers.relu(),
                Layers.conv2d(24, 16, 1).bias(false),
                Layers.instanceNorm2d(16),
                Layers.batchNorm2d(16).frozen(),
                Layers.flatten(),
                Layers.layerNorm(1024),
                Layers.linear(1024, 10));
    }

    private static Trainer trainer(Model model, String backend, Precision precision) {
        return Trainer.of(model)
                .backend(Backends.named(backend))
                .threads(2)
                .optimizer(Optimizer.Sgd.of(0.05).momentum(0.9))
                .precision(precision)
                .build();
    }

    private static double[] losses(String backend, Precision precision) {
        double[] losses = new double[5];
        try (Model model = Model.of(everyNorm(), SAMPLE, 3);
                Trainer trainer = trainer(model, backend, precision)) {
            TrainingBatch batch = trainer.batch(8);
            for (int i = 0; i < losses.length; i++) {
                Fixtures.fill(batch.input(), batch.target(), i);
                losses[i] = batch.step();
            }
            // Two virtual batches a step.
            assertEquals(10, model.parameters().get("1.num_batches_tracked").getLongAt(0));
            assertEquals(5, model.parameters().get("4.num_batches_tracked").getLongAt(0));
        }
        return losses;
    }

    @ParameterizedTest
    @EnumSource(
            value = Precision.class,
            names = {"FLOAT32", "BFLOAT16_EMULATED"})
    void bothBackendsLearnTheSame(Precision precision) {
        double[] expected = losses("reference", precision);
        // Five steps, each a chain of five normalizations over some hundred values; in bfloat16 each rounds to a
        // neighbour now and then.
        double tolerance = precision.isBfloat16() ? 0.02 : 60 * Tolerances.cancelling(8 * 64);
        Tolerances.assertClose("losses", expected, losses("onednn", precision), tolerance);
        if (!precision.isBfloat16()) {
            Tolerances.assertClose("losses", expected, losses("vector", precision), tolerance);
        }
    }

    @Test
    void aStepAllocatesNothingAndFallsToNoSlowLoop() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Model model = Model.of(everyNorm(), SAMPLE, 3);
                Trainer trainer = trainer(model, "onednn", Precision.FLOAT32)) {
            TrainingBatch batch = trainer.batch(8);
            OneDnnPlan plan = (OneDnnPlan) batch.plan();
            assertTrue(plan.warnings().isEmpty(), () -> plan.warnings().toString());
            long pieces = plan.stepNames().stream()
                    .filter(n -> n.startsWith("1 batch_normalization forward_training"))
                    .count();
            assertEquals(2, pieces, plan::print);
            // Samples become channels without being moved.
            List<String> instance =
                    plan.stepNames().stream().filter(n -> n.startsWith("10 ")).toList();
            if (OneDnn.effectiveIsa().isAtLeast(CpuIsa.AVX2)) {
                assertEquals(2, instance.size(), instance.toString());
                assertTrue(instance.getFirst().startsWith("10 batch_normalization forward_training"));
            }
            Fixtures.fill(batch.input(), batch.target(), 1);
            for (int i = 0; i < 1500; i++) batch.step();
            long least = Long.MAX_VALUE;
            // The compiler may still replace a frame while a window runs; one that allocates does so in every window.
            for (int window = 0; window < 10; window++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 50; i++) batch.step();
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, least, "bytes allocated by 50 steps");
        }
    }

    private static float[] run(Model model, Mode mode, float[] pixels, long step) {
        try (Plan plan = Backends.named("onednn")
                .compile(model.graph(mode, pixels.length / 192, (_, _) -> {}), PlanOptions.threads(2))) {
            for (int i = 0; i < plan.graph().parameters().size(); i++) {
                String name = plan.graph().parameters().get(i).name();
                plan.pack(i, model.parameters().get(name).segment(), plan.weights());
            }
            new StatisticsFeed(plan, model.parameters()).run();
            plan.input(Model.INPUT).copyFrom(pixels);
            plan.run(step);
            return plan.output(Model.OUTPUT).toFloatArray();
        }
    }

    private static float[] pixels(int samples) {
        float[] pixels = new float[samples * 192];
        Random random = new Random(1);
        for (int i = 0; i < pixels.length; i++) pixels[i] = (float) random.nextGaussian();
        return pixels;
    }

    private static void assertSame(float[] expected, float[] actual, int n) {
        Tolerances.assertClose(
                "output",
                Tensor.of(expected, expected.length).toDoubleArray(),
                Tensor.of(actual, actual.length).toDoubleArray(),
                Tolerances.normalized(n, 4));
    }

    /** Before it begins renormalization is plain batch normalization; without limits it is what evaluation does. */
    @Test
    void renormalizationLeadsFromTrainingToEvaluation() {
        BatchNorm plain = Layers.batchNorm2d(3);
        try (Model model = Model.of(
                        plain.renormalization(Renormalization.limits(1e6, 1e6).rising(10, 20, 20)), SAMPLE, 1);
                Model other = Model.of(plain, SAMPLE, 1)) {
            for (Model m : new Model[] {model, other}) {
                m.parameters().get("running_mean").copyFrom(new float[] {-0.5f, 0.25f, 1});
                m.parameters().get("running_var").copyFrom(new float[] {0.5f, 2, 1.25f});
                m.parameters().get("weight").copyFrom(new float[] {1, -2, 0.5f});
                m.parameters().get("bias").copyFrom(new float[] {0, 0.5f, -1});
            }
            float[] x = pixels(4);
            assertSame(run(other, Mode.TRAINING, x, 5), run(model, Mode.TRAINING, x, 5), 256);
            assertSame(run(other, Mode.EVALUATION, x, 20), run(model, Mode.TRAINING, x, 20), 256);
            assertSame(run(other, Mode.EVALUATION, x, 20), run(model, Mode.EVALUATION, x, 20), 256);
        }
    }

    @Test
    void limitsRiseAsInThePaper() {
        Renormalization r = Renormalization.paper();
        assertEquals(1, r.rmaxAt(0));
        assertEquals(0, r.dmaxAt(5_000));
        assertEquals(2, r.rmaxAt(22_500));
        assertEquals(2.5, r.dmaxAt(15_000));
        assertEquals(3, r.rmaxAt(40_000));
        assertEquals(5, r.dmaxAt(1_000_000));
        assertEquals(3, Renormalization.limits(3, 5).rmaxAt(0));
        assertThrows(IllegalArgumentException.class, () -> Renormalization.limits(0.9, 1));
        assertThrows(IllegalArgumentException.class, () -> Renormalization.limits(2, -1));
        assertThrows(
                IllegalArgumentException.class,
                () -> Renormalization.limits(2, 1).rising(5, 4, 9));
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 4})
    void aBatchThatIsNotLargerThanAVirtualOneIsNormalizedAsItIs(int samples) {
        BatchNorm norm = Layers.batchNorm2d(3);
        try (Model ghost = Model.of(norm.ghost(4), SAMPLE, 1);
                Model plain = Model.of(norm, SAMPLE, 1)) {
            float[] x = pixels(samples);
            assertSame(run(plain, Mode.TRAINING, x, 0), run(ghost, Mode.TRAINING, x, 0), samples * 64);
            var e = assertThrows(ModelException.class, () -> ghost.graph(Mode.TRAINING, 10, (_, _) -> {}));
            assertTrue(e.getMessage().contains("a multiple of 4"), e.getMessage());
        }
    }

    @Test
    void whatDoesNotGoTogetherIsRefused() {
        BatchNorm norm = Layers.batchNorm2d(3);
        assertThrows(IllegalArgumentException.class, () -> norm.ghost(4).renormalization(Renormalization.paper()));
        assertThrows(IllegalArgumentException.class, () -> norm.ghost(4).frozen());
        assertThrows(
                IllegalArgumentException.class,
                () -> norm.trackRunningStats(false).renormalization(Renormalization.paper()));
        assertThrows(IllegalArgumentException.class, () -> norm.ghost(-1));
    }
}
