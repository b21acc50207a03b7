package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.Sequential;
import dev.ondine.nn.models.Models;
import dev.ondine.onednn.api.CpuIsa;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Loss;
import dev.ondine.train.Optimizer;
import dev.ondine.train.Trainer;
import dev.ondine.train.TrainingBatch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** That compiled plans run where and how they should: in place, in shared memory, in the layouts of the policy. */
class OneDnnPlanTest {
    static Graph resnet(int batch) {
        try (Model model = Model.of(Models.create("resnet20", Shape.of(3, 32, 32), 10), Shape.of(3, 32, 32), 1)) {
            Graph graph = model.graph(Mode.TRAINING, batch, (b, y) -> {
                Value target = b.input("target", DataType.INT32, Shape.of(batch));
                b.output("loss", b.add(new Op.CrossEntropy(0, -100), y, target));
            });
            return Differentiate.parameters(graph, graph.outputs().get("loss"));
        }
    }

    /** Random images, classes and parameters, always the same. */
    static void fill(OneDnnPlan plan) {
        Random random = new Random(1);
        Tensor input = plan.input(Model.INPUT);
        for (long i = 0; i < input.elements(); i++) input.setFloatAt(i, random.nextFloat() - 0.5f);
        Tensor target = plan.input("target");
        for (long i = 0; i < target.elements(); i++) target.setIntAt(i, random.nextInt(10));
        List<Value> parameters = plan.graph().parameters();
        for (int i = 0; i < parameters.size(); i++) {
            try (Tensor values =
                    Tensor.allocate(DataType.FLOAT32, parameters.get(i).shape())) {
                for (long j = 0; j < values.elements(); j++) values.setFloatAt(j, (random.nextFloat() - 0.5f) / 4);
                plan.pack(i, values.segment(), plan.weights());
            }
        }
    }

    @Test
    void residualSumsAndTheirGradientsRunInPlace() {
        try (OneDnnPlan plan = new OneDnnBackend().ownKernels(false).compile(resnet(4), PlanOptions.threads(1))) {
            int sums = 0;
            for (StepSpec step : plan.specs()) {
                if (!(step instanceof StepSpec.Primitive p)) continue;
                String primitive = p.descriptor().primitive();
                boolean elementwise = primitive.startsWith("binary_add") || primitive.startsWith("eltwise_relu");
                if (!elementwise) continue;
                sums++;
                requireInPlace(plan, step, primitive);
            }
            // Nine sums with their ReLU, nine gradients of that, and one accumulation for each shortcut.
            assertEquals(27, sums, plan.print());
        }
    }

    private static void requireInPlace(OneDnnPlan plan, StepSpec step, String what) {
        assertTrue(
                step.inPlace().stream()
                        .anyMatch(pair -> pair.input().buffer().root()
                                == pair.output().buffer().root()),
                () -> step.path() + " " + what + " is not in place:\n" + plan.print());
    }

    /** With Ondine's own kernels a normalization does the sum behind it, and one step the sum of two gradients and the ReLU's. */
    @Test
    void residualSumsNeedNoStepOfTheirOwn() {
        try (OneDnnPlan plan = new OneDnnBackend().compile(resnet(4), PlanOptions.threads(1))) {
            assumeTrue(plan.print().contains("ondine:"), "no kernels of Ondine's own here");
            Map<String, Integer> counts = new HashMap<>();
            for (StepSpec step : plan.specs()) {
                if (step instanceof StepSpec.Own own && own.name().endsWith("+add")) {
                    counts.merge(own.name(), 1, Integer::sum);
                    if (own.name().contains("backward")) requireInPlace(plan, step, own.name());
                } else if (step instanceof StepSpec.Primitive p) {
                    String primitive = p.descriptor().primitive();
                    if (!primitive.startsWith("binary_add") && !primitive.startsWith("eltwise")) continue;
                    counts.merge(primitive, 1, Integer::sum);
                    requireInPlace(plan, step, primitive);
                }
            }
            // The last block's gradient comes alone; behind the first block's shortcut is a normalization with its own
            // ReLU.
            assertEquals(
                    Map.of(
                            "batch_normalization forward_training+add", 9,
                            "eltwise_relu_use_dst backward+add", 8,
                            "eltwise_relu_use_dst backward_data", 1,
                            "binary_add", 1),
                    counts,
                    plan.print());
        }
    }

    /** What the buffers would take one beside the other, against what the plan takes. */
    @Test
    void memoryIsReused() {
        try (OneDnnPlan plan = new OneDnnBackend().compile(resnet(16), PlanOptions.threads(1))) {
            long apart = MemoryPlanner.buffers(plan.specs(), List.of()).stream()
                    .mapToLong(Buffer::bytes)
                    .sum();
            assertTrue(plan.arenaBytes() < 0.6 * apart, plan.arenaBytes() + " of " + apart + " bytes");
        }
    }

    /** Activations lie where gradients are made later: nothing of them may stay between or in the padding of what is updated as one block. */
    @Test
    void theGradientsBlockHoldsGradientsOnly() {
        Layer odd = Sequential.of(
                Layers.conv2d(3, 13, 3).padding(1),
                Layers.batchNorm2d(13),
                Layers.relu(),
                Layers.conv2d(13, 21, 3).padding(1),
                Layers.batchNorm2d(21),
                Layers.relu(),
                Layers.conv2d(21, 32, 3).padding(1),
                Layers.relu(),
                Layers.conv2d(32, 5, 1));
        try (Model model = Model.of(odd, Shape.of(3, 12, 12), 1);
                Trainer trainer = Trainer.of(model)
                        .backend(new OneDnnBackend())
                        .loss(Loss.meanSquaredError())
                        .optimizer(Optimizer.Sgd.of(0.01))
                        .threads(2)
                        .build()) {
            TrainingBatch batch = trainer.batch(4);
            float[] x = new float[(int) batch.input().elements()];
            for (int i = 0; i < x.length; i++) x[i] = (float) Math.sin(i);
            Plan plan = batch.plan();
            assertTrue(plan.report().orElseThrow().gradientsInArena());
            for (int step = 0; step < 3; step++) {
                batch.input().copyFrom(x);
                batch.target().fill(1);
                batch.step();
                long inBlock = notZero(plan.gradients());
                long inParameters = 0;
                List<Value> parameters = plan.graph().parameters();
                for (int i = 0; i < parameters.size(); i++) {
                    try (Tensor gradient =
                            Tensor.allocate(DataType.FLOAT32, parameters.get(i).shape())) {
                        plan.unpack(i, plan.gradients(), gradient.segment());
                        inParameters += notZero(gradient.segment());
                    }
                }
                assertTrue(inParameters > 1000, "gradients were made");
                assertEquals(inParameters, inBlock);
            }
        }
    }

    private static long notZero(MemorySegment block) {
        return block.elements(ValueLayout.JAVA_FLOAT)
                .filter(e -> e.get(ValueLayout.JAVA_FLOAT, 0) != 0)
                .count();
    }

    @Test
    void nothingRunsInAReferenceLoop() {
        try (OneDnnPlan plan = new OneDnnBackend().compile(resnet(2), PlanOptions.threads(1))) {
            assertEquals(List.of(), plan.warnings());
        }
    }

    /** oneDNN normalizes in plain loops, ten times slower, where channels lie last and fill no whole vectors, as behind a concat. */
    @ParameterizedTest
    @ValueSource(ints = {12, 13})
    void joinedChannelsAreNormalizedByVectorKernels(int growth) {
        assumeTrue(OneDnn.effectiveIsa().isAtLeast(CpuIsa.AVX2), "oneDNN's kernels for batch norm are for AVX2 and on");
        GraphBuilder b = new GraphBuilder();
        List<Integer> one = List.of(1, 1);
        Op.Convolution convolution = new Op.Convolution(one, one, one, one, 1, false);
        Value x = b.input("x", DataType.FLOAT32, Shape.of(2, 24, 7, 5));
        Value w = b.parameter("w", Shape.of(24, 24, 3, 3));
        Value v = b.parameter("v", Shape.of(growth, 24, 3, 3));
        Value first = b.add(convolution, x, w);
        Value joined = b.add(new Op.Concat(1), first, b.add(convolution, first, v));
        Shape channels = Shape.of(24 + growth);
        Value y = b.add(
                new Op.BatchNormalization(1e-5f, true, true, true, false),
                joined,
                b.parameter("scale", channels),
                b.parameter("shift", channels));
        Value sum = b.add(new Op.ReduceSum(Shape.of(1, 1, 1, 1)), b.add(new Op.Multiply(), y, joined));
        Value loss = b.add(new Op.Reshape(Shape.of()), sum);
        b.output("loss", loss);
        try (OneDnnPlan plan =
                new OneDnnBackend().compile(Differentiate.parameters(b.build(), loss), PlanOptions.threads(1))) {
            List<String> kernels = plan.specs().stream()
                    .filter(StepSpec.Primitive.class::isInstance)
                    .map(step -> ((StepSpec.Primitive) step).descriptor())
                    .filter(d -> d.primitive().startsWith("batch_norm"))
                    .map(PrimitiveDescriptor::implementation)
                    .toList();
            assertEquals(2, kernels.size(), plan.print());
            for (String kernel : kernels)
                assertTrue(kernel.startsWith("bnorm_jit"), () -> kernels + "\n" + plan.print());
        }
    }

    /** Grouped weights have one axis more for oneDNN; whoever else reads them sees theirs. */
    @Test
    void groupedWeightsAreReadAsWeightsToo() {
        Shape x = Shape.of(2, 16, 5, 5);
        Shape w = Shape.of(16, 4, 3, 3);
        GraphBuilder b = new GraphBuilder();
        List<Integer> one = List.of(1, 1);
        Value input = b.input("x", DataType.FLOAT32, x);
        Value weight = b.parameter("w", w);
        Value y = b.add(new Op.Convolution(one, one, one, one, 4, false), input, weight);
        Value penalty = b.add(new Op.ReduceSum(Shape.of(1, 1, 1, 1)), b.add(new Op.Multiply(), weight, weight));
        Value sum = b.add(new Op.ReduceSum(Shape.of(1, 1, 1, 1)), b.add(new Op.Multiply(), y, y));
        Value loss = b.add(new Op.Reshape(Shape.of()), b.add(new Op.Add(false), sum, penalty));
        b.output("loss", loss);
        b.output("weight", weight);
        Graph graph = Differentiate.parameters(b.build(), loss);
        float[] gradient = null;
        for (String backend : Backends.names().reversed()) {
            try (Plan plan = Backends.named(backend).compile(graph, PlanOptions.threads(2))) {
                Random random = new Random(1);
                for (long i = 0; i < x.elements(); i++) plan.input("x").setFloatAt(i, (float) random.nextGaussian());
                Tensor values = Tensor.allocate(DataType.FLOAT32, w);
                for (long i = 0; i < w.elements(); i++) values.setFloatAt(i, (float) random.nextGaussian());
                plan.pack(0, values.segment(), plan.weights());
                plan.run(0);
                for (long i = 0; i < w.elements(); i++) {
                    assertEquals(values.getFloatAt(i), plan.output("weight").getFloatAt(i), backend);
                }
                Tensor d = Tensor.allocate(DataType.FLOAT32, w);
                plan.unpack(0, plan.gradients(), d.segment());
                if (gradient == null) gradient = d.toFloatArray();
                for (int i = 0; i < gradient.length; i++) {
                    // Sums over 50 positions of values of the size of 30.
                    assertEquals(gradient[i], d.getFloatAt(i), 1e-3, backend);
                }
            }
        }
    }

    /** The first layer's input has no gradient, whose kernel would want its weights otherwise; they are turned in no step. */
    @Test
    void theWeightsOfAFirstLinearLayerLieAsTheyAreMultiplied() {
        GraphBuilder b = new GraphBuilder();
        Value x = b.input("x", DataType.FLOAT32, Shape.of(4, 8));
        Value first = b.parameter("first", Shape.of(16, 8));
        Value second = b.parameter("second", Shape.of(4, 16));
        Value hidden = b.add(new Op.Activation(ActivationKind.RELU, 0), b.add(new Op.Linear(false), x, first));
        Value y = b.add(new Op.Linear(false), hidden, second);
        b.output("y", y);
        Value dy = b.input("dy", DataType.FLOAT32, Shape.of(4, 4));
        Graph graph = Differentiate.apply(b.build(), y, dy, List.of(first, second));
        try (OneDnnPlan plan = new OneDnnBackend().compile(graph, PlanOptions.threads(1))) {
            assertTrue(plan.print().contains(":first:ba"), plan.print());
            assertTrue(plan.print().contains(":second:ab"), plan.print());
            assertTrue(plan.stepNames().stream().noneMatch(n -> n.startsWith("reorder")), plan.print());
        }
    }
}
