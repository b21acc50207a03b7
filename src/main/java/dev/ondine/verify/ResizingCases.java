package dev.ondine.verify;

import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** Space resized and padded, averages over windows of several sizes, and ReLU with learned slopes. */
final class ResizingCases {
    private ResizingCases() {}

    static List<VerifyCase> all() {
        List<VerifyCase> cases = new ArrayList<>();
        for (Op.ResamplingKind kind : Op.ResamplingKind.values()) {
            for (long c : VerifyCases.CHANNELS) cases.add(resampling(kind, Shape.of(2, c, 3, 5), 6L, 10L));
            cases.add(resampling(kind, Shape.of(3, 13, 17), 51L));
            cases.add(resampling(kind, Shape.of(2, 17, 2, 3, 1), 4L, 3L, 7L));
        }
        cases.add(resampling(Op.ResamplingKind.LINEAR, Shape.of(2, 16, 7, 9), 3L, 13L));
        // With whole blocks of channels, with the last one filled up, and with too few for blocks.
        for (long c : new long[] {3, 13, 16, 32}) {
            for (AxisMatrix.Padding padding : AxisMatrix.Padding.values()) {
                cases.add(alongAxis(AxisMatrix.padded(padding, 5, 2, 3), Shape.of(2, c, 5, 7), 2));
                cases.add(alongAxis(AxisMatrix.padded(padding, 7, 1, 0), Shape.of(2, c, 5, 7), 3));
            }
            cases.add(alongAxis(AxisMatrix.averages(7, 3), Shape.of(2, c, 5, 7), 3));
            cases.add(betweenConvolutions(
                    AxisMatrix.padded(AxisMatrix.Padding.REFLECT, 5, 2, 3), Shape.of(2, c, 5, 7), 2));
            cases.add(betweenConvolutions(AxisMatrix.averages(7, 3), Shape.of(2, c, 5, 7), 3));
        }
        for (Op.ResamplingKind kind : Op.ResamplingKind.values()) {
            for (long c : VerifyCases.CHANNELS) cases.add(resampling(kind, Shape.of(3, c, 1, 1), 5L, 4L));
            cases.add(resampling(kind, Shape.of(5, 13, 1), 7L));
            cases.add(resampling(kind, Shape.of(2, 16, 1, 1, 1), 2L, 3L, 5L));
        }
        cases.add(alongAxis(AxisMatrix.linear(31, 207, true), Shape.of(1, 3, 31, 207), 2));
        cases.add(alongAxis(AxisMatrix.linear(207, 31, true), Shape.of(1, 3, 31, 207), 3));
        cases.add(alongAxis(AxisMatrix.nearest(13, 31), Shape.of(3, 13, 17), 1));
        cases.add(alongAxis(AxisMatrix.averages(5, 7), Shape.of(5, 13), 0));
        for (long c : VerifyCases.CHANNELS) {
            cases.add(prelu(Shape.of(2, c, 5, 7), Shape.of(1, c, 1, 1)));
        }
        cases.add(prelu(Shape.of(5, 31), Shape.of(1, 31)));
        cases.add(prelu(Shape.of(2, 13, 17), Shape.of(1, 13, 1)));
        cases.add(prelu(Shape.of(2, 16, 3, 2, 5), Shape.of(1, 16, 1, 1, 1)));
        return cases;
    }

    private static VerifyCase resampling(Op.ResamplingKind kind, Shape shape, Long... size) {
        boolean nearest = kind == Op.ResamplingKind.NEAREST;
        return new VerifyCase(
                (nearest ? "nearest" : "interpolation") + " to " + List.of(size), shape.toString(), graph -> {
                    Value y = graph.add(
                            new Op.Resampling(kind, List.of(size)), graph.input("x", shape, CaseGraph.CENTERED));
                    // A neighbour's weight is the fraction of a position, which is rounded as a whole.
                    double position = Tolerances.EPSILON * shape.elements(2, shape.rank());
                    graph.tolerance(CaseGraph.RESULT, nearest ? Tolerances.EXACT : Tolerances.ROUNDING + position);
                    long share = Math.max(1, y.shape().elements() / shape.elements());
                    graph.tolerance("x", Tolerances.sum(share << 3) + position);
                    return y;
                });
    }

    private static VerifyCase alongAxis(AxisMatrix matrix, Shape shape, int axis) {
        return new VerifyCase("along axis " + axis + " " + matrix, shape.toString(), graph -> {
            boolean selects = matrix.isSelection();
            int most = Math.max(matrix.entries() / matrix.columns(), matrix.entries() / matrix.rows()) + 2;
            graph.tolerance(CaseGraph.RESULT, selects ? Tolerances.EXACT : Tolerances.sum(most))
                    .tolerance("x", Tolerances.sum(most));
            return graph.add(new Op.AlongAxis(axis, matrix), graph.input("x", shape, CaseGraph.CENTERED));
        });
    }

    /** Between convolutions: in the layout that activations flow in, forward and backward. */
    private static VerifyCase betweenConvolutions(AxisMatrix matrix, Shape shape, int axis) {
        return new VerifyCase(matrix + " between convolutions", shape.toString(), graph -> {
            long c = shape.dim(1);
            List<Integer> one = List.of(1, 1);
            List<Integer> none = List.of(0, 0);
            Op pointwise = new Op.Convolution(one, none, none, one, 1, false);
            Value x = graph.input("x", shape, CaseGraph.CENTERED);
            Value first = graph.add(pointwise, x, graph.parameter("first", Shape.of(c, c, 1, 1), CaseGraph.CENTERED));
            Value moved = graph.add(new Op.AlongAxis(axis, matrix), first);
            Value second = graph.parameter("second", Shape.of(c, c, 1, 1), CaseGraph.CENTERED);
            long pixels = moved.shape().elements() / c;
            double tolerance = 2 * Tolerances.sum(c + matrix.columns());
            graph.tolerance(CaseGraph.RESULT, tolerance)
                    .tolerance("x", tolerance)
                    .tolerance("first", tolerance + Tolerances.sum(pixels))
                    .tolerance("second", tolerance + Tolerances.sum(pixels));
            // In bfloat16 what lies between two roundings is summed once more, and the sums rounded again.
            graph.spacings(CaseGraph.RESULT, 2).spacings("x", 2);
            return graph.add(pointwise, moved, second);
        });
    }

    private static VerifyCase prelu(Shape shape, Shape slope) {
        return new VerifyCase("prelu", shape.toString(), graph -> {
            graph.tolerance("slope", Tolerances.sum(shape.elements() / slope.elements()));
            return graph.add(
                    new Op.PRelu(),
                    graph.input("x", shape, CaseGraph.CENTERED),
                    graph.input("slope", slope, CaseGraph.CENTERED));
        });
    }
}
