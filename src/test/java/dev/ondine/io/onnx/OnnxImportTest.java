package dev.ondine.io.onnx;

import static dev.ondine.io.onnx.TinyModel.ints;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Each operator that is read, in its forms and versions, against ONNX Runtime. */
class OnnxImportTest {
    /** Of the largest output: float32 in another order of summation, and approximations of exp and erf on either side. */
    private static final float TOLERANCE = 1e-5f;

    @TempDir
    Path folder;

    private static Arguments of(String name, TinyModel model) {
        return Arguments.of(name, model);
    }

    private static TinyModel x(int opset, long... dims) {
        return new TinyModel(opset).input("x", dims);
    }

    static Stream<Arguments> windows() {
        return Stream.of(
                of(
                        "Conv",
                        x(11, 2, 4, 7, 6).weight("w", 6, 4, 3, 3).weight("b", 6).node("Conv", "x w b -> y")),
                of(
                        "Conv, everything uneven",
                        x(11, 2, 4, 9, 8)
                                .weight("w", 6, 2, 3, 2)
                                .node(
                                        "Conv",
                                        "x w -> y",
                                        "group",
                                        2,
                                        "pads",
                                        ints(1, 0, 2, 1),
                                        "strides",
                                        ints(2, 1),
                                        "dilations",
                                        ints(1, 3))),
                of(
                        "Conv 1d",
                        x(6, 2, 3, 9)
                                .weight("w", 4, 3, 3)
                                .node("Conv", "x w -> y", "auto_pad", "SAME_UPPER", "strides", ints(2))),
                of(
                        "Conv 3d",
                        x(11, 1, 2, 4, 5, 3)
                                .weight("w", 4, 2, 2, 3, 2)
                                .node("Conv", "x w -> y", "auto_pad", "SAME_LOWER")),
                of(
                        "Conv VALID",
                        x(11, 1, 2, 5, 5).weight("w", 4, 2, 2, 2).node("Conv", "x w -> y", "auto_pad", "VALID")),
                of(
                        "Conv depthwise",
                        x(11, 2, 6, 5, 5)
                                .weight("w", 6, 1, 3, 3)
                                .node("Conv", "x w -> y", "group", 6, "pads", ints(1, 1, 1, 1))),
                of(
                        "ConvTranspose",
                        x(11, 2, 4, 5, 4)
                                .weight("w", 4, 3, 3, 3)
                                .weight("b", 6)
                                .node(
                                        "ConvTranspose",
                                        "x w b -> y",
                                        "group",
                                        2,
                                        "strides",
                                        ints(2, 2),
                                        "pads",
                                        ints(1, 0, 0, 1),
                                        "output_padding",
                                        ints(1, 0))),
                of(
                        "ConvTranspose output_shape",
                        x(11, 1, 2, 4, 4)
                                .weight("w", 2, 3, 3, 3)
                                .node("ConvTranspose", "x w -> y", "strides", ints(2, 2), "output_shape", ints(8, 8))),
                of(
                        "ConvTranspose 1d SAME",
                        x(11, 1, 2, 5)
                                .weight("w", 2, 3, 3)
                                .node("ConvTranspose", "x w -> y", "strides", ints(2), "auto_pad", "SAME_UPPER")),
                of(
                        "MaxPool",
                        x(8, 2, 3, 8, 7)
                                .node(
                                        "MaxPool",
                                        "x -> y",
                                        "kernel_shape",
                                        ints(3, 2),
                                        "strides",
                                        ints(2, 2),
                                        "pads",
                                        ints(1, 0, 1, 1))),
                of(
                        "MaxPool ceil",
                        x(12, 2, 3, 8, 8)
                                .node(
                                        "MaxPool",
                                        "x -> y",
                                        "kernel_shape",
                                        ints(3, 3),
                                        "strides",
                                        ints(2, 2),
                                        "ceil_mode",
                                        1)),
                of(
                        "MaxPool 1d SAME",
                        x(12, 2, 3, 9)
                                .node(
                                        "MaxPool",
                                        "x -> y",
                                        "kernel_shape",
                                        ints(4),
                                        "strides",
                                        ints(2),
                                        "auto_pad",
                                        "SAME_LOWER")),
                of("MaxPool 3d", x(12, 1, 2, 4, 5, 6).node("MaxPool", "x -> y", "kernel_shape", ints(2, 2, 2))),
                of(
                        "AveragePool",
                        x(11, 2, 3, 8, 7)
                                .node(
                                        "AveragePool",
                                        "x -> y",
                                        "kernel_shape",
                                        ints(3, 3),
                                        "strides",
                                        ints(2, 2),
                                        "pads",
                                        ints(1, 1, 1, 1))),
                of(
                        "AveragePool with padding",
                        x(11, 2, 3, 8, 7)
                                .node(
                                        "AveragePool",
                                        "x -> y",
                                        "kernel_shape",
                                        ints(3, 3),
                                        "pads",
                                        ints(1, 0, 1, 2),
                                        "count_include_pad",
                                        1)),
                of(
                        "AveragePool ceil",
                        x(19, 2, 3, 8, 8)
                                .node(
                                        "AveragePool",
                                        "x -> y",
                                        "kernel_shape",
                                        ints(3, 3),
                                        "strides",
                                        ints(2, 2),
                                        "ceil_mode",
                                        1)),
                of("GlobalAveragePool", x(11, 2, 3, 8, 7).node("GlobalAveragePool", "x -> y")),
                of("GlobalMaxPool 1d", x(11, 2, 3, 8).node("GlobalMaxPool", "x -> y")));
    }

    static Stream<Arguments> normalizations() {
        return Stream.of(
                of(
                        "BatchNormalization",
                        x(9, 2, 4, 3, 5)
                                .weight("s", 4)
                                .weight("b", 4)
                                .weight("m", 4)
                                .positive()
                                .weight("v", 4)
                                .node("BatchNormalization", "x s b m v -> y", "epsilon", 1e-3f)),
                of(
                        "BatchNormalization after Conv",
                        x(15, 2, 3, 6, 5)
                                .weight("w", 4, 3, 3, 3)
                                .weight("s", 4)
                                .weight("b", 4)
                                .weight("m", 4)
                                .positive()
                                .weight("v", 4)
                                .node("Conv", "x w -> c")
                                .node("BatchNormalization", "c s b m v -> n")
                                .node("Relu", "n -> y")),
                of(
                        "BatchNormalization of features",
                        x(7, 5, 4)
                                .weight("s", 4)
                                .weight("b", 4)
                                .weight("m", 4)
                                .positive()
                                .weight("v", 4)
                                .node("BatchNormalization", "x s b m v -> y")),
                of(
                        "InstanceNormalization",
                        x(6, 2, 4, 3, 5).weight("s", 4).weight("b", 4).node("InstanceNormalization", "x s b -> y")),
                of(
                        "GroupNormalization",
                        x(21, 2, 4, 3, 5)
                                .weight("s", 4)
                                .weight("b", 4)
                                .node("GroupNormalization", "x s b -> y", "num_groups", 2)),
                of(
                        "LayerNormalization",
                        x(17, 2, 4, 6).weight("s", 6).weight("b", 6).node("LayerNormalization", "x s b -> y")),
                of(
                        "LayerNormalization over two axes, no shift",
                        x(17, 2, 4, 6).weight("s", 4, 6).node("LayerNormalization", "x s -> y", "axis", 1)),
                of("LRN", x(6, 2, 7, 3, 3).node("LRN", "x -> y", "size", 3, "alpha", 0.5f, "beta", 0.6f, "bias", 1.5f)),
                of("Softmax", x(13, 2, 4, 3).node("Softmax", "x -> y", "axis", 1)),
                of("Softmax of old", x(6, 2, 4, 3).node("Softmax", "x -> y")),
                of("LogSoftmax", x(13, 2, 4, 3).node("LogSoftmax", "x -> y")));
    }

    static Stream<Arguments> functions() {
        Stream<Arguments> plain = Stream.of(
                        "Relu",
                        "LeakyRelu",
                        "Elu",
                        "Selu",
                        "Sigmoid",
                        "Tanh",
                        "Softplus",
                        "Softsign",
                        "Gelu",
                        "HardSigmoid",
                        "HardSwish",
                        "Mish",
                        "Abs",
                        "Neg",
                        "Exp",
                        "Erf")
                .map(type -> of(type, x(20, 2, 3, 5).node(type, "x -> y")));
        Stream<Arguments> positive = Stream.of("Sqrt", "Log", "Reciprocal")
                .map(type -> of(type, x(13, 2, 3, 5).positive().node(type, "x -> y")));
        Stream<Arguments> two = Stream.of("Add", "Sub", "Mul", "Div", "Min", "Max")
                .flatMap(type -> Stream.of(
                        of(
                                type,
                                new TinyModel(13)
                                        .positive()
                                        .input("a", 2, 3, 4)
                                        .input("b", 2, 3, 4)
                                        .node(type, "a b -> y")),
                        of(
                                type + ", both broadcast",
                                new TinyModel(13)
                                        .positive()
                                        .input("a", 3, 1)
                                        .input("b", 2, 1, 4)
                                        .node(type, "a b -> y")),
                        of(
                                type + ", a constant first",
                                x(13, 2, 3, 4).positive().weight("c", 3, 1).node(type, "c x -> y"))));
        Stream<Arguments> more = Stream.of(
                of("Gelu tanh", x(20, 2, 5).node("Gelu", "x -> y", "approximate", "tanh")),
                of("HardSigmoid of PyTorch", x(13, 2, 9).node("HardSigmoid", "x -> y", "alpha", 1 / 6f)),
                of("Clip of old", x(6, 2, 9).node("Clip", "x -> y", "min", -0.5f, "max", 0.25f)),
                of(
                        "Clip to 6",
                        x(13, 2, 9)
                                .floats("l", new float[] {0})
                                .floats("h", new float[] {6})
                                .node("Clip", "x l h -> y")),
                of("Clip above", x(13, 2, 9).floats("h", new float[] {0.3f}).node("Clip", "x - h -> y")),
                of("PRelu by channel", x(9, 2, 3, 4, 5).weight("s", 3, 1, 1).node("PRelu", "x s -> y")),
                of("PRelu of one", x(9, 2, 3, 4).weight("s", 1).node("PRelu", "x s -> y")),
                of("Pow", x(13, 2, 7).floats("e", new float[] {2}).node("Pow", "x e -> y")),
                of(
                        "Sum of three",
                        new TinyModel(13)
                                .input("a", 2, 3)
                                .input("b", 2, 3)
                                .input("c", 3)
                                .node("Sum", "a b c -> y")),
                of("ReduceMean", x(13, 2, 3, 4, 5).node("ReduceMean", "x -> y", "axes", ints(2, -1), "keepdims", 0)),
                of("ReduceMean of 18", x(18, 2, 3, 4).longs("a", 1).node("ReduceMean", "x a -> y")),
                of("ReduceSum of all", x(11, 2, 3, 4).node("ReduceSum", "x -> y")),
                of("ReduceSum of 13", x(13, 2, 3, 4).longs("a", 0, 2).node("ReduceSum", "x a -> y")),
                of("Gemm", x(11, 3, 4).weight("w", 4, 5).weight("b", 5).node("Gemm", "x w b -> y")),
                of(
                        "Gemm transposed",
                        x(11, 3, 4).weight("w", 5, 4).weight("b", 1, 5).node("Gemm", "x w b -> y", "transB", 1)),
                of(
                        "Gemm, scaled",
                        x(11, 4, 3)
                                .weight("w", 4, 5)
                                .weight("b", 3, 1)
                                .node("Gemm", "x w b -> y", "transA", 1, "alpha", 0.5f, "beta", 2f)),
                of("MatMul by a weight", x(13, 2, 3, 4).weight("w", 4, 5).node("MatMul", "x w -> y")),
                of(
                        "MatMul, broadcast",
                        new TinyModel(13)
                                .input("a", 2, 1, 3, 4)
                                .input("b", 5, 4, 2)
                                .node("MatMul", "a b -> y")),
                of(
                        "MatMul by a vector",
                        new TinyModel(13).input("a", 2, 3, 4).input("b", 4).node("MatMul", "a b -> y")));
        return Stream.of(plain, positive, two, more).flatMap(s -> s);
    }

    static Stream<Arguments> structure() {
        return Stream.of(
                of(
                        "Concat",
                        new TinyModel(11).input("a", 2, 3).input("b", 2, 1).node("Concat", "a b -> y", "axis", -1)),
                of("Split", x(11, 2, 5, 3).node("Split", "x -> a y", "axis", 1, "split", ints(2, 3))),
                of("Split of 13", x(13, 2, 5, 3).longs("s", 1, 4).node("Split", "x s -> a y", "axis", 1)),
                of("Split of 18", x(18, 2, 5, 3).node("Split", "x -> a b y", "axis", 1, "num_outputs", 3)),
                of(
                        "Slice of old",
                        x(6, 4, 5, 6)
                                .node(
                                        "Slice",
                                        "x -> y",
                                        "starts",
                                        ints(1, -3),
                                        "ends",
                                        ints(3, 1000),
                                        "axes",
                                        ints(0, 2))),
                of(
                        "Slice with steps",
                        x(13, 4, 7, 6)
                                .longs("s", -1, 1)
                                .longs("e", -100, 6)
                                .longs("a", 1, 2)
                                .longs("p", -2, 2)
                                .node("Slice", "x s e a p -> y")),
                of("Flatten", x(11, 2, 3, 4).node("Flatten", "x -> y", "axis", 2)),
                of("Reshape", x(6, 2, 3, 4).longs("s", 0, -1).node("Reshape", "x s -> y")),
                of(
                        "Squeeze and Unsqueeze of old",
                        x(11, 2, 1, 4)
                                .node("Squeeze", "x -> s", "axes", ints(1))
                                .node("Unsqueeze", "s -> y", "axes", ints(0, 3))),
                of(
                        "Squeeze and Unsqueeze of 13",
                        x(13, 2, 1, 4)
                                .longs("a", 1)
                                .longs("b", -1)
                                .node("Squeeze", "x a -> s")
                                .node("Unsqueeze", "s b -> y")),
                of("Transpose", x(11, 2, 3, 4).node("Transpose", "x -> y", "perm", ints(1, 2, 0))),
                of("Transpose without order", x(11, 2, 3, 4).node("Transpose", "x -> y")),
                of("Pad", x(6, 2, 3, 4, 5).node("Pad", "x -> y", "pads", ints(0, 0, 1, 2, 0, 0, 0, 1), "value", 1.5f)),
                of(
                        "Pad with zeros",
                        x(13, 2, 3, 4, 5).longs("p", 0, 1, 1, 2, 0, 0, 0, 1).node("Pad", "x p -> y")),
                of(
                        "Pad reflect",
                        x(13, 2, 3, 4, 5)
                                .longs("p", 0, 0, 1, 2, 0, 0, 3, 1)
                                .node("Pad", "x p -> y", "mode", "reflect")),
                of(
                        "Pad edge, some axes",
                        x(18, 2, 3, 4).longs("p", 2, 1).longs("a", -1).node("Pad", "x p - a -> y", "mode", "edge")),
                of(
                        "Pad that cuts off",
                        x(13, 2, 3, 6).longs("p", 0, 0, -1, 0, 0, 2).node("Pad", "x p -> y")),
                of(
                        "Dropout",
                        x(9, 2, 3).node("Dropout", "x -> d", "ratio", 0.4f).node("Relu", "d -> y")),
                of("Identity and Cast", x(13, 2, 3).node("Identity", "x -> i").node("Cast", "i -> y", "to", 1)),
                of("Expand", x(13, 2, 1, 3).longs("s", 4, 1).node("Expand", "x s -> y")),
                of("DepthToSpace", x(11, 2, 8, 3, 2).node("DepthToSpace", "x -> y", "blocksize", 2)),
                of(
                        "DepthToSpace by columns",
                        x(11, 2, 8, 3, 2).node("DepthToSpace", "x -> y", "blocksize", 2, "mode", "CRD")),
                of("Gather one", x(13, 2, 5, 3).scalar("i", -2).node("Gather", "x i -> y", "axis", 1)),
                of("Gather several", x(13, 2, 5, 3).longs("i", 4, 0, 0, -1).node("Gather", "x i -> y", "axis", 1)),
                of(
                        "PyTorch's flatten: Shape, Gather, Unsqueeze, Concat, Reshape",
                        x(11, 2, 3, 4, 5)
                                .scalar("zero", 0)
                                .longs("rest", -1)
                                .node("Shape", "x -> s")
                                .node("Gather", "s zero -> n", "axis", 0)
                                .node("Unsqueeze", "n -> n1", "axes", ints(0))
                                .node("Concat", "n1 rest -> t", "axis", 0)
                                .node("Reshape", "x t -> y")),
                of(
                        "a shape computed: Slice, Cast, Mul, ConstantOfShape",
                        x(13, 2, 3, 4)
                                .longs("from", 1)
                                .longs("to", 3)
                                .longs("two", 2)
                                .node("Shape", "x -> s")
                                .node("Slice", "s from to -> hw")
                                .node("Cast", "hw -> f", "to", 1)
                                .node("Cast", "f -> back", "to", 7)
                                .node("ConstantOfShape", "back -> ones", "value", org1())
                                .node("Add", "x ones -> y")));
    }

    private static dev.ondine.io.onnx.proto.TensorProto org1() {
        return dev.ondine.io.onnx.proto.TensorProto.newBuilder()
                .setDataType(1)
                .addDims(1)
                .addFloatData(1.25f)
                .build();
    }

    static Stream<Arguments> resizing() {
        Stream<Arguments> modes = Stream.of("nearest", "linear", "cubic")
                .flatMap(mode -> Stream.of("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
                        .map(place -> of(
                                mode + " " + place,
                                x(13, 1, 2, 5, 4)
                                        .longs("s", 1, 2, 8, 7)
                                        .node(
                                                "Resize",
                                                "x - - s -> y",
                                                "mode",
                                                mode,
                                                "coordinate_transformation_mode",
                                                place))));
        return Stream.concat(
                modes,
                Stream.of(
                        of(
                                "Upsample of 9",
                                x(9, 1, 2, 3, 4)
                                        .floats("s", new float[] {1, 1, 2, 3}, 4)
                                        .node("Upsample", "x s -> y")),
                        of(
                                "Upsample of 7, linear",
                                x(7, 1, 2, 3, 4)
                                        .node(
                                                "Upsample",
                                                "x -> y",
                                                "mode",
                                                "linear",
                                                "scales",
                                                List.of(1f, 1f, 2f, 2f))),
                        of(
                                "Resize of 10",
                                x(10, 1, 2, 3, 4)
                                        .floats("s", new float[] {1, 1, 2, 2}, 4)
                                        .node("Resize", "x s -> y")),
                        of(
                                "Resize by scales, down",
                                x(13, 1, 2, 7, 9)
                                        .floats("r", new float[0], 0)
                                        .floats("s", new float[] {1, 1, 0.6f, 0.5f}, 4)
                                        .node(
                                                "Resize",
                                                "x r s -> y",
                                                "mode",
                                                "linear",
                                                "coordinate_transformation_mode",
                                                "pytorch_half_pixel")),
                        of(
                                "Resize of some axes",
                                x(18, 1, 2, 3, 4)
                                        .longs("s", 6, 6)
                                        .node(
                                                "Resize",
                                                "x - - s -> y",
                                                "mode",
                                                "nearest",
                                                "axes",
                                                ints(2, 3),
                                                "nearest_mode",
                                                "floor",
                                                "coordinate_transformation_mode",
                                                "asymmetric"))));
    }

    /** Broadcasting before version 7, which ONNX Runtime does not know any more. */
    @Test
    void additionAtAnAxis() throws IOException {
        TinyModel old = x(6, 2, 3, 4, 5).weight("b", 3).node("Add", "x b -> y", "broadcast", 1, "axis", 1);
        Map<String, Object> data = old.data();
        OnnxRuntime.Values actual =
                old.run(old.write(folder), "reference", data).get("y");
        TinyModel same = x(13, 2, 3, 4, 5).weight("b", 3, 1, 1).node("Add", "x b -> y");
        OnnxRuntime.Values expected =
                OnnxRuntime.run(same.write(folder), data, same.dims()).get("y");
        assertEquals(expected.shape(), actual.shape());
        Closeness.check(expected.values(), actual.values(), TOLERANCE);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource({"windows", "normalizations", "functions", "structure", "resizing"})
    void bothBackendsComputeWhatOnnxRuntimeDoes(String name, TinyModel model) throws IOException {
        Path file = model.write(folder);
        Map<String, Object> data = model.data();
        OnnxRuntime.Values expected = OnnxRuntime.run(file, data, model.dims()).get("y");
        for (String backend : List.of("reference", "onednn")) {
            OnnxRuntime.Values actual = model.run(file, backend, data).get("y");
            assertEquals(expected.shape(), actual.shape(), backend);
            Closeness.check(expected.values(), actual.values(), TOLERANCE);
        }
    }
}
