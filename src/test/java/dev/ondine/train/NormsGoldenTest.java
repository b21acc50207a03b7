package dev.ondine.train;

import static dev.ondine.train.Tolerances.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.ArrayDataset;
import dev.ondine.data.Dataset;
import dev.ondine.data.Normalization;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Renormalization;
import dev.ondine.graph.Value;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Virtual batches, renormalization and statistics estimated anew, against what PyTorch makes of them: {@code resources/norms}. */
class NormsGoldenTest {
    @ParameterizedTest
    @CsvSource({
        "ghost_2d, onednn", "ghost_2d, vector", "ghost_2d, reference",
        "ghost_1d, onednn", "ghost_1d, vector", "ghost_1d, reference"
    })
    void virtualBatchesAreAsAModuleThatSeesThemInTurn(String name, String backend) {
        new GoldenTest().layerMatchesPyTorch(GoldenFile.ofNorms(name), backend);
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void renormalizationIsAsItsPaperSays(String backend) {
        GoldenFile f = GoldenFile.ofNorms("renorm");
        Shape input = f.get("input0").shape();
        var norm = Layers.batchNorm2d((int) input.dim(1))
                .epsilon(f.number("eps", 0))
                .renormalization(Renormalization.limits(f.number("rmax", 0), f.number("dmax", 0)));
        try (Model model = Model.of(norm, input.tail(), 0)) {
            for (String name : List.of("weight", "bias", "running_mean", "running_var")) {
                model.parameters().get(name).copyFrom(f.get(name));
            }
            Graph forward = model.graph(
                    Mode.TRAINING, input.dim(0), (b, y) -> b.input("grad_output", DataType.FLOAT32, y.shape()));
            List<Value> wanted = new ArrayList<>(forward.parameters());
            wanted.add(forward.input(Model.INPUT));
            Graph graph = Differentiate.apply(
                    forward, forward.outputs().get(Model.OUTPUT), forward.input("grad_output"), wanted);
            try (Plan plan = Backends.named(backend).compile(graph, PlanOptions.threads(2))) {
                for (int i = 0; i < graph.parameters().size(); i++) {
                    String name = graph.parameters().get(i).name();
                    plan.pack(i, model.parameters().get(name).segment(), plan.weights());
                }
                StatisticsFeed feed = new StatisticsFeed(plan, model.parameters());
                RunningStatistics statistics = new RunningStatistics(plan, model.parameters());
                // 60 values a channel; the oracle computed in double.
                double tolerance = Tolerances.normalized(60, 1);
                double gradients = Tolerances.cancelling(60);
                for (int i = 0; i < 3; i++) {
                    plan.input(Model.INPUT).copyFrom(f.get("input" + i));
                    plan.input("grad_output").copyFrom(f.get("grad_output" + i));
                    feed.run();
                    plan.run(i);
                    statistics.update();
                    assertClose("output", f.get("output" + i), plan.output(Model.OUTPUT), tolerance);
                    assertClose(
                            "grad_input",
                            f.get("grad_input" + i),
                            plan.output(Differentiate.OUTPUT_PREFIX + Model.INPUT),
                            gradients);
                    for (int k = 0; k < graph.parameters().size(); k++) {
                        Value p = graph.parameters().get(k);
                        Tensor gradient = Tensor.allocate(DataType.FLOAT32, p.shape());
                        plan.unpack(k, plan.gradients(), gradient.segment());
                        assertClose("grad_" + p.name(), f.get("grad_" + p.name() + i), gradient, gradients);
                    }
                    for (String name : List.of("running_mean", "running_var")) {
                        assertClose(
                                name,
                                f.get(name + "_after" + i),
                                model.parameters().get(name),
                                tolerance);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void statisticsAreEstimatedAnewAsByUpdateBn(String backend) {
        GoldenFile f = GoldenFile.ofNorms("update_bn");
        Sequential net = Sequential.of(
                Layers.conv2d(2, 6, 3).padding(1).bias(false),
                Layers.batchNorm2d(6),
                Layers.relu(),
                Layers.conv2d(6, 5, 3).padding(1).bias(false),
                Layers.batchNorm2d(5).momentum(0.3),
                Layers.relu(),
                Layers.globalAvgPool(),
                Layers.flatten(),
                Layers.linear(5, 3));
        Tensor input = f.get("input");
        Dataset samples =
                new ArrayDataset("samples", input.shape().tail(), input.toFloatArray(), new int[10], List.of("only"));
        try (Model model = Model.of(net, samples.sampleShape(), 0)) {
            for (var spec : model.parameters().specs()) {
                model.parameters().get(spec.name()).copyFrom(f.get("init." + spec.name()));
            }
            model.parameters().touch();
            long batches = UpdateBatchNorm.of(model)
                    .backend(Backends.named(backend))
                    .threads(2)
                    .batchSize(f.integer("batch", 0))
                    .shuffled(false)
                    .run(samples, Normalization.identity(2));
            assertEquals(3, batches);
            for (String layer : List.of("1.", "4.")) {
                for (String name : List.of("running_mean", "running_var")) {
                    assertClose(
                            layer + name,
                            f.get("after." + layer + name),
                            model.parameters().get(layer + name),
                            Tolerances.normalized(4 * 36 * 18, 2));
                }
                assertEquals(
                        3, model.parameters().get(layer + "num_batches_tracked").getLongAt(0));
            }
            // Weights are as they were.
            assertClose("weight", f.get("init.0.weight"), model.parameters().get("0.weight"), Tolerances.EXACT);
        }
    }
}
