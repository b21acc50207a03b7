package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Plans whose inputs and outputs stay in the plan's own layouts compute the same, without conversions. */
class OwnLayoutsTest {
    /** Batch normalization forward and backward over (3, 24, 7, 5). */
    private static Graph batchNormalization() {
        return batchNormalization(24);
    }

    private static Graph batchNormalization(long channels) {
        GraphBuilder builder = new GraphBuilder();
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(3, channels, 7, 5));
        Value scale = builder.parameter("weight", Shape.of(channels));
        Value shift = builder.parameter("bias", Shape.of(channels));
        Value y = builder.add(new Op.BatchNormalization(1e-5f, true, true, true, false), x, scale, shift);
        return differentiated(builder, x, y);
    }

    /** A 3x3 convolution forward and backward, whose input is narrower than a vector. */
    private static Graph convolution() {
        GraphBuilder builder = new GraphBuilder();
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(2, 13, 9, 8));
        Value w = builder.parameter("weight", Shape.of(24, 13, 3, 3));
        List<Integer> one = List.of(1, 1);
        return differentiated(builder, x, builder.add(new Op.Convolution(one, one, one, one, 1, false), x, w));
    }

    private static Graph differentiated(GraphBuilder builder, Value x, Value y) {
        builder.output("y", y);
        Value dy = builder.input("dy", DataType.FLOAT32, y.shape());
        Graph forward = builder.build();
        List<Value> wanted = new ArrayList<>(List.of(x));
        wanted.addAll(forward.parameters());
        return Differentiate.apply(forward, y, dy, wanted);
    }

    private static OneDnnPlan compile(Graph graph, boolean ownLayouts) {
        return (OneDnnPlan) compile("onednn", graph, ownLayouts);
    }

    private static Plan compile(String backend, Graph graph, boolean ownLayouts) {
        return Backends.named(backend).compile(graph, PlanOptions.threads(2).ownLayouts(ownLayouts));
    }

    private static void write(Plan plan, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (String input : List.of("x", "dy")) plan.input(input).copyFrom(numbers(random, plan.input(input)));
    }

    private static void fill(Plan plan, long seed) {
        write(plan, seed);
        SplittableRandom random = new SplittableRandom(seed + 100);
        List<Value> parameters = plan.graph().parameters();
        for (int i = 0; i < parameters.size(); i++) {
            try (Tensor parameter =
                    Tensor.allocate(DataType.FLOAT32, parameters.get(i).shape())) {
                parameter.copyFrom(numbers(random, parameter));
                plan.pack(i, parameter.segment(), plan.weights());
            }
        }
    }

    private static float[] numbers(SplittableRandom random, Tensor tensor) {
        float[] values = new float[(int) tensor.elements()];
        for (int i = 0; i < values.length; i++) values[i] = (float) random.nextDouble(-1, 1);
        return values;
    }

    private static List<float[]> results(Plan plan) {
        plan.load();
        plan.run(0);
        plan.fetch();
        List<float[]> results = new ArrayList<>();
        for (String name : plan.graph().outputs().keySet())
            results.add(plan.output(name).toFloatArray());
        List<Value> parameters = plan.graph().parameters();
        for (int i = 0; i < parameters.size(); i++) {
            try (Tensor gradient =
                    Tensor.allocate(DataType.FLOAT32, parameters.get(i).shape())) {
                plan.unpack(i, plan.gradients(), gradient.segment());
                results.add(gradient.toFloatArray());
            }
        }
        return results;
    }

    private static long reorders(OneDnnPlan plan) {
        return plan.stepNames().stream().filter(n -> n.contains("reorder")).count();
    }

    /** The same kernels on the same numbers: the same bits. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector"})
    void theResultsAreTheSame(String backend) {
        for (Graph graph : List.of(batchNormalization(), convolution())) {
            try (Plan usual = compile(backend, graph, false);
                    Plan own = compile(backend, graph, true)) {
                fill(usual, 1);
                fill(own, 1);
                List<float[]> expected = results(usual);
                List<float[]> actual = results(own);
                assertEquals(expected.size(), actual.size());
                for (int i = 0; i < expected.size(); i++) assertArrayEquals(expected.get(i), actual.get(i));
            }
        }
    }

    @Test
    void aRunConvertsNoActivation() {
        try (OneDnnPlan usual = compile(batchNormalization(), false);
                OneDnnPlan own = compile(batchNormalization(), true)) {
            assertTrue(reorders(usual) > 0, usual.print());
            assertEquals(0, reorders(own), own.print());
        }
    }

    /**
     * As PyTorch does: x, the gradient of y, y and the gradient of x. What is as large beside them, the outputs row-major, comes behind and
     * takes memory only if it is fetched.
     */
    @Test
    void aNormalizationHoldsFourActivations() {
        try (OneDnnPlan plan = compile(batchNormalization(32), true)) {
            long activation = plan.graph().inputs().getFirst().shape().elements() * Float.BYTES;
            assertTrue(plan.arenaBytes() < 6.25 * activation, plan.print());
            long start = Math.min(
                    plan.output("y").segment().address(),
                    plan.output(Differentiate.OUTPUT_PREFIX + "x").segment().address());
            for (Value input : plan.graph().inputs()) {
                long end = plan.input(input.name()).segment().address() + activation;
                assertTrue(end <= start, plan.print());
            }
        }
    }

    /** An input that is an output as it is keeps its own memory. */
    @Test
    void anInputMayBeAnOutput() {
        GraphBuilder builder = new GraphBuilder();
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(2, 16, 5, 5));
        Value scale = builder.parameter("weight", Shape.of(16));
        Value shift = builder.parameter("bias", Shape.of(16));
        builder.output("y", builder.add(new Op.BatchNormalization(1e-5f, true, true, true, false), x, scale, shift));
        builder.output("x", x);
        try (Plan plan = compile("onednn", builder.build(), true)) {
            float[] values = numbers(new SplittableRandom(1), plan.input("x"));
            plan.input("x").copyFrom(values);
            plan.load();
            plan.run(0);
            plan.fetch();
            assertArrayEquals(values, plan.output("x").toFloatArray());
        }
    }

    /** Parameters are no inputs: whoever changes them between runs is heard. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector"})
    void parametersAreReadInEveryRun(String backend) {
        try (Plan plan = compile(backend, batchNormalization(), true)) {
            fill(plan, 1);
            results(plan);
            plan.weights().fill((byte) 0);
            plan.run(0);
            plan.fetch();
            for (float v : plan.output("y").toFloatArray()) assertEquals(0, v);
        }
    }

    /** Inputs are taken over by load and not by a run, whatever they hold since; a second fetch brings what the first did. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector"})
    void loadAndFetchAreWhatConverts(String backend) {
        try (Plan plan = compile(backend, batchNormalization(), true)) {
            fill(plan, 1);
            List<float[]> first = results(plan);
            plan.fetch();
            assertArrayEquals(first.getFirst(), plan.output("y").toFloatArray(), "fetched twice");
            write(plan, 2);
            plan.run(0);
            plan.fetch();
            assertArrayEquals(first.getFirst(), plan.output("y").toFloatArray(), "loaded before");
            write(plan, 2);
            List<float[]> second = results(plan);
            assertTrue(second.getFirst()[0] != first.getFirst()[0]);
            for (int i = 0; i < second.size(); i++) {
                for (float v : second.get(i)) assertTrue(Float.isFinite(v));
            }
        }
    }
}
