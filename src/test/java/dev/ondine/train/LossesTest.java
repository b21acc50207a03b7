package dev.ondine.train;

import static dev.ondine.train.Tolerances.assertClose;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
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
}
