package dev.ondine.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DropoutKindsTest {
    private static final int BATCH = 5;
    private static final Shape SAMPLE = Shape.of(6, 4, 3);
    private static final float PROBABILITY = 0.5f;
    /** A power of two, so that sums with it are exact. */
    private static final float KEPT = 1 / (1 - PROBABILITY);

    /** Output and gradient of ones for an input of ones, in a step. */
    private record Run(float[] y, float[] dx) {}

    private static List<Run> run(String backend, Layer layer, long seed, Mode mode, int steps) {
        // A convolution before and behind, that keeps what it gets: the mask meets the layout that networks flow in.
        Layer keep = Layers.conv2d(6, 6, 1).bias(false);
        try (Model model = Model.of(Sequential.of(keep, layer), SAMPLE, 0)) {
            float[] identity = new float[36];
            for (int i = 0; i < 6; i++) identity[7 * i] = 1;
            model.parameters().get("0.weight").copyFrom(identity);
            Graph forward = model.graph(mode, BATCH, (b, y) -> b.input("dy", DataType.FLOAT32, y.shape()));
            List<Value> wanted = List.of(forward.input(Model.INPUT));
            Graph graph =
                    Differentiate.apply(forward, forward.outputs().get(Model.OUTPUT), forward.input("dy"), wanted);
            try (Plan plan = Backends.named(backend)
                    .compile(graph, PlanOptions.threads(2).seed(seed))) {
                plan.pack(0, model.parameters().get("0.weight").segment(), plan.weights());
                float[] ones = new float[(int) SAMPLE.elements() * BATCH];
                Arrays.fill(ones, 1);
                plan.input(Model.INPUT).copyFrom(ones);
                plan.input("dy").copyFrom(ones);
                List<Run> runs = new ArrayList<>();
                for (int step = 0; step < steps; step++) {
                    plan.run(step);
                    runs.add(new Run(
                            plan.output(Model.OUTPUT).toFloatArray(),
                            plan.output(Differentiate.OUTPUT_PREFIX + Model.INPUT)
                                    .toFloatArray()));
                }
                plan.report()
                        .ifPresent(r -> r.steps().forEach(s -> {
                            boolean large = s.bytes() > 4 * BATCH * SAMPLE.elements();
                            assertFalse(large && s.implementation().startsWith("ref"), s.toString());
                        }));
                return runs;
            }
        }
    }

    private static void inGroupsOf(int group, float[] values) {
        for (int i = 0; i < values.length; i++) {
            assertTrue(values[i] == 0 || values[i] == KEPT, "y[" + i + "] is " + values[i]);
            assertEquals(values[i / group * group], values[i], "elements " + i / group * group + " and " + i);
        }
    }

    private static void check(String backend, Layer layer, int group) {
        List<Run> runs = run(backend, layer, 3, Mode.TRAINING, 3);
        List<Run> reference = run("reference", layer, 3, Mode.TRAINING, 3);
        for (int step = 0; step < runs.size(); step++) {
            Run run = runs.get(step);
            inGroupsOf(group, run.y);
            assertArrayEquals(run.y, run.dx, "the gradient's mask");
            assertArrayEquals(reference.get(step).y, run.y, "the mask of step " + step);
        }
        assertFalse(Arrays.equals(runs.get(0).y, runs.get(1).y), "the same mask in every step");
        List<Run> other = run(backend, layer, 4, Mode.TRAINING, 1);
        assertFalse(Arrays.equals(runs.get(0).y, other.get(0).y), "the same mask for every seed");
        float[] evaluated = run(backend, layer, 3, Mode.EVALUATION, 1).getFirst().y;
        for (float v : evaluated) assertEquals(1, v);
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void spatialDropoutTakesWholeChannels(String backend) {
        check(backend, Layers.spatialDropout(PROBABILITY), 4 * 3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void stochasticDepthTakesWholeSamples(String backend) {
        check(backend, Layers.stochasticDepth((_, x) -> x, PROBABILITY), (int) SAMPLE.elements());
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void aResidualBlockKeepsItsShortcut(String backend) {
        Layer block =
                new Residual(Layers.stochasticDepth((_, x) -> x, PROBABILITY), Optional.empty(), Optional.empty());
        for (Run run : run(backend, block, 3, Mode.TRAINING, 2)) {
            for (float y : run.y) assertTrue(y == 1 || y == 1 + KEPT, "y is " + y);
        }
    }

    /** As often as it says, over many channels: binomial, six deviations allowed. */
    @Test
    void asManyAreDroppedAsThereShouldBe() {
        int dropped = 0;
        int all = 0;
        for (Run run : run("reference", Layers.spatialDropout(PROBABILITY), 1, Mode.TRAINING, 200)) {
            for (int i = 0; i < run.y.length; i += 4 * 3, all++) if (run.y[i] == 0) dropped++;
        }
        assertEquals(PROBABILITY * all, dropped, 6 * Math.sqrt(all * PROBABILITY * (1 - PROBABILITY)));
    }

    @Test
    void parametersAreNamedAsIfTheBranchStoodAlone() {
        Layer branch = Sequential.of(Layers.conv2d(6, 6, 1), Layers.batchNorm2d(6));
        try (Model plain = Model.of(new Residual(branch, Optional.empty(), Optional.empty()), SAMPLE, 0);
                Model deep = Model.of(
                        new Residual(Layers.stochasticDepth(branch, 0.1), Optional.empty(), Optional.empty()),
                        SAMPLE,
                        0)) {
            assertEquals(
                    plain.parameters().specs().toString(),
                    deep.parameters().specs().toString());
        }
    }

    @Test
    void everythingAndNothing() {
        for (Run run : run("onednn", Layers.spatialDropout(1), 3, Mode.TRAINING, 1)) {
            for (float y : run.y) assertEquals(0, y);
        }
        for (Run run : run("onednn", Layers.spatialDropout(0), 3, Mode.TRAINING, 1)) {
            for (float y : run.y) assertEquals(1, y);
        }
        assertThrows(IllegalArgumentException.class, () -> Layers.spatialDropout(1.5));
        assertThrows(IllegalArgumentException.class, () -> Layers.stochasticDepth(Layers.relu(), -0.1));
    }
}
