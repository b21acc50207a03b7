package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One update from several batches. */
class AccumulationTest {
    private static final Shape SAMPLE = Shape.of(2, 6, 6);
    private static final int WHOLE = 12;

    private static Map<String, Tensor> train(String backend, int parts, int updates) {
        Sequential net = Sequential.of(Layers.conv2d(2, 5, 3), Layers.relu(), Layers.flatten(), Layers.linear(80, 10));
        try (Model model = Model.of(net, SAMPLE, 1);
                Trainer trainer = Trainer.of(model)
                        .backend(Backends.named(backend))
                        .threads(2)
                        .optimizer(Optimizer.Sgd.of(0.1).momentum(0.9).weightDecay(1e-3))
                        .accumulate(parts)
                        .build()) {
            Tensor input = Tensor.allocate(dev.ondine.tensor.DataType.FLOAT32, SAMPLE.prepend(WHOLE));
            Tensor target = Tensor.allocate(dev.ondine.tensor.DataType.INT32, Shape.of(WHOLE));
            TrainingBatch batch = trainer.batch(WHOLE / parts);
            for (int u = 0; u < updates; u++) {
                Fixtures.fill(input, target, u);
                for (int p = 0; p < parts; p++) {
                    assertEquals(u, trainer.steps(), "the parameters change with the last part only");
                    long n = input.segment().byteSize() / parts;
                    batch.input().segment().copyFrom(input.segment().asSlice(p * n, n));
                    long m = target.segment().byteSize() / parts;
                    batch.target().segment().copyFrom(target.segment().asSlice(p * m, m));
                    batch.step();
                }
                assertEquals(u + 1, trainer.steps());
            }
            Map<String, Tensor> values = new LinkedHashMap<>();
            for (ParameterSpec spec : model.parameters().specs()) {
                values.put(
                        spec.name(),
                        Tensor.of(
                                model.parameters().get(spec.name()).toFloatArray(),
                                spec.shape().elements()));
            }
            return values;
        }
    }

    @ParameterizedTest
    @CsvSource({"onednn, 2", "onednn, 3", "onednn, 12", "vector, 3", "reference, 4"})
    void severalBatchesAreOneThatIsSoManyTimesAsLarge(String backend, int parts) {
        Map<String, Tensor> whole = train(backend, 1, 3);
        Map<String, Tensor> accumulated = train(backend, parts, 3);
        // A convolution's gradient is a sum over 12 images of 16 positions, in three steps.
        whole.forEach((name, values) ->
                Tolerances.assertClose(name, values, accumulated.get(name), 3 * Tolerances.cancelling(WHOLE * 16)));
    }

    /** The second batch of a step is not finite: both are dropped, and what the first did to the running statistics is told. */
    @Test
    void aBatchThatIsNotFiniteDropsTheStep() {
        Sequential net =
                Sequential.of(Layers.conv2d(2, 3, 3), Layers.batchNorm2d(3), Layers.flatten(), Layers.linear(48, 10));
        try (Model model = Model.of(net, SAMPLE, 1);
                Trainer trainer = Trainer.of(model)
                        .backend(Backends.named("reference"))
                        .accumulate(2)
                        .onNonFinite(NonFinite.SKIP)
                        .build()) {
            float[] before = model.parameters().get("0.weight").toFloatArray();
            TrainingBatch batch = trainer.batch(4);
            Fixtures.fill(batch.input(), batch.target(), 1);
            batch.step();
            batch.input().setFloatAt(0, Float.NaN);
            assertTrue(Float.isNaN(batch.step()));
            String partly = trainer.lastSkipped().orElseThrow();
            assertTrue(partly.contains("have taken in the batches of it before"), partly);
            assertEquals(1, model.parameters().get("1.num_batches_tracked").getLongAt(0));
            assertTrue(Float.isNaN(batch.step()));
            String whole = trainer.lastSkipped().orElseThrow();
            assertTrue(whole.contains("parameters and running statistics are as before"), whole);
            Fixtures.fill(batch.input(), batch.target(), 2);
            batch.step();
            assertArrayEquals(before, model.parameters().get("0.weight").toFloatArray());
            assertEquals(0, trainer.steps());
            batch.step();
            assertEquals(1, trainer.steps());
        }
    }

    @Test
    void dropoutDrawsAnewForEachPart() {
        Sequential net = Sequential.of(Layers.flatten(), Layers.dropout(0.5), Layers.linear(72, 10));
        try (Model model = Model.of(net, SAMPLE, 1);
                Trainer trainer = Trainer.of(model)
                        .backend(Backends.named("reference"))
                        .accumulate(2)
                        .build()) {
            TrainingBatch batch = trainer.batch(4);
            Fixtures.fill(batch.input(), batch.target(), 1);
            assertNotEquals(
                    batch.step(), batch.step(), "the same samples and weights, but not the same elements dropped");
        }
    }

    @Test
    void noBatchIsNoUpdate() {
        try (Model model = Model.of(Layers.flatten(), SAMPLE, 1)) {
            assertThrows(IllegalArgumentException.class, () -> Trainer.of(model).accumulate(0));
        }
    }
}
