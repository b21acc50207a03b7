package dev.ondine.train;

import static dev.ondine.train.Tolerances.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.Residual;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The losses and their gradients against PyTorch's, on all backends: the golden files, and those that losses.py wrote. */
class LossesTest {
    static Stream<Arguments> losses() {
        Stream<GoldenFile> golden =
                GoldenFile.all().stream().filter(f -> f.text("op").equals("loss"));
        return GoldenTest.onBoth(Stream.concat(golden, GoldenFile.in("/losses").stream()));
    }

    /** The loss that a file is about; null if there is none. */
    static Loss loss(GoldenFile f) {
        return switch (f.text("kind")) {
            case "cross_entropy" ->
                Loss.crossEntropy()
                        .smoothing(f.number("label_smoothing", 0))
                        .ignoreIndex(f.integer("ignore_index", -100));
            case "cross_entropy_soft" -> Loss.softCrossEntropy().smoothing(f.number("label_smoothing", 0));
            case "mse" -> Loss.meanSquaredError();
            case "l1" -> Loss.l1();
            case "smooth_l1" -> Loss.smoothL1().beta(f.number("beta", 1));
            case "bce_with_logits" ->
                Loss.binaryCrossEntropy()
                        .positiveWeight(
                                f.has("pos_weight")
                                        ? f.get("pos_weight").toDoubleArray()
                                        : DoubleStream.empty().toArray());
            case "kl_div" ->
                f.text("reduction").equals("batchmean")
                        ? Loss.klDivergence()
                        : Loss.klDivergence().mean();
            default -> null;
        };
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("losses")
    void matchesPyTorch(GoldenFile f, String backendName) {
        Loss loss = loss(f);
        Shape input = f.get("input").shape();
        // The identity: the loss sees the input itself.
        try (Model model = Model.of((_, x) -> x, input.tail(), 0)) {
            Graph forward = model.graph(Mode.TRAINING, input.dim(0), (b, y) -> {
                var type = loss.target(y.type());
                b.output("loss", loss.build(b, y, b.input("target", type.dataType(), type.shape())));
            });
            Graph graph =
                    Differentiate.apply(forward, forward.outputs().get("loss"), List.of(forward.input(Model.INPUT)));
            try (Plan plan = Backends.named(backendName).compile(graph, PlanOptions.threads(2))) {
                plan.input(Model.INPUT).copyFrom(f.get("input"));
                Tensor target = f.get("target");
                if (target.dataType() == DataType.INT64) {
                    long[] classes = target.toLongArray();
                    for (int i = 0; i < classes.length; i++)
                        plan.input("target").setIntAt(i, (int) classes[i]);
                } else {
                    plan.input("target").copyFrom(target);
                }
                plan.run(0);
                double tolerance = Tolerances.sum(input.elements());
                assertClose(
                        "loss",
                        f.get("loss").toDoubleArray(),
                        plan.output("loss").toDoubleArray(),
                        tolerance);
                assertClose(
                        "gradient",
                        f.get("grad_input"),
                        plan.output(Differentiate.OUTPUT_PREFIX + Model.INPUT),
                        tolerance);
            }
        }
    }

    static Stream<Loss> trained() {
        return Stream.of(
                Loss.l1(),
                Loss.smoothL1().beta(0.5),
                Loss.binaryCrossEntropy().positiveWeight(2),
                Loss.klDivergence(),
                Loss.softCrossEntropy().smoothing(0.1));
    }

    private static Model network(Loss loss) {
        Layer branch = Layers.stochasticDepth(Layers.conv2d(5, 5, 1), 0.2);
        Layer network = Layers.sequential(
                Layers.conv2d(2, 5, 3).padding(1),
                Layers.batchNorm2d(5),
                Layers.relu(),
                new Residual(branch, Optional.empty(), Optional.empty()),
                Layers.spatialDropout(0.2),
                Layers.globalAvgPool(),
                Layers.flatten());
        // The divergence is of logarithms of probabilities.
        Layer end = loss instanceof Loss.KlDivergence ? Layers.logSoftmax(1) : (_, x) -> x;
        return Model.of(Layers.sequential(network, end), Shape.of(2, 4, 4), 2);
    }

    private static Trainer trainer(Model model, Loss loss, String backend) {
        return Trainer.of(model)
                .backend(Backends.named(backend))
                .threads(2)
                .loss(loss)
                .optimizer(Optimizer.Sgd.of(0.05))
                .build();
    }

    private static void fill(TrainingBatch batch) {
        SplittableRandom random = new SplittableRandom(3);
        for (long i = 0; i < batch.input().elements(); i++) batch.input().setFloatAt(i, (float) random.nextDouble());
        for (long i = 0; i < batch.target().elements(); i++) batch.target().setFloatAt(i, (float) random.nextDouble());
    }

    @ParameterizedTest
    @MethodSource("trained")
    void everyBackendTrainsAlike(Loss loss) {
        List<float[]> runs = new ArrayList<>();
        for (String backend : Backends.names()) {
            try (Model model = network(loss);
                    Trainer trainer = trainer(model, loss, backend)) {
                TrainingBatch batch = trainer.batch(6);
                fill(batch);
                float[] losses = new float[5];
                for (int i = 0; i < losses.length; i++) losses[i] = batch.step();
                runs.add(losses);
            }
        }
        // Every step adds its own roundings: of sums over 96 positions, in normalization and gradients.
        float tolerance = (float) (5 * Tolerances.sum(96));
        for (float[] run : runs) {
            for (int i = 0; i < run.length; i++) {
                assertEquals(runs.getFirst()[i], run[i], tolerance * Math.abs(run[i]), "step " + i);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("trained")
    void aStepAllocatesNothing(Loss loss) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Model model = network(loss);
                Trainer trainer = trainer(model, loss, "onednn")) {
            TrainingBatch batch = trainer.batch(6);
            fill(batch);
            for (int i = 0; i < 500; i++) batch.step();
            long least = Long.MAX_VALUE;
            // The compiler may still replace a frame while a window runs; one that allocates does so in every window.
            for (int window = 0; window < 20 && least != 0; window++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 100; i++) batch.step();
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, least, "bytes allocated by 100 steps");
        }
    }

    /** Teachers whose targets are learned, too, are refused, and not trained without a word. */
    @Test
    void aTargetThatIsComputedFromParametersIsRefused() {
        for (Op op :
                List.of(new Op.BinaryCrossEntropy(List.of()), new Op.KlDivergence(true), new Op.SoftCrossEntropy(0))) {
            GraphBuilder b = new GraphBuilder();
            Value x = b.input("x", DataType.FLOAT32, Shape.of(2, 3));
            Value target = b.parameter("t", Shape.of(2, 3));
            Value loss = b.add(op, x, target);
            Graph whole = b.build();
            var error = assertThrows(ModelException.class, () -> Differentiate.parameters(whole, loss));
            assertTrue(error.getMessage().contains("has no gradient"), error.getMessage());
        }
    }
}
