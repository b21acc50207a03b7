package dev.ondine.nn.models;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;
import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsFile;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.onednn.OneDnnBackend;
import dev.ondine.onednn.OneDnnPlan;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Loss;
import dev.ondine.train.PlanParameters;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whole networks against torchvision's and the like in PyTorch, the same numbers in both: outputs with given running statistics, and loss and every gradient of
 * a training step. PyTorch computed in double precision, so what is seen is Ondine's error alone.
 */
class PyTorchTest {
    /** Of the largest output: up to 120 layers in float32. */
    private static final double OUTPUT = 1e-4;

    /**
     * Of a network that is so steep at the beginning, its longest gradient 50 times that of ResNet-18, that its roundings grow to more.
     * Seen: 2e-4.
     */
    private static final double STEEP = 5e-4;

    /**
     * Of a gradient's length: a value within a rounding of zero falls on one side of a ReLU here and on the other in PyTorch, and its
     * whole share of a gradient with it (see {@link ModelsOnBackendsTest}). A gradient that is wrong is off by its own length.
     */
    private static final double GRADIENT = 3e-2;

    /**
     * A single such value can be worth more than that (seen: 4e-2 in MobileNetV2, 7e-2 in ResNeXt-50), and another order of adding makes
     * another one of them. The input moved by a rounding or two makes others again, and the gradient is nearly the same: one of so many
     * inputs must be near. A gradient that is wrong is so for all of them.
     */
    private static final int INPUTS = 6;

    /** Of the longest gradient of a model: what is shorter is roundings, in sums of up to 100,000 terms, of shifts that the next normalization takes out again. */
    private static final double NOTHING = 1e-4;

    private static final int CLASSES = 10;

    static Stream<Arguments> networks() {
        return Stream.of(
                Arguments.of("resnet18", ResNets.resnet18(3, CLASSES), OUTPUT),
                Arguments.of("resnext50", ResNets.resnext50(3, CLASSES), STEEP),
                Arguments.of("mobilenetv2", MobileNetV2.of(3, CLASSES, 1, 0), OUTPUT),
                Arguments.of("densenet121", DenseNets.densenet121(3, CLASSES), OUTPUT),
                Arguments.of("vgg11-bn", Vgg.of(11, Shape.of(3, 224, 224), CLASSES, 8, 64, 0), OUTPUT),
                Arguments.of("vgg11-bn-96x288", Vgg.of(11, Shape.of(3, 96, 288), CLASSES, 8, 64, 0), OUTPUT),
                Arguments.of("unet-bilinear", new UNet(3, CLASSES, 8, 2).bilinear(true), OUTPUT),
                Arguments.of("autoencoder", Autoencoders.convolutional(Shape.of(1, 16, 16)), OUTPUT));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("networks")
    void outputsLossAndGradients(String name, Layer layer, double tolerance) throws IOException, URISyntaxException {
        Path file = Path.of(PyTorchTest.class
                .getResource("/models/" + name + ".safetensors")
                .toURI());
        try (SafeTensorsFile expected = SafeTensors.open(file)) {
            long[] dims = Stream.of(expected.metadata().get("shape").split(" "))
                    .mapToLong(Long::parseLong)
                    .toArray();
            Shape input = Shape.of(dims);
            try (Model model = Model.of(layer, input.tail(), 0)) {
                PyTorchNumbers.fill(model.parameters());
                Backend backend = new OneDnnBackend();
                evaluate(model, backend, input.dim(0), expected, tolerance);
                train(model, backend, input.dim(0), expected, tolerance);
            }
        }
    }

    private static void evaluate(Model model, Backend backend, long batch, SafeTensorsFile expected, double tolerance)
            throws IOException {
        Graph graph = Model.graph(model.network(), model.sampleShape(), Mode.EVALUATION, batch);
        try (Plan plan = backend.compile(graph, PlanOptions.threads(2))) {
            PlanParameters.load(model, plan);
            PyTorchNumbers.fill(plan.input(Model.INPUT).segment(), 0);
            plan.run(0);
            assertOutput("evaluated", expected, plan.output(Model.OUTPUT), tolerance);
        }
    }

    private static void train(Model model, Backend backend, long batch, SafeTensorsFile expected, double tolerance)
            throws IOException {
        boolean reconstructs = model.outputShape().equals(model.sampleShape());
        Loss loss = reconstructs ? Loss.meanSquaredError() : Loss.crossEntropy();
        Graph forward = model.graph(Mode.TRAINING, batch, (builder, output) -> {
            var type = loss.target(output.type());
            Value target = builder.input("target", type.dataType(), type.shape());
            builder.output("loss", loss.build(builder, output, target));
        });
        Graph graph = Differentiate.parameters(forward, forward.outputs().get("loss"));
        try (Plan plan = backend.compile(graph, PlanOptions.threads(2))) {
            assertEquals(List.of(), ((OneDnnPlan) plan).warnings());
            PlanParameters.load(model, plan);
            Tensor target = plan.input("target");
            PyTorchNumbers.fill(plan.input(Model.INPUT).segment(), 0);
            if (reconstructs) PyTorchNumbers.fill(target.segment(), 0);
            else for (int i = 0; i < target.elements(); i++) target.setIntAt(i, i % CLASSES);
            plan.run(0);
            assertOutput("output", expected, plan.output(Model.OUTPUT), tolerance);
            double wanted = expected.read("loss").toDoubleArray()[0];
            assertEquals(1, plan.output("loss").getFloatAt(0) / wanted, tolerance, "loss");
            String off = gradientOff(model, plan, expected);
            for (int moved = 1; moved < INPUTS && !off.isEmpty(); moved++) {
                MemorySegment input = plan.input(Model.INPUT).segment();
                PyTorchNumbers.fill(input, 0);
                float scale = 1 + moved * Math.ulp(1f);
                for (long i = 0; i < input.byteSize() / Float.BYTES; i++) {
                    input.setAtIndex(JAVA_FLOAT, i, input.getAtIndex(JAVA_FLOAT, i) * scale);
                }
                plan.run(0);
                off = gradientOff(model, plan, expected);
            }
            assertEquals("", off);
        }
    }

    private static void assertOutput(String what, SafeTensorsFile file, Tensor actual, double tolerance)
            throws IOException {
        double[] expected = file.read(what).toDoubleArray();
        double[] found = actual.toDoubleArray();
        double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], found[i], tolerance * largest, what + ", element " + i);
        }
    }

    /** The first gradient that is off, and by how much; nothing if none is. */
    private static String gradientOff(Model model, Plan plan, SafeTensorsFile expected) throws IOException {
        double[] lengths = expected.read("lengths").toDoubleArray();
        double[] products = expected.read("products").toDoubleArray();
        double longest = Arrays.stream(lengths).max().orElseThrow();
        List<ParameterSpec> specs = model.parameters().specs();
        List<Value> parameters = plan.graph().parameters();
        assertEquals(lengths.length, parameters.size());
        for (int p = 0; p < lengths.length; p++) {
            Value parameter = parameters.get(p);
            int stream = 1 + specs.stream().map(ParameterSpec::name).toList().indexOf(parameter.name());
            try (Tensor gradient = Tensor.allocate(DataType.FLOAT32, parameter.shape())) {
                plan.unpack(p, plan.gradients(), gradient.segment());
                double squares = 0;
                double product = 0;
                for (int i = 0; i < gradient.elements(); i++) {
                    double g = gradient.segment().getAtIndex(JAVA_FLOAT, i);
                    squares += g * g;
                    product += g * PyTorchNumbers.number(i, stream);
                }
                double size = Math.max(lengths[p], NOTHING * longest);
                double length = Math.abs(Math.sqrt(squares) - lengths[p]) / size;
                double direction = Math.abs(product - products[p]) / size;
                // Not greater, so that a NaN is off.
                if (!(length <= GRADIENT)) return parameter.name() + ": the gradient's length is off by " + length;
                if (!(direction <= GRADIENT)) {
                    return parameter.name() + ": the gradient's product is off by " + direction;
                }
            }
        }
        return "";
    }
}
