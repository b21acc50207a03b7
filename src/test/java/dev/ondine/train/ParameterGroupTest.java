package dev.ondine.train;

import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.groupNorm;
import static dev.ondine.nn.Layers.instanceNorm2d;
import static dev.ondine.nn.Layers.layerNorm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.graph.Value;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterRole;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Parameters that are treated differently, and gradients that are clipped, in a whole network. */
class ParameterGroupTest {
    private static final Shape SAMPLE = Shape.of(3, 12, 12);

    private record Step(List<String> names, List<float[]> before, List<float[]> gradients, List<float[]> after) {}

    /** One step; the gradients are those that the plan has made, so that they can be compared after the update, too. */
    private static Step step(UnaryOperator<Trainer.Builder> settings, String backend) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = settings.apply(Trainer.of(model)
                                .optimizer(Optimizer.Sgd.of(0.5).weightDecay(0.1)))
                        .backend(Backends.named(backend))
                        .threads(2)
                        .build()) {
            TrainingBatch batch = trainer.batch(8);
            Fixtures.fill(batch.input(), batch.target(), 1);
            Step step = new Step(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
            List<Value> values = batch.plan().graph().parameters();
            for (Value value : values) {
                step.names.add(value.name());
                step.before.add(model.parameters().get(value.name()).toFloatArray());
            }
            batch.step();
            for (int i = 0; i < values.size(); i++) {
                Tensor gradient =
                        Tensor.allocate(DataType.FLOAT32, values.get(i).shape());
                batch.plan().unpack(i, batch.plan().gradients(), gradient.segment());
                step.gradients.add(gradient.toFloatArray());
                step.after.add(model.parameters().get(values.get(i).name()).toFloatArray());
            }
            return step;
        }
    }

    @Test
    void everyParameterHasItsRole() {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3)) {
            for (ParameterSpec spec : model.parameters().specs()) {
                if (!spec.learned()) continue;
                boolean bias = spec.name().endsWith("bias");
                String layer = spec.name().substring(0, spec.name().lastIndexOf('.'));
                boolean norm = model.parameters().specs().stream()
                        .anyMatch(s -> s.name().equals(layer + ".running_mean"));
                ParameterRole expected = norm
                        ? bias ? ParameterRole.SHIFT : ParameterRole.SCALE
                        : bias ? ParameterRole.BIAS : ParameterRole.WEIGHT;
                assertEquals(expected, spec.role(), spec.name());
            }
        }
    }

    @Test
    void everyNormalizationHasScaleAndShift() {
        Layer siblings =
                Sequential.of(batchNorm2d(4), instanceNorm2d(4).affine(true), groupNorm(2, 4), layerNorm(4, 3, 3));
        for (ParameterSpec spec : Model.specs(siblings, Shape.of(4, 3, 3))) {
            if (spec.learned()) assertTrue(spec.role().isNormalization(), spec.name());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void groupsHaveTheirOwnRateAndDecayAndMayBeFixed(String backend) {
        Step step = step(
                b -> b.group(ParameterGroup.of(p -> p.name().equals("0.weight")).fixed())
                        .group(ParameterGroup.of(p -> p.role().isNormalization())
                                .rate(0.1)
                                .weightDecay(0))
                        .group(ParameterGroup.of(p -> p.role() == ParameterRole.BIAS)
                                .weightDecay(0)),
                backend);
        for (int i = 0; i < step.names.size(); i++) {
            String name = step.names.get(i);
            float[] w = step.before.get(i);
            float[] g = step.gradients.get(i);
            boolean norm = isNormalization(name);
            double rate = norm ? 0.05 : 0.5;
            double decay = norm || name.endsWith("bias") ? 0 : 0.1;
            float[] expected = w.clone();
            if (!name.equals("0.weight")) {
                for (int j = 0; j < w.length; j++) {
                    float d = decay == 0 ? g[j] : g[j] + (float) decay * w[j];
                    expected[j] = w[j] - (float) rate * d;
                }
            }
            assertArrayEquals(expected, step.after.get(i), name);
        }
    }

    private static boolean isNormalization(String name) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3)) {
            return model.parameters().specs().stream()
                    .anyMatch(s -> s.name().equals(name) && s.role().isNormalization());
        }
    }

    @ParameterizedTest
    @MethodSource("dev.ondine.train.OptimizersTest#optimizers")
    void whatIsFixedStaysWithEveryOptimizer(Optimizer optimizer) {
        Step step = step(
                b -> b.optimizer(optimizer)
                        .group(ParameterGroup.of(p -> p.role() != ParameterRole.WEIGHT)
                                .fixed()),
                "onednn");
        for (int i = 0; i < step.names.size(); i++) {
            boolean weight = step.before.get(i).length > 64; // no bias, γ or β of this network has so many
            if (!weight && step.names.get(i).endsWith("weight") && !isNormalization(step.names.get(i))) continue;
            assertEquals(weight, !Arrays.equals(step.before.get(i), step.after.get(i)), step.names.get(i));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void aNormIsOfAllGradientsThatCount(String backend) {
        ParameterGroup fixed = ParameterGroup.of(p -> p.name().startsWith("0.")).fixed();
        Step free = step(b -> b.group(fixed), backend);
        double sum = 0;
        for (int i = 0; i < free.names.size(); i++) {
            if (free.names.get(i).startsWith("0.")) continue;
            for (float g : free.gradients.get(i)) sum += (double) g * g;
        }
        double norm = Math.sqrt(sum);
        double limit = norm / 2;
        Step clipped = step(b -> b.group(fixed).clipping(Clipping.byNorm(limit)), backend);
        float scale = (float) (limit / (norm + 1e-6));
        for (int i = 0; i < free.names.size(); i++) {
            float[] expected = free.gradients.get(i).clone();
            for (int j = 0; j < expected.length; j++) expected[j] *= scale;
            // The sum in another order may move the scale by a rounding, and the product by another.
            Tolerances.assertClose(
                    free.names.get(i),
                    Tensor.of(expected, expected.length),
                    Tensor.of(clipped.gradients.get(i), expected.length),
                    Tolerances.sum(2));
        }
        Step loose = step(b -> b.group(fixed).clipping(Clipping.byNorm(norm * 2)), backend);
        assertArrayEquals(free.gradients.getLast(), loose.gradients.getLast(), "what is short enough stays as it is");
    }

    @Test
    void valuesAreCutOff() {
        Step free = step(b -> b, "onednn");
        Step clipped = step(b -> b.clipping(Clipping.byValue(0.01)), "onednn");
        boolean cut = false;
        for (int i = 0; i < free.names.size(); i++) {
            float[] expected = free.gradients.get(i).clone();
            for (int j = 0; j < expected.length; j++) {
                cut |= Math.abs(expected[j]) > 0.01f;
                expected[j] = Math.clamp(expected[j], -0.01f, 0.01f);
            }
            assertArrayEquals(expected, clipped.gradients.get(i));
        }
        assertTrue(cut);
    }

    /** PyTorch's clip_grad_norm_ and clip_grad_value_, with SGD behind them. */
    @ParameterizedTest
    @ValueSource(strings = {"clip_norm", "clip_both"})
    void clipsAsPyTorchDoes(String name) {
        GoldenFile f = GoldenFile.in("/optimizers").stream()
                .filter(g -> g.name().equals(name))
                .findFirst()
                .orElseThrow();
        Clipping clipping = name.equals("clip_norm") ? Clipping.byNorm(1.5) : new Clipping(2, 0.4);
        Shape shape = f.get("weight0").shape();
        Tensor w = f.get("weight0").convertTo(DataType.FLOAT32);
        Tensor g = Tensor.allocate(DataType.FLOAT32, shape);
        Update update = Updates.of(Optimizer.Sgd.of(0.1).momentum(0.9), w, g);
        BlockMath math = new BlockMath();
        SliceNorms norms = new SliceNorms(
                List.of(new UpdateTarget.Slice(null, 0, 0, shape.elements(), 1, java.util.OptionalDouble.empty())));
        for (int i = 0; f.has("grad" + i); i++) {
            g.copyFrom(f.get("grad" + i));
            Optimization.clip(clipping, g.segment(), norms, math, dev.ondine.backend.Team.alone());
            update.step(0.1, i + 1);
            Tolerances.assertClose("weight" + (i + 1), f.get("weight" + (i + 1)), w, Tolerances.sum(37));
        }
    }
}
