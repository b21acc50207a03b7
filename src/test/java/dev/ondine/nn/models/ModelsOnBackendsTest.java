package dev.ondine.nn.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.onednn.OneDnnBackend;
import dev.ondine.onednn.OneDnnPlan;
import dev.ondine.reference.ReferenceBackend;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Loss;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole networks: the same loss and the same gradients on the native backend and the reference, from fresh parameters. */
class ModelsOnBackendsTest {
    /**
     * A mean of logarithms, each behind up to 53 normalizations over as few as 8 values, every one of which blows up the roundings
     * before it a little. Seen: 2.2e-5 (resnet50).
     */
    private static final double LOSS = 1e-4;

    /**
     * The distance of two gradients over their length. Roundings alone would give 1e-5; but a value that lies within a rounding of zero
     * falls on one side of a ReLU here and on the other there, and its whole share of a gradient with it. Of some ten thousand values
     * of a layer that happens to a few, and each is one of the few that the gradients of a channel's scale and shift are sums of.
     * Seen: 2.3e-2 (resnet18). A gradient that is wrong is off by its own length.
     */
    private static final double GRADIENT = 1e-1;

    /** Of the longest gradient of a model: what is shorter is roundings. */
    private static final double NOTHING = 1e-5;

    private static final int CLASSES = 10;

    static Stream<Arguments> networks() {
        // Small images and few channels, so that the scalar reference takes a second, but large enough that the last
        // layers average over several pixels.
        return Stream.of(
                Arguments.of("resnet20", ResNets.cifar(20, 3, CLASSES), 4, 3, 16),
                Arguments.of("resnet18", ResNets.basic(3, CLASSES, 16, 2, 2, 2, 2), 2, 3, 64),
                Arguments.of("resnet50", ResNets.bottleneck(3, CLASSES, 16, 1, 3, 4, 6, 3), 2, 3, 64),
                Arguments.of("mobilenetv2", MobileNetV2.of(3, CLASSES, 0.25, 0.2), 4, 3, 64),
                Arguments.of("densenet-bc40", DenseNets.cifar(40, 12, 3, CLASSES), 4, 3, 8),
                Arguments.of("autoencoder", Autoencoders.convolutional(Shape.of(1, 16, 16)), 4, 1, 16));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("networks")
    void lossAndGradients(String name, Layer network, int batch, int channels, int side) {
        Loss loss = name.equals("autoencoder") ? Loss.meanSquaredError() : Loss.crossEntropy();
        try (Model model = Model.of(network, Shape.of(channels, side, side), 1)) {
            Graph forward = training(model, loss, batch);
            Graph graph = Differentiate.parameters(forward, forward.outputs().get("loss"));
            Map<String, double[]> expected = run(new ReferenceBackend(), graph, model);
            Map<String, double[]> actual = run(new OneDnnBackend(), graph, model);
            assertEquals(1, actual.get("loss")[0] / expected.get("loss")[0], LOSS, "loss");
            double whole = expected.values().stream()
                    .mapToDouble(ModelsOnBackendsTest::length)
                    .max()
                    .orElseThrow();
            expected.forEach((parameter, gradient) -> {
                // A shift that the next normalization takes out again has no gradient but for roundings.
                double size = Math.max(length(gradient), NOTHING * whole);
                double distance = distance(gradient, actual.get(parameter)) / size;
                assertTrue(distance <= GRADIENT, () -> parameter + ": the gradients are " + distance + " apart");
            });
        }
    }

    private static Graph training(Model model, Loss loss, int batch) {
        return model.graph(Mode.TRAINING, batch, (builder, output) -> {
            var type = loss.target(output.type());
            Value target = builder.input("target", type.dataType(), type.shape());
            builder.output("loss", loss.build(builder, output, target));
        });
    }

    private static Map<String, double[]> run(Backend backend, Graph graph, Model model) {
        try (Plan plan = backend.compile(graph, PlanOptions.threads(2))) {
            if (plan instanceof OneDnnPlan p) assertEquals(List.of(), p.warnings());
            fill(plan.input(Model.INPUT), plan.input("target"));
            List<Value> parameters = plan.graph().parameters();
            for (int i = 0; i < parameters.size(); i++) {
                plan.pack(i, model.parameters().get(parameters.get(i).name()).segment(), plan.weights());
            }
            plan.run(0);
            Map<String, double[]> results = new LinkedHashMap<>();
            results.put("loss", plan.output("loss").toDoubleArray());
            for (int i = 0; i < parameters.size(); i++) {
                Value parameter = parameters.get(i);
                try (Tensor gradient = Tensor.allocate(DataType.FLOAT32, parameter.shape())) {
                    plan.unpack(i, plan.gradients(), gradient.segment());
                    results.put(parameter.name(), gradient.toDoubleArray());
                }
            }
            return results;
        }
    }

    private static void fill(Tensor input, Tensor target) {
        Random random = new Random(3);
        for (long i = 0; i < input.elements(); i++) input.setFloatAt(i, (float) random.nextGaussian());
        for (long i = 0; i < target.elements(); i++) {
            if (target.dataType() == DataType.INT32) target.setIntAt(i, random.nextInt(CLASSES));
            else target.setFloatAt(i, (float) random.nextGaussian());
        }
    }

    private static double distance(double[] expected, double[] actual) {
        double[] apart = new double[expected.length];
        for (int i = 0; i < apart.length; i++) apart[i] = expected[i] - actual[i];
        return length(apart);
    }

    private static double length(double[] values) {
        double squares = 0;
        for (double v : values) squares += v * v;
        return Math.sqrt(squares);
    }
}
