package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.PlanReport;
import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Residual blocks whose normalizations add, and whose activations are made again for the gradient, against oneDNN's separate steps. */
class ResidualPlanTest {
    private static final float EPSILON = 1e-5f;
    private static final List<Integer> ONE = List.of(1, 1);
    private static final List<Integer> NONE = List.of(0, 0);

    @BeforeAll
    static void load() {
        OneDnn.load();
        assumeTrue(OwnKernels.best().isPresent(), "build-native.sh has not been run");
    }

    /** A stem, a block without a convolution on its shortcut and one with, then again one without; every activation of 32 MB and more. */
    private static final class Network {
        final GraphBuilder builder = new GraphBuilder();
        final List<Value> parameters = new ArrayList<>();
        final Value dy;
        final Graph graph;

        Network(int size) {
            Shape shape = Shape.of(2, 16, size, size);
            Value x = builder.input("x", DataType.FLOAT32, shape);
            Value stem = normalized(convolved(x), true);
            Value first = block(stem, stem);
            Value second = block(first, normalized(convolved(first), false));
            Value third = block(second, second);
            Value y = convolved(third);
            builder.output("y", y);
            dy = builder.input("dy", DataType.FLOAT32, shape);
            graph = Differentiate.apply(builder.build(), y, dy, parameters);
        }

        private Value block(Value x, Value shortcut) {
            Value inner = normalized(convolved(x), true);
            Value sum = builder.add(new Op.Add(false), normalized(convolved(inner), false), shortcut);
            return builder.add(new Op.Activation(ActivationKind.RELU, 0), sum);
        }

        private Value convolved(Value x) {
            Value weight = builder.parameter("w" + parameters.size(), Shape.of(16, 16, 1, 1));
            parameters.add(weight);
            return builder.add(new Op.Convolution(ONE, NONE, NONE, ONE, 1, false), x, weight);
        }

        private Value normalized(Value x, boolean relu) {
            Value y = builder.addAll(new Op.BatchNormalization(EPSILON, true, false, false, false), List.of(x))
                    .getFirst();
            return relu ? builder.add(new Op.Activation(ActivationKind.RELU, 0), y) : y;
        }
    }

    @Test
    void largeActivationsAreMadeAgainAndTheGradientsStayTheSame() {
        Network network = new Network(512);
        try (OneDnnPlan own = new OneDnnBackend().compile(network.graph, PlanOptions.threads(2));
                OneDnnPlan kept = new OneDnnBackend()
                        .rematerializing(Rematerialization.NONE)
                        .compile(network.graph, PlanOptions.threads(2))) {
            assumeTrue(own.print().contains("ondine:"), "this processor has no AVX-512");
            assertEquals(0, count(kept.stepNames(), "forward_again"), kept.print());
            List<String> names = own.stepNames();
            assertEquals(3, count(names, "forward_training+add"), own.print());
            // The three sums, and with them the shortcut's normalization, the stem's and those within blocks.
            assertEquals(3, count(names, "forward_again+add"), own.print());
            assertEquals(5, count(names, "forward_again "), own.print());
            assertEquals(2, count(names, "backward+add"), own.print());
            // Behind the stem is a normalization, which has the ReLU's gradient itself.
            assertEquals(1, count(names, "binary_add"), own.print());
            long before = kept.report().orElseThrow().arenaBytes();
            assertTrue(
                    own.report().orElseThrow().arenaBytes() < 0.8 * before,
                    own.report().orElseThrow().arenaBytes() + " of " + before);
            List<float[]> expected = gradients(network, kept);
            List<float[]> actual = gradients(network, own);
            for (int p = 0; p < expected.size(); p++) {
                assertArrayEquals(expected.get(p), actual.get(p), "gradient " + p);
                assertTrue(largest(expected.get(p)) > 0, "gradient " + p + " is zero");
            }
        }
    }

    /** Sums of less than 32 MB are kept, as are activations of less than one. */
    @Test
    void smallActivationsAreKept() {
        Network network = new Network(40);
        try (OneDnnPlan own = new OneDnnBackend().compile(network.graph, PlanOptions.threads(2));
                OneDnnPlan theirs =
                        new OneDnnBackend().ownKernels(false).compile(network.graph, PlanOptions.threads(2))) {
            assumeTrue(own.print().contains("ondine:"), "this processor has no AVX-512");
            assertEquals(3, count(own.stepNames(), "forward_training+add"), own.print());
            assertEquals(0, count(own.stepNames(), "forward_again"), own.print());
            PlanReport report = own.report().orElseThrow();
            long normalizations = report.steps().stream()
                    .filter(s -> s.kind() == PlanReport.Kind.BATCH_NORMALIZATION)
                    .count();
            assertEquals(2 * 8, normalizations);
            compare(network, theirs, own);
        }
    }

    private static long count(List<String> names, String part) {
        return names.stream().filter(n -> n.contains(part)).count();
    }

    /**
     * Gradients of all weights. Both sides add thousands of products in float32, in their own order: 1e-5 of the largest is some hundred
     * roundings. No value is so near zero here that rounding decides whether a ReLU passes it on.
     */
    private static void compare(Network network, OneDnnPlan expected, OneDnnPlan actual) {
        List<float[]> gradients = gradients(network, expected);
        List<float[]> others = gradients(network, actual);
        for (int p = 0; p < gradients.size(); p++) {
            float largest = largest(gradients.get(p));
            assertTrue(largest > 0, "gradient " + p + " is zero");
            assertArrayEquals(gradients.get(p), others.get(p), 1e-5f * largest, "gradient " + p);
        }
    }

    private static float largest(float[] values) {
        float largest = 0;
        for (float v : values) largest = Math.max(largest, Math.abs(v));
        return largest;
    }

    private static List<float[]> gradients(Network network, OneDnnPlan plan) {
        SplittableRandom random = new SplittableRandom(5);
        List<float[]> gradients = new ArrayList<>();
        try (Arena arena = Arena.ofShared()) {
            for (String name : List.of("x", "dy")) {
                float[] values = new float[Math.toIntExact(network.dy.shape().elements())];
                for (int i = 0; i < values.length; i++) values[i] = (float) random.nextDouble(-1, 1);
                plan.input(name).copyFrom(values);
            }
            MemorySegment weights = arena.allocate(JAVA_FLOAT, 16 * 16);
            for (int p = 0; p < network.parameters.size(); p++) {
                for (int i = 0; i < 16 * 16; i++) weights.setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
                plan.pack(p, weights, plan.weights());
            }
            plan.run(0);
            for (int p = 0; p < network.parameters.size(); p++) {
                plan.unpack(p, plan.gradients(), weights);
                gradients.add(weights.toArray(JAVA_FLOAT));
            }
        }
        return gradients;
    }
}
