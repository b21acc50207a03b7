package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backend;
import dev.ondine.backend.FrozenWeights;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Precision;
import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.Initializer;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.Sequential;
import dev.ondine.nn.models.Models;
import dev.ondine.reference.ReferenceBackend;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Plans whose parameters are packed once and shared: the same bits as with parameters of their own. */
class FrozenWeightsTest {
    private static final Shape IMAGE = Shape.of(3, 32, 32);
    private static final OneDnnBackend ONEDNN = new OneDnnBackend();

    static Stream<Arguments> cases() {
        return FoldingTest.networks()
                .flatMap(a -> Stream.of(Precision.FLOAT32, Precision.BFLOAT16_EMULATED)
                        .map(p -> Arguments.of(a.get()[0], a.get()[1], p)));
    }

    private static Model model(Layer network) {
        Model model = Model.of(network, IMAGE, 1);
        SplittableRandom random = new SplittableRandom(3);
        model.parameters().specs().stream()
                .filter(s -> s.name().contains("running_"))
                .forEach(s -> {
                    float[] values = new float[(int) s.shape().elements()];
                    for (int i = 0; i < values.length; i++) values[i] = random.nextFloat(0.5f, 1.5f);
                    model.parameters().get(s.name()).copyFrom(values);
                });
        return model;
    }

    private static FrozenWeights frozen(Model model) {
        return new FrozenWeights(model.parameters()::get);
    }

    private static Plan plan(Backend backend, Model model, int batch, PlanOptions options) {
        return backend.compile(model.graph(Mode.EVALUATION, batch, (_, _) -> {}), options);
    }

    private static float[] run(Plan plan, long seed) {
        Value input = plan.graph().input(Model.INPUT);
        SplittableRandom random = new SplittableRandom(seed);
        float[] x = new float[(int) input.shape().elements()];
        for (int i = 0; i < x.length; i++) x[i] = (float) random.nextGaussian();
        plan.input(Model.INPUT).copyFrom(x);
        plan.run(0);
        return plan.output(Model.OUTPUT).toFloatArray();
    }

    private static float[] runWithOwn(Backend backend, Model model, int batch, PlanOptions options) {
        try (Plan plan = plan(backend, model, batch, options.folding(true))) {
            new FrozenWeights(model.parameters()::get).load(plan);
            return run(plan, batch);
        }
    }

    /** Both are called replicate padded 31 to 32. */
    @Test
    void matricesOfOneNameAndSizeAreDifferentForms() {
        Layer network = (context, x) -> {
            Value p = context.parameter("p", Shape.of(1, 3, 31, 1), new Initializer.Uniform(1));
            Value y = x;
            for (int before = 0; before < 2; before++) {
                AxisMatrix matrix = AxisMatrix.padded(AxisMatrix.Padding.REPLICATE, 31, before, 1L - before);
                y = context.add(new Op.Add(false), y, context.add(new Op.AlongAxis(2, matrix), p));
            }
            return y;
        };
        try (Model model = model(network)) {
            float[] own = runWithOwn(ONEDNN, model, 2, PlanOptions.threads(1));
            try (FrozenWeights weights = frozen(model);
                    Plan plan = plan(ONEDNN, model, 2, PlanOptions.threads(1).frozen(weights))) {
                assertArrayEquals(own, run(plan, 2));
            }
        }
    }

    @ParameterizedTest(name = "{0} {2}")
    @MethodSource("cases")
    void sameBitsAsWithParametersOfTheirOwn(String name, Layer network, Precision precision) {
        PlanOptions options = PlanOptions.threads(2).precision(precision);
        try (Model model = model(network)) {
            float[] three = runWithOwn(ONEDNN, model, 3, options);
            float[] one = runWithOwn(ONEDNN, model, 1, options);
            try (FrozenWeights weights = frozen(model);
                    Plan first = plan(ONEDNN, model, 3, options.frozen(weights))) {
                int forms = weights.count();
                assertTrue(forms > 0, "nothing was packed");
                assertArrayEquals(three, run(first, 3));
                assertArrayEquals(three, run(first, 3), "a second run gave something else");

                // The same batch size again: everything is there.
                try (Plan second = plan(ONEDNN, model, 3, options.frozen(weights))) {
                    assertEquals(forms, weights.count());
                    assertEquals(List.of(), ((OneDnnPlan) second).prologueSpecs());
                    assertArrayEquals(three, run(second, 3));
                }
                try (Plan other = plan(ONEDNN, model, 1, options.frozen(weights))) {
                    assertArrayEquals(one, run(other, 1));
                    assertArrayEquals(three, run(first, 3));
                }
            }
        }
    }

    @Test
    void otherBatchSizesShareThePackedForms() {
        try (Model model = model(Models.create("resnet20", IMAGE, 10));
                FrozenWeights weights = frozen(model);
                Plan _ = plan(ONEDNN, model, 8, PlanOptions.threads(2).frozen(weights))) {
            long bytes = weights.bytes();
            try (Plan _ = plan(ONEDNN, model, 16, PlanOptions.threads(2).frozen(weights))) {
                assertEquals(bytes, weights.bytes());
            }
            long plain = model.parameters().learned() * Float.BYTES;
            // Blocks are padded, and every normalization becomes a bias; but no original is kept.
            assertTrue(bytes < 1.2 * plain, bytes + " bytes for " + plain);
        }
    }

    @Test
    void nothingOfTheModelIsReadAfterCompilation() {
        Model model = model(Models.create("cnn-bn", IMAGE, 10));
        try (FrozenWeights weights = frozen(model);
                Plan plan = plan(ONEDNN, model, 2, PlanOptions.threads(2).frozen(weights))) {
            float[] before = run(plan, 5);
            model.parameters().specs().stream()
                    .filter(s -> s.dataType() == DataType.FLOAT32)
                    .forEach(s -> model.parameters().get(s.name()).fill(Float.NaN));
            assertArrayEquals(before, run(plan, 5));
            model.close();
            assertArrayEquals(before, run(plan, 5));
        }
    }

    @Test
    void plansOverTheSameWeightsRunAtOnce() throws Exception {
        try (Model model = model(Models.create("cnn-bn", IMAGE, 10));
                FrozenWeights weights = frozen(model)) {
            PlanOptions options = PlanOptions.threads(1).frozen(weights);
            float[] wanted = runWithOwn(ONEDNN, model, 2, PlanOptions.threads(1));
            Callable<Boolean> compileAndRun = () -> {
                try (Plan plan = plan(ONEDNN, model, 2, options)) {
                    return IntStream.range(0, 20).allMatch(_ -> Arrays.equals(wanted, run(plan, 2)));
                }
            };
            try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
                for (Future<Boolean> f :
                        threads.invokeAll(List.of(compileAndRun, compileAndRun, compileAndRun, compileAndRun))) {
                    assertTrue(f.get());
                }
            }
        }
    }

    @Test
    void otherBackendsTakeThemToo() {
        try (Model model = model(Models.create("lenet-bn", IMAGE, 10));
                FrozenWeights weights = frozen(model)) {
            Backend reference = new ReferenceBackend();
            float[] wanted = runWithOwn(reference, model, 2, PlanOptions.threads(1));
            try (Plan plan = plan(reference, model, 2, PlanOptions.threads(1).frozen(weights))) {
                assertArrayEquals(wanted, run(plan, 2));
            }
        }
    }

    @Test
    void misuseIsNamed() {
        try (Model model = model(Models.create("cnn-bn", IMAGE, 10))) {
            FrozenWeights weights = frozen(model);
            Plan plan = plan(ONEDNN, model, 2, PlanOptions.threads(1).frozen(weights));
            assertThrows(IllegalStateException.class, plan::weights);
            assertThrows(IllegalStateException.class, () -> plan.buffer("1.running_mean"));
            Exception open = assertThrows(IllegalStateException.class, weights::close);
            assertTrue(open.getMessage().contains("1 plans still use"), open.getMessage());
            plan.close();
            weights.close();
            weights.close();
            Exception closed = assertThrows(
                    IllegalStateException.class,
                    () -> plan(ONEDNN, model, 2, PlanOptions.threads(1).frozen(weights)));
            assertTrue(closed.getMessage().contains("closed"), closed.getMessage());
            assertThrows(
                    IllegalArgumentException.class,
                    () -> PlanOptions.threads(1).sharing(plan).frozen(weights));
        }
    }

    @Test
    void failedCompilationLeavesNothingHalfPacked() {
        try (Model model = model(Sequential.of(Layers.flatten(), Layers.linear(3 * 32 * 32, 4)));
                Tensor wrong = Tensor.allocate(DataType.FLOAT32, Shape.of(5))) {
            boolean[] broken = {true};
            Function<String, Tensor> source = name -> broken[0] && name.endsWith("bias")
                    ? wrong
                    : model.parameters().get(name);
            try (FrozenWeights weights = new FrozenWeights(source)) {
                PlanOptions options = PlanOptions.threads(1).frozen(weights);
                Exception e = assertThrows(IllegalArgumentException.class, () -> plan(ONEDNN, model, 1, options));
                assertTrue(e.getMessage().contains("1.bias"), e.getMessage());
                assertEquals(0, weights.count());
                broken[0] = false;
                try (Plan plan = plan(ONEDNN, model, 1, options)) {
                    assertArrayEquals(runWithOwn(ONEDNN, model, 1, PlanOptions.threads(1)), run(plan, 1));
                }
            }
        }
    }

    /** A gradient of the input makes it a graph that trains; the weights of a layer without one must still be read as they were given. */
    @Test
    void aLayerBesideTheGradientReadsItsFrozenWeightsRowMajor() {
        GraphBuilder b = new GraphBuilder();
        Value x = b.input("x", DataType.FLOAT32, Shape.of(3, 8));
        Value other = b.input("other", DataType.FLOAT32, Shape.of(3, 8));
        Value weight = b.parameter("weight", Shape.of(4, 8));
        b.output("head", b.add(new Op.Linear(false), other, weight));
        Value square = b.add(new Op.Multiply(), x, x);
        b.output("square", square);
        Value dy = b.input("dy", DataType.FLOAT32, Shape.of(3, 8));
        Graph graph = Differentiate.apply(b.build(), square, dy, List.of(x));
        try (Tensor given = Tensor.allocate(DataType.FLOAT32, Shape.of(4, 8))) {
            for (int i = 0; i < 32; i++) given.setFloatAt(i, i);
            try (FrozenWeights weights = new FrozenWeights(_ -> given);
                    Plan plan = ONEDNN.compile(graph, PlanOptions.threads(1).frozen(weights))) {
                for (int i = 0; i < 24; i++) plan.input("other").setFloatAt(i, i % 8 == i / 8 ? 1 : 0);
                plan.run(0);
                // Its columns 0, 1 and 2.
                for (int i = 0; i < 12; i++) {
                    assertEquals(i % 4 * 8 + i / 4, plan.output("head").getFloatAt(i));
                }
            }
        }
    }
}
