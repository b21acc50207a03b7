package dev.ondine.io.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.BinaryKind;
import dev.ondine.graph.Graph;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Op;
import dev.ondine.graph.UnaryKind;
import dev.ondine.graph.Value;
import dev.ondine.io.onnx.proto.ModelProto;
import dev.ondine.io.onnx.proto.NodeProto;
import dev.ondine.nn.Context;
import dev.ondine.nn.Initializer;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.models.ModelEntry;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class OnnxExportTest {
    /** Of the largest output: float32 sums of some thousand products, in another order there than here. */
    private static final float TOLERANCE = 1e-5f;

    @TempDir
    Path folder;

    /** All but those that take no small images and have 130 million parameters; vgg16-bn-cifar has the same operations. */
    static Stream<Arguments> zoo() {
        return Models.all().stream()
                .filter(entry -> !List.of("vgg11-bn", "vgg16-bn").contains(entry.name()))
                .map(entry -> Arguments.of(entry.name(), entry));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("zoo")
    void everyModelOfTheZooRunsInOnnxRuntime(String name, ModelEntry entry) throws IOException {
        Shape sample = entry.sample();
        // Large images only take time.
        for (int axis = 1; axis < sample.rank(); axis++) sample = sample.with(axis, Math.min(32, sample.dim(axis)));
        try (Model model = Model.of(entry.create(sample, Math.min(entry.classes(), 7)), sample, 1)) {
            scramble(model);
            compare(model, 3, OnnxExport.Options.DEFAULT, new OnnxExport.Options(3, true, Map.of()));
        }
    }

    static Stream<Arguments> layers() {
        return Stream.of(
                Arguments.of(
                        "asymmetric ceil max pool",
                        Layers.maxPool2d(3).stride(2).ceilMode(true),
                        Shape.of(2, 8, 6)),
                Arguments.of(
                        "average over padding, ceil",
                        Layers.avgPool2d(3).stride(2).padding(1).ceilMode(true),
                        Shape.of(2, 8, 6)),
                Arguments.of(
                        "transposed convolution",
                        Layers.convTranspose2d(3, 4, 3).stride(2).padding(1).outputPadding(1),
                        Shape.of(3, 5, 4)),
                Arguments.of(
                        "1d convolution", Layers.conv1d(3, 4, 3).dilation(2).padding(1), Shape.of(3, 9)),
                Arguments.of("3d convolution", Layers.conv3d(2, 4, 2).groups(2), Shape.of(2, 4, 5, 3)),
                Arguments.of("attention", Layers.multiHeadAttention(8, 2), Shape.of(5, 8)),
                Arguments.of("layer norm", Layers.layerNorm(4, 3), Shape.of(5, 4, 3)),
                Arguments.of("group norm", Layers.groupNorm(2, 4), Shape.of(4, 3, 5)),
                Arguments.of("instance norm", Layers.instanceNorm2d(4), Shape.of(4, 3, 5)),
                Arguments.of(
                        "image to tokens and a class token",
                        Layers.sequential(Layers.tokens(), Layers.classToken(), Layers.positionEmbedding()),
                        Shape.of(4, 2, 3)),
                Arguments.of(
                        "statistics of the batch", Layers.batchNorm2d(4).trackRunningStats(false), Shape.of(4, 3, 5)),
                Arguments.of("upsampled, nearest", Layers.upsampleNearest(2), Shape.of(3, 4, 5)),
                Arguments.of("upsampled, linear", Layers.upsampleLinear(3), Shape.of(3, 4, 5)),
                Arguments.of("adaptive average", Layers.adaptiveAvgPool(3, 2), Shape.of(3, 7, 5)),
                Arguments.of("zero padding", Layers.zeroPad2d(2), Shape.of(3, 4, 5)),
                Arguments.of("reflection", Layers.reflectionPad2d(2), Shape.of(3, 4, 5)),
                Arguments.of("replication", Layers.replicationPad1d(3), Shape.of(3, 4)),
                Arguments.of("constant padding", Layers.constantPad2d(1, 2.5), Shape.of(3, 4, 5)),
                Arguments.of("pixel shuffle", Layers.pixelShuffle(2), Shape.of(8, 4, 5)),
                Arguments.of("squeeze and excite", Layers.squeezeExcite(6, 2), Shape.of(6, 4, 5)),
                Arguments.of("PReLU", Layers.prelu(3), Shape.of(3, 4, 5)),
                Arguments.of("softmax", Layers.softmax(1), Shape.of(5, 3)),
                Arguments.of("log-softmax", Layers.logSoftmax(-1), Shape.of(5, 3)));
    }

    /** Of the sample and a parameter of one row, whose numbers are above zero. */
    @ParameterizedTest
    @EnumSource
    void functionsOfTwoNumbers(BinaryKind kind) throws IOException {
        Layer layer = (context, x) -> context.add(
                new Op.Binary(kind), x, context.parameter("weight", Shape.of(1, 1, 4), new Initializer.Constant(0.3f)));
        layers(kind.name(), layer, Shape.of(3, 4));
    }

    /** Of the square of the sample. */
    @ParameterizedTest
    @EnumSource
    void functionsOfOneNumber(UnaryKind kind) throws IOException {
        Layer layer = (context, x) -> context.add(
                new Op.Unary(kind, 0.5f, 0.75f),
                context.add(new Op.Add(false), context.add(new Op.Multiply(), x, x), tenth(context)));
        layers(kind.name(), layer, Shape.of(3, 4));
    }

    /** So that no logarithm is of a number near zero. */
    private static Value tenth(Context context) {
        return context.add(new Op.Fill(0.1f, Shape.of(1, 1, 1)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("layers")
    void layers(String name, Layer layer, Shape sample) throws IOException {
        try (Model model = Model.of(layer, sample, 1)) {
            scramble(model);
            compare(model, 3, OnnxExport.Options.DEFAULT);
        }
    }

    @ParameterizedTest
    @EnumSource(ActivationKind.class)
    void activations(ActivationKind kind) throws IOException {
        Layer layer = switch (kind) {
            case LEAKY_RELU -> Layers.leakyRelu(0.1);
            case ELU -> Layers.elu(0.7);
            default -> Layers.activation(kind);
        };
        try (Model model = Model.of(layer, Shape.of(6, 5), 1)) {
            compare(model, 3, OnnxExport.Options.DEFAULT);
        }
    }

    @Test
    void batchNormalizationIsKeptOrFolded() throws IOException {
        Layer layer = Layers.sequential(Layers.conv2d(3, 4, 3), Layers.batchNorm2d(4), Layers.relu());
        try (Model model = Model.of(layer, Shape.of(3, 6, 5), 1)) {
            scramble(model);
            assertEquals(List.of("Conv", "BatchNormalization", "Relu"), types(model, false));
            assertEquals(List.of("Conv", "Relu"), types(model, true));
        }
    }

    private List<String> types(Model model, boolean fold) throws IOException {
        Path file = folder.resolve("types.onnx");
        OnnxExport.write(file, model, new OnnxExport.Options(0, fold, Map.of()));
        ModelProto proto = ModelProto.parseFrom(Files.readAllBytes(file));
        assertEquals(
                "batch",
                proto.getGraph()
                        .getInput(0)
                        .getType()
                        .getTensorType()
                        .getShape()
                        .getDim(0)
                        .getDimParam());
        return proto.getGraph().getNodeList().stream().map(NodeProto::getOpType).toList();
    }

    @Test
    void largeParametersGetAFileOfTheirOwn() throws IOException {
        Layer layer = Layers.sequential(Layers.conv2d(3, 64, 7), Layers.conv2d(64, 5, 3));
        try (Model model = Model.of(layer, Shape.of(3, 12, 12), 1)) {
            Path file = folder.resolve("large.onnx");
            OnnxExport.write(file, model, OnnxExport.Options.DEFAULT, 1000);
            assertTrue(Files.size(folder.resolve("large.onnx.data")) > 40_000);
            assertTrue(Files.size(file) < 3000);
            compare(file, model, run(model, 2));
        }
    }

    @Test
    void whatHasNoFormInOnnxIsRefusedByItsLayer() {
        Layer half = (context, x) -> context.add(new Op.Slice(0, 0, x.shape().dim(0) / 2), x);
        Layer loss = (context, x) -> context.add(new Op.MeanSquaredError(), x, x);
        assertTrue(refusal(half).contains("for a given batch only"), refusal(half));
        assertTrue(refusal(loss).contains("MeanSquaredError"), refusal(loss));
        assertTrue(refusal(loss).contains("1:"), "names the layer: " + refusal(loss));
    }

    private String refusal(Layer layer) {
        try (Model model = Model.of(Layers.sequential(Layers.relu(), layer), Shape.of(3, 6), 1)) {
            Path file = folder.resolve("refused.onnx");
            ModelException e =
                    assertThrows(ModelException.class, () -> OnnxExport.write(file, model, OnnxExport.Options.DEFAULT));
            assertFalse(Files.exists(file));
            return e.getMessage();
        }
    }

    private void compare(Model model, int batch, OnnxExport.Options... options) throws IOException {
        OnnxRuntime.Values ours = run(model, batch);
        for (OnnxExport.Options o : options) {
            Path file = folder.resolve("model.onnx");
            OnnxExport.write(file, model, o);
            compare(file, model, ours);
        }
    }

    private static void compare(Path file, Model model, OnnxRuntime.Values ours) {
        Shape shape = model.sampleShape().prepend(ours.shape().dim(0));
        OnnxRuntime.Values theirs = OnnxRuntime.run(
                        file, Map.of(Model.INPUT, input(shape)), Map.of(Model.INPUT, shape.dims()))
                .get(Model.OUTPUT);
        assertEquals(ours.shape(), theirs.shape());
        Closeness.check(ours.values(), theirs.values(), TOLERANCE);
    }

    private static float[] input(Shape shape) {
        SplittableRandom random = new SplittableRandom(5);
        float[] x = new float[(int) shape.elements()];
        for (int i = 0; i < x.length; i++) x[i] = (float) random.nextGaussian();
        return x;
    }

    static OnnxRuntime.Values run(Model model, int batch) {
        Graph graph = Model.graph(model.network(), model.sampleShape(), Mode.EVALUATION, batch);
        try (Plan plan = Backends.named("onednn").compile(graph, PlanOptions.threads(1))) {
            for (int i = 0; i < graph.parameters().size(); i++) {
                Tensor p =
                        model.parameters().get(plan.graph().parameters().get(i).name());
                plan.pack(i, p.segment(), plan.weights());
            }
            for (Value b : graph.buffers())
                plan.buffer(b.name()).copyFrom(model.parameters().get(b.name()));
            plan.input(Model.INPUT).copyFrom(input(graph.input(Model.INPUT).shape()));
            plan.run(0);
            return OnnxRuntime.Values.of(plan.output(Model.OUTPUT));
        }
    }

    /** ONNX weighs the old value in a running average. */
    @Test
    void momentumInOnnxSense() throws IOException {
        Layer layer = Layers.sequential(
                Layers.batchNorm1d(4).momentum(0.2), Layers.batchNorm1d(4).cumulative(), Layers.batchNorm1d(4));
        try (Model model = Model.of(layer, Shape.of(4), 1)) {
            Path file = folder.resolve("momentum.onnx");
            OnnxExport.write(file, model, OnnxExport.Options.DEFAULT);
            List<String> momenta = new ArrayList<>();
            for (NodeProto node :
                    ModelProto.parseFrom(Files.readAllBytes(file)).getGraph().getNodeList()) {
                momenta.add(node.getAttributeList().stream()
                        .filter(a -> a.getName().equals("momentum"))
                        .map(a -> Float.toString(a.getF()))
                        .findFirst()
                        .orElse("none"));
            }
            assertEquals(List.of("0.8", "none", "0.9"), momenta);
            try (OnnxNetwork network = OnnxNetwork.open(file)) {
                List<Float> back = Model.graph(network, Shape.of(4), Mode.TRAINING, 2).statistics().stream()
                        .map(Graph.Statistic::momentum)
                        .toList();
                assertEquals(List.of(0.2f, 0.1f, 0.1f), back, "what has none gets ONNX's default");
            }
        }
    }

    /** Statistics, scales and shifts as training leaves them: none is 0 or 1. */
    private static void scramble(Model model) {
        SplittableRandom random = new SplittableRandom(3);
        for (ParameterSpec spec : model.parameters().specs()) {
            Tensor t = model.parameters().get(spec.name());
            if (!spec.dataType().isFloat() || spec.shape().rank() != 1) continue;
            boolean positive =
                    spec.name().endsWith("running_var") || spec.name().endsWith("weight");
            for (long i = 0; i < t.elements(); i++) {
                t.setFloatAt(i, (float) (positive ? 0.5 + random.nextDouble() : random.nextDouble() - 0.5));
            }
        }
        model.parameters().touch();
    }
}
