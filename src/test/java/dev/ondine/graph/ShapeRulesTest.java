package dev.ondine.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ShapeRulesTest {
    private static TensorType f32(long... dims) {
        return TensorType.float32(Shape.of(dims));
    }

    private static TensorType s32(long... dims) {
        return new TensorType(DataType.INT32, Shape.of(dims));
    }

    private static Op.Convolution convolution(int stride, int padding, int dilation, int groups, boolean bias) {
        List<Integer> p = List.of(padding, padding);
        return new Op.Convolution(List.of(stride, stride), p, p, List.of(dilation, dilation), groups, bias);
    }

    private static Op.TransposedConvolution transposed(
            int stride, int padding, int outputPadding, int groups, boolean bias) {
        List<Integer> p = List.of(padding, padding);
        List<Integer> more = List.of(outputPadding, outputPadding);
        return new Op.TransposedConvolution(List.of(stride, stride), p, p, more, List.of(1, 1), groups, bias);
    }

    private static Op.Pooling max(int kernel, int stride, int padding, boolean ceil) {
        List<Integer> p = List.of(padding, padding);
        return new Op.Pooling(
                Op.PoolingKind.MAX, Collections.nCopies(2, kernel), Collections.nCopies(2, stride), p, p, ceil);
    }

    private static final Op.BatchNormalization NORM = new Op.BatchNormalization(1e-5f, true, true, true, false);

    /** Operation, what the message must say besides the path, operands. */
    static List<Arguments> wrong() {
        return List.of(
                error(convolution(1, 0, 1, 1, false), "expects 4 input channels", f32(1, 3, 8, 8), f32(5, 4, 3, 3)),
                error(convolution(1, 0, 1, 2, false), "groups = 2", f32(1, 3, 8, 8), f32(4, 1, 3, 3)),
                error(convolution(1, 0, 1, 0, false), "groups = 0", f32(1, 3, 8, 8), f32(4, 3, 3, 3)),
                error(convolution(0, 0, 1, 1, false), "stride [0, 0]", f32(1, 3, 8, 8), f32(4, 3, 3, 3)),
                error(convolution(1, -1, 1, 1, false), "padding [-1, -1]", f32(1, 3, 8, 8), f32(4, 3, 3, 3)),
                error(convolution(1, 0, 4, 1, false), "larger than the padded input", f32(1, 3, 8, 8), f32(4, 3, 3, 3)),
                error(convolution(1, 0, 1, 1, false), "1 to 3 spatial axes", f32(1, 3), f32(4, 3)),
                error(convolution(1, 0, 1, 1, false), "for 1 spatial axes", f32(1, 3, 8), f32(4, 3, 3)),
                error(convolution(1, 0, 1, 1, true), "bias of shape (3)", f32(1, 3, 8, 8), f32(4, 3, 3, 3), f32(3)),
                error(transposed(1, 0, 0, 1, false), "expects 4 input channels", f32(1, 3, 8, 8), f32(4, 5, 3, 3)),
                error(transposed(1, 0, 0, 2, false), "groups = 2", f32(1, 3, 8, 8), f32(3, 4, 3, 3)),
                error(transposed(0, 0, 0, 1, false), "stride [0, 0]", f32(1, 3, 8, 8), f32(3, 4, 3, 3)),
                error(transposed(1, -1, 0, 1, false), "padding [-1, -1]", f32(1, 3, 8, 8), f32(3, 4, 3, 3)),
                error(transposed(2, 0, -1, 1, false), "outputPadding [-1, -1]", f32(1, 3, 8, 8), f32(3, 4, 3, 3)),
                error(transposed(2, 1, 3, 1, false), "less than stride + padding", f32(1, 3, 8, 8), f32(3, 4, 3, 3)),
                error(transposed(1, 2, 0, 1, false), "padding cuts off all", f32(1, 3, 2, 2), f32(3, 4, 3, 3)),
                error(transposed(1, 0, 0, 1, false), "1 to 3 spatial axes", f32(1, 3), f32(3, 4)),
                error(transposed(1, 0, 0, 2, true), "bias of shape (3)", f32(1, 2, 8, 8), f32(2, 3, 3, 3), f32(3)),
                error(new Op.Linear(false), "put a Flatten before it", f32(2, 3, 4, 4), f32(10, 48)),
                error(new Op.Linear(false), "expects 48 features", f32(2, 50), f32(10, 48)),
                error(new Op.Linear(true), "bias", f32(2, 48), f32(10, 48), f32(9)),
                error(NORM, "more than one value per channel", f32(1, 3, 1, 1), f32(3), f32(3)),
                error(NORM, "channels", f32(2, 3, 2, 2), f32(4), f32(3)),
                error(new Op.BatchNormalization(0, true, false, false, false), "epsilon", f32(2, 3)),
                error(new Op.BatchNormalization(Float.NaN, true, false, false, false), "epsilon", f32(2, 3)),
                error(NORM, "three spatial axes", f32(2), f32(2), f32(2)),
                error(max(3, 1, 0, false), "larger than the padded input", f32(1, 1, 2, 5)),
                error(max(2, 1, 2, false), "padding must be smaller than the kernel", f32(1, 1, 5, 5)),
                error(max(0, 1, 0, false), "kernel [0, 0]", f32(1, 1, 5, 5)),
                error(new Op.Add(false), "cannot be broadcast", f32(2, 3), f32(2, 4)),
                error(new Op.Add(false), "cannot be broadcast", f32(2, 1), f32(2, 4)),
                error(new Op.Multiply(), "ranks equal", f32(2, 3), f32(3)),
                error(new Op.Concat(1), "cannot join", f32(2, 3, 4), f32(2, 3, 5)),
                error(new Op.Concat(3), "axis 3 does not exist", f32(2, 3), f32(2, 3)),
                error(new Op.Slice(1, 2, 2), "outside axis 1", f32(2, 3)),
                error(new Op.Slice(1, -1, 2), "outside axis 1", f32(2, 3)),
                error(new Op.Slice(1, 1, Long.MAX_VALUE), "outside axis 1", f32(2, 3)),
                error(new Op.Reshape(Shape.of(5)), "6 elements", f32(2, 3)),
                error(new Op.MatMul(false, false, 1), "each row of the first has 3", f32(2, 3), f32(2, 3)),
                error(new Op.MatMul(true, false, 1), "transposed", f32(2, 3), f32(3, 3)),
                error(new Op.MatMul(false, true, 1), "of one rank, 2 at least", f32(2, 3), f32(1, 2, 3)),
                error(new Op.MatMul(false, true, 1), "of one rank, 2 at least", f32(3), f32(3)),
                error(new Op.MatMul(false, true, 1), "axis 0", f32(2, 2, 3), f32(3, 2, 3)),
                error(new Op.MatMul(false, true, Float.NaN), "scale", f32(2, 3), f32(2, 3)),
                error(new Op.Transpose(List.of(0, 2)), "must name each of 0 to 1 once", f32(2, 3)),
                error(new Op.Transpose(List.of(1, 1)), "must name each of 0 to 1 once", f32(2, 3)),
                error(new Op.Transpose(List.of(0)), "must name each of 0 to 1 once", f32(2, 3)),
                error(new Op.Resampling(Op.ResamplingKind.NEAREST, List.of(5L)), "multiple", f32(2, 3, 4)),
                error(new Op.Resampling(Op.ResamplingKind.LINEAR, List.of(5L)), "for 2 spatial", f32(2, 3, 4, 4)),
                error(new Op.Resampling(Op.ResamplingKind.LINEAR, List.of(5L)), "1 to 3 spatial", f32(2, 3)),
                error(new Op.AlongAxis(1, AxisMatrix.averages(4, 2)), "multiplies 4 elements", f32(2, 3)),
                error(new Op.AlongAxis(2, AxisMatrix.averages(4, 2)), "axis 2 does not exist", f32(2, 3)),
                error(new Op.PRelu(), "slope of shape (1, 4)", f32(2, 3), f32(1, 4)),
                error(new Op.Binary(BinaryKind.DIVIDE), "cannot be broadcast", f32(2, 3), f32(2, 4)),
                error(new Op.Unary(UnaryKind.CLIP, 1, 0), "wrong way round", f32(2, 3)),
                error(new Op.Expand(Shape.of(2, 4)), "cannot be broadcast", f32(2, 3)),
                error(new Op.ReduceSum(Shape.of(2)), "cannot be broadcast", f32(2, 3)),
                error(new Op.Softmax(2, false), "axis 2 does not exist", f32(2, 3)),
                error(new Op.CrossEntropy(0, -100), "class indices", f32(2, 3), f32(2)),
                error(new Op.CrossEntropy(0, -100), "target of shape (3)", f32(2, 3), s32(3)),
                error(new Op.CrossEntropy(1.5f, -100), "[0, 1]", f32(2, 3), s32(2)),
                error(new Op.CrossEntropy(0, -100), "(batch, classes", f32(2), s32(2)),
                error(new Op.MeanSquaredError(), "target of shape (3, 2)", f32(2, 3), f32(3, 2)),
                error(new Op.SoftCrossEntropy(0), "target of shape (2)", f32(2, 3), f32(2)),
                error(new Op.SoftCrossEntropy(0), "not of a floating-point type", f32(2, 3), s32(2, 3)),
                error(new Op.SoftCrossEntropy(-1), "[0, 1]", f32(2, 3), f32(2, 3)),
                error(new Op.SoftCrossEntropy(0), "(batch, classes", f32(2), f32(2)),
                error(new Op.SmoothL1(-1), "beta", f32(2, 3), f32(2, 3)),
                error(new Op.BinaryCrossEntropy(List.of(1f, 2f)), "2 positive weights", f32(2, 3), f32(2, 3)),
                error(new Op.BinaryCrossEntropy(List.of(-2f)), "0 or more", f32(2, 3), f32(2, 3)),
                error(new Op.KlDivergence(true), "not a scalar", f32(), f32()));
    }

    private static Arguments error(Op op, String says, TensorType... operands) {
        return Arguments.of(op, says, List.of(operands));
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void errorsNameTheLayerAndTheReason(Op op, String says, List<TensorType> operands) {
        GraphBuilder builder = new GraphBuilder();
        List<Value> values = operands.stream()
                .map(t -> builder.input("in" + operands.indexOf(t) + t, t.dataType(), t.shape()))
                .toList();
        builder.enter("layer1");
        builder.enter("0");
        builder.enter("conv1");
        var error = assertThrows(ModelException.class, () -> builder.addAll(op, values));
        assertTrue(error.getMessage().startsWith("layer1.0.conv1: "), error.getMessage());
        assertTrue(error.getMessage().contains(says), error.getMessage());
    }

    @Test
    void results() {
        assertEquals(
                List.of(f32(2, 6, 4, 4)),
                ShapeRules.infer(convolution(2, 1, 1, 1, false), List.of(f32(2, 3, 8, 7), f32(6, 3, 3, 3))));
        assertEquals(
                List.of(f32(2, 6, 4, 4)),
                ShapeRules.infer(convolution(1, 0, 2, 3, false), List.of(f32(2, 3, 8, 8), f32(6, 1, 3, 3))));
        assertEquals(
                List.of(f32(2, 6, 16, 14)),
                ShapeRules.infer(transposed(2, 1, 0, 1, true), List.of(f32(2, 3, 8, 7), f32(3, 6, 4, 4), f32(6))));
        assertEquals(
                List.of(f32(2, 12, 16, 14)),
                ShapeRules.infer(transposed(2, 1, 1, 3, false), List.of(f32(2, 3, 8, 7), f32(3, 4, 3, 3))));
        assertEquals(List.of(f32(2, 10)), ShapeRules.infer(new Op.Linear(false), List.of(f32(2, 48), f32(10, 48))));
        assertEquals(
                List.of(f32(2, 3, 5), f32(3), f32(3)), ShapeRules.infer(NORM, List.of(f32(2, 3, 5), f32(3), f32(3))));
        TensorType four = f32(1, 1, 4, 4);
        assertEquals(List.of(four, four), ShapeRules.infer(max(2, 2, 0, true), List.of(f32(1, 1, 7, 8))));
        assertEquals(
                List.of(f32(1, 1, 3, 4), f32(1, 1, 3, 4)),
                ShapeRules.infer(max(2, 2, 0, false), List.of(f32(1, 1, 7, 8))));
        // The last window would start in the padding behind the input: it does not count.
        assertEquals(
                List.of(f32(1, 1, 2, 2), f32(1, 1, 2, 2)),
                ShapeRules.infer(max(2, 3, 1, true), List.of(f32(1, 1, 5, 5))));
        assertEquals(
                List.of(f32(2, 6, 4)), ShapeRules.infer(new Op.Concat(1), Arrays.asList(f32(2, 1, 4), f32(2, 5, 4))));
        assertEquals(List.of(f32()), ShapeRules.infer(new Op.CrossEntropy(0, 0), List.of(f32(2, 3, 4), s32(2, 4))));
    }

    @Test
    void oneNameIsOneParameterOfOneShape() {
        GraphBuilder builder = new GraphBuilder();
        Value first = builder.parameter("tied.weight", Shape.of(2, 3));
        assertEquals(first, builder.parameter("tied.weight", Shape.of(2, 3)));
        builder.enter("head");
        var error = assertThrows(ModelException.class, () -> builder.parameter("tied.weight", Shape.of(3, 2)));
        assertTrue(error.getMessage().startsWith("head: "), error.getMessage());
        assertTrue(error.getMessage().contains("tied.weight"), error.getMessage());
    }
}
