package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Fold;
import dev.ondine.graph.Fuse;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.Sequential;
import dev.ondine.nn.models.Models;
import dev.ondine.onednn.api.Arg;
import dev.ondine.reference.ReferenceBackend;
import dev.ondine.reference.ReferenceInterpreter;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Inference with folded batch normalization: the same numbers as without, from fewer steps. */
class FoldingTest {
    /**
     * Folded weights are rounded once more, and the sums of every layer are rounded elsewhere: about √n roundings of 2⁻²⁴ for a sum of
     * n ≤ 9·64 products in each of up to 20 layers, whose normalization keeps them from growing; four times that for the worst of the
     * outputs. Relative to the largest output.
     */
    private static final double FOLDED = 4 * 20 * Math.sqrt(9 * 64) * 0x1p-24;

    /** In double precision only the last rounding to float32 can differ. */
    private static final double FOLDED_DOUBLE = 0x1p-23;

    private static final Shape IMAGE = Shape.of(3, 32, 32);

    @TempDir
    private Path folder;

    static Stream<Arguments> networks() {
        Layer odd = Sequential.of(
                Layers.conv2d(3, 13, 3).padding(1),
                Layers.batchNorm2d(13).affine(false),
                Layers.relu(),
                Layers.conv2d(13, 13, 3).stride(2).groups(13).bias(false),
                Layers.batchNorm2d(13),
                Layers.conv2d(13, 20, 1),
                Layers.batchNorm2d(20).epsilon(0.1),
                Layers.residual(Sequential.of(Layers.conv2d(20, 20, 3).padding(1), Layers.batchNorm2d(20))),
                Layers.conv2d(20, 16, 3).groups(2),
                Layers.residual(Layers.conv2d(16, 16, 1)),
                Layers.batchNorm2d(16),
                Layers.flatten(),
                Layers.linear(16 * 13 * 13, 7),
                Layers.batchNorm1d(7));
        return Stream.concat(
                Stream.of(Arguments.of("odd", odd)),
                Stream.of("mlp-bn", "lenet-bn", "cnn-bn", "resnet20")
                        .map(name -> Arguments.of(name, Models.create(name, IMAGE, 10))));
    }

    private static Graph graph(Layer network, int batch) {
        try (Model model = Model.of(network, IMAGE, 1)) {
            return model.graph(Mode.EVALUATION, batch, (_, _) -> {});
        }
    }

    private static float[] random(Value v) {
        SplittableRandom random = new SplittableRandom(v.name().hashCode());
        boolean positive = v.name().endsWith("running_var") || v.name().matches(".*bn.*weight");
        double fan =
                v.shape().rank() > 1 ? Math.sqrt(v.shape().elements(1, v.shape().rank())) : 2;
        float[] values = new float[(int) v.shape().elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (positive ? random.nextDouble(0.5, 2) : random.nextGaussian() / fan);
        }
        return values;
    }

    private static void fill(Plan plan) {
        List<Value> parameters = plan.graph().parameters();
        for (int i = 0; i < parameters.size(); i++) pack(plan, i, random(parameters.get(i)));
        for (Value v : plan.graph().buffers()) plan.buffer(v.name()).copyFrom(random(v));
        plan.input(Model.INPUT).copyFrom(random(plan.graph().input(Model.INPUT)));
    }

    private static void pack(Plan plan, int index, float[] values) {
        try (Tensor tensor = Tensor.allocate(
                DataType.FLOAT32, plan.graph().parameters().get(index).shape())) {
            tensor.copyFrom(values);
            plan.pack(index, tensor.segment(), plan.weights());
        }
    }

    private static float[] run(Backend backend, Graph graph, boolean folding) {
        try (Plan plan = backend.compile(graph, PlanOptions.threads(2).folding(folding))) {
            fill(plan);
            plan.run(0);
            float[] first = output(plan);
            plan.run(1);
            assertArrayEquals(first, output(plan), "a second run gave something else");
            return first;
        }
    }

    private static float[] output(Plan plan) {
        return plan.output(Model.OUTPUT).toFloatArray();
    }

    private static void assertClose(float[] expected, float[] actual, double tolerance) {
        double largest = 0;
        for (float e : expected) largest = Math.max(largest, Math.abs(e));
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], tolerance * largest, "output " + i + ", of at most " + largest);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("networks")
    void foldedIsAsUnfolded(String name, Layer network) {
        Graph graph = graph(network, 3);
        float[] expected = run(new ReferenceBackend(), graph, false);
        assertClose(expected, run(new ReferenceBackend(), graph, true), FOLDED_DOUBLE);
        assertClose(expected, run(new OneDnnBackend(), graph, false), FOLDED);
        assertClose(expected, run(new OneDnnBackend(), graph, true), FOLDED);
        // Whatever a tuner chooses, for a convolution with a residual too.
        assertClose(expected, run(TunerTest.contrary(), graph, true), FOLDED);
        assertClose(
                expected,
                run(new OneDnnBackend(_ -> new Tuner(TuningCache.open(folder.resolve("tuning.json")))), graph, true),
                FOLDED);
    }

    /** What the native backend runs, on the reference: the fused operations' formulas. */
    @Test
    void theReferenceRunsTheFusedGraphToo() {
        Graph graph = graph(Models.create("resnet20", IMAGE, 10), 1);
        Graph fused = Fuse.apply(Fold.apply(graph));
        assertTrue(
                fused.nodes().stream().anyMatch(n -> n.op() instanceof Op.Epilogue e && e.residual()), fused.print());
        assertFalse(fused.nodes().stream().anyMatch(n -> n.op() instanceof Op.BatchNormalization), fused.print());
        double[][] outputs = new double[2][];
        for (Graph g : List.of(graph, fused)) {
            ReferenceInterpreter interpreter = new ReferenceInterpreter(g, 0);
            for (List<Value> given : List.of(g.inputs(), g.parameters(), g.buffers())) {
                for (Value v : given) {
                    float[] values = random(v);
                    Arrays.setAll(interpreter.array(v), i -> values[i]);
                }
            }
            interpreter.run(0);
            outputs[g.equals(graph) ? 0 : 1] = interpreter.array(g.outputs().get(Model.OUTPUT));
        }
        double largest = Arrays.stream(outputs[0]).map(Math::abs).max().orElseThrow();
        // Double precision: the same reasons as FOLDED, with roundings of 2⁻⁵³.
        assertArrayEquals(outputs[0], outputs[1], largest * FOLDED * 0x1p-29);
    }

    @Test
    void aFoldedResidualNetworkIsConvolutionsOnly() {
        Graph graph = graph(Models.create("resnet20", IMAGE, 10), 4);
        try (OneDnnPlan plan =
                new OneDnnBackend().compile(graph, PlanOptions.threads(1).folding(true))) {
            List<String> primitives = new ArrayList<>();
            int inPlace = 0;
            for (StepSpec step : plan.specs()) {
                StepSpec.Primitive p = (StepSpec.Primitive) step;
                String primitive = p.descriptor().primitive().split("[ _]")[0];
                // Some kernels for few channels read the caller's row-major images, others want them reordered.
                if (primitive.equals("reorder") && p.path().equals("conv1")) continue;
                primitives.add(primitive);
                Slot sum = p.inputs().get(Arg.DST);
                if (sum == null) continue;
                assertEquals(
                        sum.buffer().root(), p.outputs().get(Arg.DST).buffer().root());
                inPlace++;
            }
            // 19 convolutions, 2 in shortcuts, no activation, no sum, no reorder between them.
            List<String> expected = new ArrayList<>(Collections.nCopies(21, "convolution"));
            expected.addAll(List.of("pooling", "inner"));
            assertEquals(expected, primitives, plan.print());
            assertEquals(9, inPlace, "sums in place\n" + plan.print());
            assertEquals(List.of(), plan.warnings());
            // Each convolution's weights are folded and reordered once, here.
            long folds = plan.prologueSpecs().stream()
                    .filter(s -> s instanceof StepSpec.Kernel k && k.name().equals("fold_weights"))
                    .count();
            assertEquals(21, folds, plan.print());
        }
    }

    /** An input is the caller's, and a convolution reads its own input at other places than it writes. */
    @Test
    void whatIsStillReadIsNotOverwritten() {
        Layer block = Layers.residual(Layers.conv2d(3, 3, 3).padding(1));
        Graph graph = graph(
                Sequential.of(block, Layers.residual(Layers.conv2d(3, 3, 3).padding(1))), 2);
        try (OneDnnPlan plan =
                new OneDnnBackend().compile(graph, PlanOptions.threads(1).folding(true))) {
            for (StepSpec step : plan.specs()) {
                if (step instanceof StepSpec.Primitive p) assertFalse(p.inputs().containsKey(Arg.DST), plan.print());
            }
            long operands = plan.specs().stream()
                    .filter(s -> s instanceof StepSpec.Primitive p && p.inputs().containsKey(Arg.postOpSource(0)))
                    .count();
            assertEquals(2, operands, plan.print());
        }
        assertClose(run(new ReferenceBackend(), graph, false), run(new OneDnnBackend(), graph, true), FOLDED);
    }

    @Test
    void parametersAreTakenOverByPrepareAndNotInEveryRun() {
        Graph graph = graph(Models.create("cnn-bn", IMAGE, 10), 1);
        try (OneDnnPlan plan =
                new OneDnnBackend().compile(graph, PlanOptions.threads(1).folding(true))) {
            fill(plan);
            MemorySegment weights = plan.weights();
            Tensor mean = plan.buffer(graph.buffers().getFirst().name());
            plan.run(0);
            float[] first = output(plan);
            for (long i = plan.offset(0); i < plan.offset(0) + plan.extent(0); i++) {
                weights.setAtIndex(JAVA_FLOAT, i, 2 * weights.getAtIndex(JAVA_FLOAT, i));
            }
            plan.run(1);
            assertArrayEquals(first, output(plan), "folded anew without being told");
            plan.prepare();
            plan.run(2);
            float[] second = output(plan);
            assertFalse(Arrays.equals(first, second), "prepare did not take the weights over");
            mean.fill(1);
            plan.prepare();
            plan.run(3);
            assertFalse(Arrays.equals(second, output(plan)), "prepare did not take the mean over");
            // Whoever asks for them may write: the next run takes them over by itself.
            fill(plan);
            plan.run(4);
            assertArrayEquals(first, output(plan));
        }
    }

    @Test
    void everyBackendPreparesAndSaysWhenItIsClosed() {
        Graph graph = graph(Models.create("mlp-bn", IMAGE, 10), 2);
        for (String name : Backends.names()) {
            Plan plan =
                    Backends.named(name).compile(graph, PlanOptions.threads(1).folding(true));
            plan.prepare();
            plan.close();
            assertThrows(IllegalStateException.class, plan::prepare, name);
        }
    }
}
