package dev.ondine.reference;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ReferencePlanTest {
    private static final PlanOptions OPTIONS = PlanOptions.threads(1);

    /** linear(5 → 7) – batch norm – relu – linear(7 → 3), with its loss and, for training, gradients and statistics. */
    private static Graph classifier(long batch, boolean training) {
        GraphBuilder b = new GraphBuilder();
        Value x = b.input("image", DataType.FLOAT32, Shape.of(batch, 5));
        Value target = b.input("target", DataType.INT32, Shape.of(batch));
        Value h = b.add(new Op.Linear(false), x, b.parameter("fc1.weight", Shape.of(7, 5)));
        Value gamma = b.parameter("bn.weight", Shape.of(7));
        Value beta = b.parameter("bn.bias", Shape.of(7));
        var norm = new Op.BatchNormalization(1e-5f, training, true, true, false);
        if (training) {
            List<Value> results = b.addAll(norm, List.of(h, gamma, beta));
            b.statistic(new Graph.Statistic("bn", results.get(1), results.get(2), batch, 0.1f));
            h = results.getFirst();
        } else {
            Value mean = b.buffer("bn.running_mean", Shape.of(7));
            h = b.add(norm, h, mean, b.buffer("bn.running_var", Shape.of(7)), gamma, beta);
        }
        h = b.add(new Op.Activation(ActivationKind.RELU, 0), h);
        Value w = b.parameter("fc2.weight", Shape.of(3, 7));
        Value logits = b.add(new Op.Linear(true), h, w, b.parameter("fc2.bias", Shape.of(3)));
        Value loss = b.add(new Op.CrossEntropy(0, -100), logits, target);
        b.output("loss", loss);
        b.output("logits", logits);
        return training ? Differentiate.parameters(b.build(), loss) : b.build();
    }

    /** Images whose class is the largest of the first three pixels; weights near 0, batch norm the identity. */
    private static void fill(Plan plan) {
        Random random = new Random(3);
        float[] row = new float[5];
        for (int n = 0; n < plan.input("target").elements(); n++) {
            int best = 0;
            for (int i = 0; i < 5; i++) {
                row[i] = (float) random.nextGaussian();
                plan.input("image").setFloat(row[i], n, i);
                if (i < 3 && row[i] > row[best]) best = i;
            }
            plan.input("target").setInt(best, n);
        }
        for (Value v : plan.graph().parameters()) {
            int index = plan.graph().parameters().indexOf(v);
            for (long i = 0; i < v.shape().elements(); i++) {
                float value = v.name().equals("bn.weight") ? 1 : (float) random.nextGaussian() * 0.3f;
                plan.weights().setAtIndex(JAVA_FLOAT, plan.offset(index) + i, value);
            }
        }
    }

    private static void descend(Plan plan, float rate) {
        for (long i = 0; i < plan.weights().byteSize() / 4; i++) {
            float w = plan.weights().getAtIndex(JAVA_FLOAT, i);
            plan.weights().setAtIndex(JAVA_FLOAT, i, w - rate * plan.gradients().getAtIndex(JAVA_FLOAT, i));
        }
    }

    @Test
    void trains() {
        try (Plan plan = new ReferenceBackend().compile(classifier(64, true), OPTIONS)) {
            fill(plan);
            plan.run(0);
            float first = plan.output("loss").getFloat();
            for (int step = 1; step <= 200; step++) {
                descend(plan, 0.2f);
                plan.run(step);
            }
            float last = plan.output("loss").getFloat();
            assertTrue(first > 0.8, "the loss began at " + first);
            assertTrue(last < 0.15, "the loss ended at " + last);
            assertEquals(Shape.of(64, 3), plan.output("logits").shape());
        }
    }

    @Test
    void convertsTheInterpretersNumbers() {
        Graph graph = classifier(8, true);
        try (Plan plan = new ReferenceBackend().compile(graph, OPTIONS)) {
            fill(plan);
            plan.run(0);
            ReferenceInterpreter interpreter = new ReferenceInterpreter(graph, 0);
            for (int i = 0; i < 40; i++)
                interpreter.array(graph.inputs().get(0))[i] =
                        plan.input("image").getFloatAt(i);
            for (int i = 0; i < 8; i++)
                interpreter.array(graph.inputs().get(1))[i] =
                        plan.input("target").getIntAt(i);
            for (int p = 0; p < graph.parameters().size(); p++) {
                double[] array = interpreter.array(graph.parameters().get(p));
                for (int i = 0; i < array.length; i++) {
                    array[i] = plan.weights().getAtIndex(JAVA_FLOAT, plan.offset(p) + i);
                }
            }
            interpreter.run(0);
            Value logits = graph.outputs().get("logits");
            assertArrayEquals(
                    floats(interpreter.array(logits)), plan.output("logits").toFloatArray());
            for (int p = 0; p < graph.parameters().size(); p++) {
                float[] expected = floats(interpreter.array(
                        graph.gradients().get(graph.parameters().get(p))));
                assertArrayEquals(expected, read(plan.gradients(), plan.offset(p), expected.length));
            }
            Graph.Statistic statistic = graph.statistics().getFirst();
            assertArrayEquals(
                    floats(interpreter.array(statistic.mean())), plan.mean(0).toArray(JAVA_FLOAT));
            assertArrayEquals(
                    floats(interpreter.array(statistic.variance())),
                    plan.variance(0).toArray(JAVA_FLOAT));
        }
    }

    private static float[] floats(double[] values) {
        float[] result = new float[values.length];
        for (int i = 0; i < values.length; i++) result[i] = (float) values[i];
        return result;
    }

    private static float[] read(MemorySegment segment, long offset, int count) {
        return segment.asSlice(offset * 4, count * 4L).toArray(JAVA_FLOAT);
    }

    @Test
    void parametersLieAlignedAndPaddingStaysZero() {
        try (Plan plan = new ReferenceBackend().compile(classifier(8, true), OPTIONS)) {
            long end = 0;
            for (int p = 0; p < 5; p++) {
                assertEquals(end, plan.offset(p));
                assertEquals(0, plan.offset(p) % 16);
                assertTrue(plan.extent(p)
                        >= plan.graph().parameters().get(p).shape().elements());
                end += plan.extent(p);
            }
            assertEquals(end * 4, plan.weights().byteSize());
            assertEquals(end * 4, plan.gradients().byteSize());
            fill(plan);
            plan.run(0);
            descend(plan, 0.1f);
            for (int p = 0; p < 5; p++) {
                int elements = (int) plan.graph().parameters().get(p).shape().elements();
                int padding = (int) plan.extent(p) - elements;
                assertArrayEquals(new float[padding], read(plan.weights(), plan.offset(p) + elements, padding));
                assertArrayEquals(new float[padding], read(plan.gradients(), plan.offset(p) + elements, padding));
            }
            assertThrows(IndexOutOfBoundsException.class, () -> plan.offset(5));
            assertThrows(IndexOutOfBoundsException.class, () -> plan.extent(-1));
            assertThrows(IndexOutOfBoundsException.class, () -> plan.mean(1));
        }
    }

    @Test
    void packsAndUnpacks() {
        try (Plan plan = new ReferenceBackend().compile(classifier(8, true), OPTIONS);
                Arena arena = Arena.ofConfined()) {
            MemorySegment given = arena.allocateFrom(JAVA_FLOAT, 1, 2, 3, 4, 5, 6, 7);
            MemorySegment back = arena.allocate(28);
            plan.pack(2, given, plan.weights());
            assertArrayEquals(given.toArray(JAVA_FLOAT), read(plan.weights(), plan.offset(2), 7));
            plan.unpack(2, plan.weights(), back);
            assertArrayEquals(given.toArray(JAVA_FLOAT), back.toArray(JAVA_FLOAT));
            assertThrows(IndexOutOfBoundsException.class, () -> plan.pack(0, given, plan.weights()));
        }
    }

    @Test
    void plansShareParameters() {
        ReferenceBackend backend = new ReferenceBackend();
        try (Plan training = backend.compile(classifier(8, true), OPTIONS);
                Plan smaller = backend.compile(classifier(3, true), OPTIONS.sharing(training));
                Plan evaluation = backend.compile(classifier(8, false), OPTIONS.sharing(training))) {
            assertSame(training.weights(), smaller.weights());
            assertSame(training.gradients(), smaller.gradients());
            assertSame(training.weights(), evaluation.weights());
            assertEquals(0, evaluation.gradients().byteSize());
            fill(training);
            training.run(0);
            evaluation.input("image").copyFrom(training.input("image"));
            evaluation.input("target").copyFrom(training.input("target"));
            MemorySegment.copy(
                    training.mean(0), 0, evaluation.buffer("bn.running_mean").segment(), 0, 28);
            MemorySegment.copy(
                    training.variance(0), 0, evaluation.buffer("bn.running_var").segment(), 0, 28);
            evaluation.run(0);
            // The statistics went through float32, whose precision is 6e-8; logits are near 1.
            assertArrayEquals(
                    training.output("logits").toFloatArray(),
                    evaluation.output("logits").toFloatArray(),
                    1e-6f);
        }
    }

    @Test
    void aTrainingPlanThatSharesWithAnEvaluationHasGradientsOfItsOwn() {
        ReferenceBackend backend = new ReferenceBackend();
        try (Plan evaluation = backend.compile(classifier(8, false), OPTIONS);
                Plan training = backend.compile(classifier(8, true), OPTIONS.sharing(evaluation))) {
            assertSame(evaluation.weights(), training.weights());
            assertEquals(training.weights().byteSize(), training.gradients().byteSize());
        }
    }

    @Test
    void otherParametersAreNotShared() {
        ReferenceBackend backend = new ReferenceBackend();
        GraphBuilder b = new GraphBuilder();
        b.output(
                "y",
                b.add(
                        new Op.Linear(false),
                        b.parameter("fc1.weight", Shape.of(7, 5)),
                        b.parameter("w", Shape.of(2, 5))));
        try (Plan plan = backend.compile(classifier(8, true), OPTIONS)) {
            var count = assertThrows(
                    IllegalArgumentException.class, () -> backend.compile(b.build(), OPTIONS.sharing(plan)));
            assertTrue(count.getMessage().contains("has 2, the other plan's has 5"), count.getMessage());
        }
        GraphBuilder c = new GraphBuilder();
        c.output(
                "y",
                c.add(
                        new Op.Linear(false),
                        c.parameter("fc1.weight", Shape.of(7, 5)),
                        c.parameter("v", Shape.of(2, 5))));
        try (Plan plan = backend.compile(b.build(), OPTIONS)) {
            var name = assertThrows(
                    IllegalArgumentException.class, () -> backend.compile(c.build(), OPTIONS.sharing(plan)));
            assertTrue(name.getMessage().contains("parameter 1 is v f32 (2, 5) here and w"), name.getMessage());
            Plan foreign = (Plan)
                    Proxy.newProxyInstance(Plan.class.getClassLoader(), new Class<?>[] {Plan.class}, (_, _, _) -> null);
            var type = assertThrows(
                    IllegalArgumentException.class, () -> backend.compile(b.build(), OPTIONS.sharing(foreign)));
            assertTrue(type.getMessage().contains("plans of its own"), type.getMessage());
        }
    }

    @Test
    void aParameterWithoutGradientGetsZeros() {
        GraphBuilder b = new GraphBuilder();
        Value w = b.parameter("w", Shape.of(3));
        Value frozen = b.parameter("frozen", Shape.of(3));
        Value product = b.add(new Op.ReduceSum(Shape.of(1)), b.add(new Op.Multiply(), w, frozen));
        Graph graph = Differentiate.apply(b.build(), product, List.of(w));
        try (Plan plan = new ReferenceBackend().compile(graph, OPTIONS)) {
            plan.weights().setAtIndex(JAVA_FLOAT, plan.offset(1), 4);
            plan.gradients().setAtIndex(JAVA_FLOAT, plan.offset(1), 7);
            plan.run(0);
            assertArrayEquals(new float[] {4, 0, 0}, read(plan.gradients(), plan.offset(0), 3));
            assertArrayEquals(new float[3], read(plan.gradients(), plan.offset(1), 3));
        }
    }

    @Test
    void wrongLabelsAndNamesAreReported() {
        try (Plan plan = new ReferenceBackend().compile(classifier(8, true), OPTIONS)) {
            plan.input("target").setInt(3, 5);
            var label = assertThrows(IllegalArgumentException.class, () -> plan.run(0));
            assertTrue(label.getMessage().contains("target 5 is 3"), label.getMessage());
            var name = assertThrows(IllegalArgumentException.class, () -> plan.input("images"));
            assertTrue(
                    name.getMessage().contains("'images'") && name.getMessage().contains("image, target"),
                    name.getMessage());
            assertThrows(IllegalArgumentException.class, () -> plan.output("image"));
            assertThrows(IllegalArgumentException.class, () -> plan.buffer("bn.running_mean"));
        }
    }

    @Test
    void unsupportedTypesAreRefused() {
        GraphBuilder b = new GraphBuilder();
        b.input("half", DataType.BFLOAT16, Shape.of(3));
        var error = assertThrows(ModelException.class, () -> new ReferenceBackend().compile(b.build(), OPTIONS));
        assertTrue(error.getMessage().contains("half") && error.getMessage().contains("bf16"), error.getMessage());
    }

    @Test
    void printsTheGraphAndItsSize() {
        Graph graph = classifier(8, true);
        try (Plan plan = new ReferenceBackend().compile(graph, OPTIONS)) {
            assertEquals("reference", new ReferenceBackend().name());
            assertTrue(plan.print().contains(graph.print()), plan.print());
            assertTrue(plan.print().contains("parameters 73 elements in a block of 128"), plan.print());
            // Two blocks, the statistics, 8 images, labels and logits, one loss, in 4 bytes; at least the same in 8
            // bytes.
            assertTrue(plan.memory() > (2 * 128 + 14 + 8 * (5 + 1 + 3) + 1) * 12, plan.print());
        }
    }

    @Test
    void afterCloseEverythingIsAnError() {
        Plan plan = new ReferenceBackend().compile(classifier(8, true), OPTIONS);
        MemorySegment weights = plan.weights();
        var image = plan.input("image");
        plan.close();
        plan.close();
        Map<String, Runnable> calls = Map.ofEntries(
                Map.entry("graph", plan::graph),
                Map.entry("input", () -> plan.input("image")),
                Map.entry("output", () -> plan.output("loss")),
                Map.entry("buffer", () -> plan.buffer("x")),
                Map.entry("weights", plan::weights),
                Map.entry("gradients", plan::gradients),
                Map.entry("pack", () -> plan.pack(0, weights, weights)),
                Map.entry("unpack", () -> plan.unpack(0, weights, weights)),
                Map.entry("offset", () -> plan.offset(0)),
                Map.entry("extent", () -> plan.extent(0)),
                Map.entry("mean", () -> plan.mean(0)),
                Map.entry("variance", () -> plan.variance(0)),
                Map.entry("run", () -> plan.run(0)),
                Map.entry("memory", plan::memory),
                Map.entry("print", plan::print),
                Map.entry("old weights", () -> weights.get(JAVA_FLOAT, 0)),
                Map.entry("old input", () -> image.getFloatAt(0)),
                Map.entry("sharing", () -> new ReferenceBackend().compile(classifier(8, true), OPTIONS.sharing(plan))));
        calls.forEach((name, call) -> assertThrows(IllegalStateException.class, call::run, name));
    }

    @Test
    void aPlanWhoseParametersAreGoneSaysSo() {
        ReferenceBackend backend = new ReferenceBackend();
        Plan owner = backend.compile(classifier(8, true), OPTIONS);
        try (Plan plan = backend.compile(classifier(3, true), OPTIONS.sharing(owner))) {
            owner.close();
            var error = assertThrows(IllegalStateException.class, () -> plan.run(0));
            assertTrue(error.getMessage().contains("shares"), error.getMessage());
        }
    }

    @Test
    @Timeout(60)
    void closeWaitsForARunningStep() throws InterruptedException {
        Plan plan = new ReferenceBackend().compile(classifier(64, true), OPTIONS);
        CountDownLatch running = new CountDownLatch(5);
        AtomicReference<Throwable> end = new AtomicReference<>();
        Thread runner = new Thread(() -> {
            try {
                for (long step = 0; ; step++) {
                    plan.run(step);
                    running.countDown();
                }
            } catch (Throwable e) {
                end.set(e);
            }
        });
        runner.start();
        running.await();
        plan.close();
        runner.join();
        assertTrue(end.get() instanceof IllegalStateException, String.valueOf(end.get()));
        assertTrue(end.get().getMessage().contains("plan is closed"), end.get().getMessage());
    }
}
