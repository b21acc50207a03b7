package dev.ondine.reference;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.BinaryKind;
import dev.ondine.graph.Broadcasting;
import dev.ondine.graph.Op;
import dev.ondine.graph.Renormalization;
import dev.ondine.graph.UnaryKind;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Small graphs around each operation, by name; each makes a loss that depends on all results. */
public final class GradientCases {
    private final Map<String, Function<TinyGraph, Value>> cases = new LinkedHashMap<>();

    private GradientCases() {}

    /** Every case; a function adds it to an empty graph and returns the loss. */
    public static Map<String, Function<TinyGraph, Value>> all() {
        GradientCases c = new GradientCases();
        c.convolution();
        c.transposedConvolution();
        c.batchNormalization();
        c.layerNormalization();
        c.ghostBatchNormalization();
        c.renormalization();
        c.pooling();
        c.elementwise();
        c.structure();
        c.resizing();
        c.functions();
        c.losses();
        return c.cases;
    }

    /** A case whose loss is a weighted sum of what the function returns. */
    private void sum(String name, Function<TinyGraph, Value> y) {
        loss(name, g -> g.weightedSum(y.apply(g)));
    }

    private void loss(String name, Function<TinyGraph, Value> loss) {
        if (cases.put(name, loss) != null) throw new IllegalArgumentException("two cases are called " + name);
    }

    private void convolution() {
        convolution("conv1d", same(1, 1, 1, 1), 1, true, dims(2, 3, 7), dims(4, 3, 3));
        convolution("conv2d", same(2, 1, 1, 1), 1, true, dims(2, 3, 5, 4), dims(4, 3, 3, 3));
        convolution("conv2d without bias", same(2, 1, 0, 1), 1, false, dims(2, 2, 4, 4), dims(3, 2, 2, 3));
        convolution("conv2d stride 2", same(2, 2, 1, 1), 1, true, dims(2, 2, 6, 5), dims(3, 2, 3, 3));
        convolution("conv2d 1x1 stride 2", same(2, 2, 0, 1), 1, false, dims(2, 3, 5, 4), dims(2, 3, 1, 1));
        convolution("conv2d dilated", same(2, 1, 2, 2), 1, true, dims(1, 2, 6, 5), dims(2, 2, 3, 3));
        convolution("conv2d groups", same(2, 1, 1, 1), 2, true, dims(2, 4, 4, 3), dims(6, 2, 3, 3));
        convolution("conv2d depthwise", same(2, 2, 1, 1), 3, true, dims(2, 3, 5, 4), dims(3, 1, 3, 3));
        convolution("conv2d one pixel", same(2, 1, 1, 1), 1, true, dims(2, 3, 1, 1), dims(2, 3, 3, 3));
        convolution("conv3d", same(3, 1, 1, 1), 1, true, dims(1, 2, 3, 4, 3), dims(2, 2, 3, 2, 3));
        // Everything at once, different along each axis: stride 3 over padding 0 before and 2 behind, dilated along
        // one.
        var mixed = new Op.Convolution(List.of(1, 3), List.of(2, 0), List.of(0, 2), List.of(2, 1), 2, true);
        convolution("conv2d asymmetric", mixed, 2, true, dims(2, 4, 4, 6), dims(4, 2, 2, 3));
        sum("linear", g -> g.add(new Op.Linear(true), g.random(3, 5), g.random(4, 5), g.random(4)));
        sum("linear without bias", g -> g.add(new Op.Linear(false), g.random(3, 5), g.random(4, 5)));
    }

    private void convolution(String name, Op.Convolution c, int groups, boolean bias, long[] x, long[] w) {
        var op = new Op.Convolution(c.stride(), c.paddingBegin(), c.paddingEnd(), c.dilation(), groups, bias);
        sum(
                name,
                g -> bias ? g.add(op, g.random(x), g.random(w), g.random(w[0])) : g.add(op, g.random(x), g.random(w)));
    }

    private static Op.Convolution same(int axes, int stride, int padding, int dilation) {
        var p = Collections.nCopies(axes, padding);
        return new Op.Convolution(
                Collections.nCopies(axes, stride), p, p, Collections.nCopies(axes, dilation), 1, false);
    }

    private void transposedConvolution() {
        List<Integer> one = List.of(1, 1);
        transposed("2d", List.of(2, 2), one, one, List.of(0, 0), one, 1, true, dims(2, 3, 4, 3), dims(3, 2, 4, 4));
        transposed("2d stride 1", one, one, one, List.of(0, 0), one, 1, false, dims(2, 2, 4, 3), dims(2, 3, 3, 3));
        transposed("2d output padding", List.of(2, 3), one, one, one, one, 1, true, dims(2, 2, 3, 2), dims(2, 2, 3, 3));
        transposed(
                "2d groups", List.of(2, 1), one, one, List.of(1, 0), one, 2, true, dims(2, 4, 3, 3), dims(4, 3, 3, 2));
        // Output padding that gives back more than a stride of what padding cut off, dilated, different along each
        // axis.
        transposed(
                "2d asymmetric",
                List.of(1, 3),
                List.of(2, 0),
                List.of(3, 1),
                List.of(2, 3),
                List.of(3, 2),
                2,
                true,
                dims(2, 2, 4, 3),
                dims(2, 1, 3, 2));
        transposed(
                "1d",
                List.of(3),
                List.of(0),
                List.of(0),
                List.of(2),
                List.of(1),
                1,
                true,
                dims(2, 2, 3),
                dims(2, 3, 2));
        List<Integer> cube = List.of(1, 1, 1);
        transposed(
                "3d",
                List.of(2, 1, 2),
                cube,
                cube,
                List.of(1, 0, 0),
                cube,
                1,
                true,
                dims(1, 2, 2, 3, 2),
                dims(2, 2, 3, 2, 3));
    }

    private void transposed(
            String name,
            List<Integer> stride,
            List<Integer> begin,
            List<Integer> end,
            List<Integer> outputPadding,
            List<Integer> dilation,
            int groups,
            boolean bias,
            long[] x,
            long[] w) {
        var op = new Op.TransposedConvolution(stride, begin, end, outputPadding, dilation, groups, bias);
        sum("conv transpose " + name, g -> {
            List<Value> operands = new ArrayList<>(List.of(g.random(x), g.random(w)));
            if (bias) operands.add(g.random(w[1] * groups));
            return g.add(op, operands.toArray(Value[]::new));
        });
    }

    private void batchNormalization() {
        for (boolean training : new boolean[] {true, false}) {
            for (boolean scale : new boolean[] {true, false}) {
                for (boolean shift : new boolean[] {true, false}) {
                    String name = "batch norm" + (training ? "" : " given") + (scale ? " scale" : "")
                            + (shift ? " shift" : "");
                    var op = new Op.BatchNormalization(1e-2f, training, scale, shift, false);
                    sum(name, g -> batchNormalization(g, op, 3, 2, 2, 3));
                }
            }
            var affine = new Op.BatchNormalization(1e-5f, training, true, true, false);
            String kind = training ? " training" : " given";
            sum("batch norm 0d" + kind, g -> batchNormalization(g, affine, 6, 3));
            sum("batch norm 1d" + kind, g -> batchNormalization(g, affine, 3, 2, 4));
            sum("batch norm 3d" + kind, g -> batchNormalization(g, affine, 2, 2, 2, 1, 3));
            sum("batch norm one channel" + kind, g -> batchNormalization(g, affine, 2, 1, 3, 2));
            sum("batch norm batch of one" + kind, g -> batchNormalization(g, affine, 1, 3, 3, 2));
        }
    }

    /** Given statistics are inputs without a gradient: they are constants to the operation. */
    private static Value batchNormalization(TinyGraph g, Op.BatchNormalization op, long... x) {
        List<Value> operands = new ArrayList<>(List.of(g.random(x)));
        if (!op.training()) {
            operands.add(g.constant(g.randomValues(x[1]), x[1]));
            double[] variance = g.randomValues(x[1]);
            for (int c = 0; c < variance.length; c++) variance[c] = 0.5 + variance[c] * variance[c];
            operands.add(g.constant(variance, x[1]));
        }
        if (op.scale()) operands.add(g.random(x[1]));
        if (op.shift()) operands.add(g.random(x[1]));
        return g.builder.addAll(op, operands).getFirst();
    }

    private void ghostBatchNormalization() {
        for (boolean scale : new boolean[] {true, false}) {
            for (boolean shift : new boolean[] {true, false}) {
                var op = new Op.GhostBatchNormalization(2, 1e-2f, scale, shift);
                sum("ghost batch norm" + (scale ? " scale" : "") + (shift ? " shift" : ""), g -> {
                    List<Value> operands = new ArrayList<>(List.of(g.random(4, 2, 3)));
                    if (scale) operands.add(g.random(2));
                    if (shift) operands.add(g.random(2));
                    return g.builder.addAll(op, operands).getFirst();
                });
            }
        }
        var three = new Op.GhostBatchNormalization(3, 1e-5f, true, true);
        sum("ghost batch norm 0d", g -> g.add(three, g.random(9, 3), g.random(3), g.random(3)));
    }

    /**
     * With running statistics so far off that every correction is at its limit: there it does not depend on the batch, and the gradient
     * that takes it for a constant is the whole one.
     */
    private void renormalization() {
        sum("batch renorm at its limits", g -> {
            var norm = new Op.BatchNormalization(1e-2f, true, false, false, false);
            List<Value> plain = g.builder.addAll(norm, List.of(g.random(3, 2, 4)));
            List<Value> factors = g.builder.addAll(
                    new Op.RenormalizationFactors(1e-2f, Renormalization.limits(1.5, 0.25)),
                    List.of(
                            plain.get(1),
                            plain.get(2),
                            g.constant(new double[] {-9, 9}, 2),
                            g.constant(new double[] {0.01, 50}, 2)));
            Value gamma = g.random(2);
            return g.add(
                    new Op.BatchNormalization(Float.MIN_NORMAL, false, true, true, false),
                    plain.getFirst(),
                    g.add(new Op.Fill(0, Shape.of(2))),
                    g.add(new Op.Fill(1, Shape.of(2))),
                    g.add(new Op.Multiply(), gamma, factors.get(0)),
                    g.add(new Op.Add(false), g.add(new Op.Multiply(), gamma, factors.get(1)), g.random(2)));
        });
    }

    private void layerNormalization() {
        for (boolean scale : new boolean[] {true, false}) {
            for (boolean shift : new boolean[] {true, false}) {
                var op = new Op.LayerNormalization(1, 1e-2f, scale, shift);
                sum("layer norm" + (scale ? " scale" : "") + (shift ? " shift" : ""), g -> {
                    List<Value> operands = new ArrayList<>(List.of(g.random(3, 2, 5)));
                    if (scale) operands.add(g.random(5));
                    if (shift) operands.add(g.random(5));
                    return g.builder.addAll(op, operands).getFirst();
                });
            }
        }
        var two = new Op.LayerNormalization(2, 1e-5f, true, true);
        sum("layer norm over two axes", g -> g.add(two, g.random(2, 3, 4), g.random(3, 4), g.random(3, 4)));
    }

    private void pooling() {
        for (Op.PoolingKind kind : Op.PoolingKind.values()) {
            pooling(kind, "1d", List.of(3), List.of(2), List.of(1), List.of(1), false, dims(2, 2, 7));
            pooling(kind, "2d", List.of(3, 2), List.of(2, 1), List.of(1, 1), List.of(1, 0), false, dims(2, 2, 6, 5));
            pooling(
                    kind,
                    "2d ceil",
                    List.of(3, 2),
                    List.of(2, 2),
                    List.of(1, 0),
                    List.of(1, 0),
                    true,
                    dims(2, 2, 6, 5));
            pooling(
                    kind,
                    "2d all",
                    List.of(4, 3),
                    List.of(1, 1),
                    List.of(0, 0),
                    List.of(0, 0),
                    false,
                    dims(2, 3, 4, 3));
            pooling(
                    kind,
                    "3d",
                    List.of(2, 2, 2),
                    List.of(1, 2, 2),
                    List.of(0, 1, 0),
                    List.of(1, 1, 0),
                    false,
                    dims(1, 2, 3, 3, 4));
        }
    }

    private void pooling(
            Op.PoolingKind kind,
            String name,
            List<Integer> kernel,
            List<Integer> stride,
            List<Integer> begin,
            List<Integer> end,
            boolean ceil,
            long[] x) {
        var op = new Op.Pooling(kind, kernel, stride, begin, end, ceil);
        sum("pooling " + kind + " " + name, g -> g.add(op, g.random(x)));
    }

    private void elementwise() {
        // Both sides of each kink (0, 3, 6 and −3), never nearer than 0.1; far enough out to reach every branch.
        double[] x = {-7.3, -4.1, -3.1, -2.9, -1.7, -0.6, -0.1, 0.1, 0.4, 1.3, 2.9, 3.1, 5.9, 6.1, 9.2};
        for (ActivationKind kind : ActivationKind.values()) {
            sum("activation " + kind, g -> g.add(new Op.Activation(kind, 0.3f), g.given(x, 3, 5)));
        }
        sum("add", g -> g.add(new Op.Add(false), g.random(2, 3, 2), g.random(2, 3, 2)));
        sum("add broadcast", g -> g.add(new Op.Add(false), g.random(2, 3, 2, 2), g.random(1, 3, 1, 1)));
        sum("multiply", g -> g.add(new Op.Multiply(), g.random(2, 3, 2), g.random(2, 3, 2)));
        sum("multiply broadcast", g -> g.add(new Op.Multiply(), g.random(2, 3, 2, 2), g.random(2, 3, 1, 1)));
        sum("multiply broadcast inside", g -> g.add(new Op.Multiply(), g.random(2, 3, 4), g.random(2, 1, 4)));
        sum("square", g -> {
            Value v = g.random(2, 3);
            return g.add(new Op.Multiply(), v, v);
        });
        sum("dropout", g -> g.add(new Op.Dropout(0.4f, 11), g.random(3, 5, 2)));
        sum("softmax", g -> g.add(new Op.Softmax(1, false), g.random(3, 5)));
        sum("softmax inside", g -> g.add(new Op.Softmax(1, false), g.random(2, 4, 3)));
        sum("log softmax", g -> g.add(new Op.Softmax(1, true), g.random(3, 5)));
        sum("log softmax first axis", g -> g.add(new Op.Softmax(0, true), g.random(4, 3)));
    }

    private void structure() {
        sum("concat", g -> g.add(new Op.Concat(1), g.random(2, 1, 3), g.random(2, 4, 3), g.random(2, 2, 3)));
        sum("concat last axis", g -> g.add(new Op.Concat(2), g.random(2, 3, 1), g.random(2, 3, 2)));
        sum("slice", g -> g.add(new Op.Slice(1, 1, 2), g.random(2, 4, 3)));
        sum("reshape", g -> g.add(new Op.Reshape(Shape.of(4, 3)), g.random(2, 6)));
        sum("transpose", g -> g.add(new Op.Transpose(List.of(1, 2, 0)), g.random(2, 4, 3)));
        sum("matmul", g -> g.add(new Op.MatMul(false, false, 1), g.random(3, 4), g.random(4, 5)));
        for (boolean a : new boolean[] {false, true}) {
            for (boolean b : new boolean[] {false, true}) {
                var op = new Op.MatMul(a, b, 0.7f);
                long[] left = a ? dims(2, 4, 3) : dims(2, 3, 4);
                long[] right = b ? dims(2, 5, 4) : dims(2, 4, 5);
                sum("matmul batched " + a + " " + b, g -> g.add(op, g.random(left), g.random(right)));
            }
        }
        sum("matmul repeated", g -> g.add(new Op.MatMul(false, true, 1), g.random(1, 3, 2, 4), g.random(2, 1, 3, 4)));
        sum("reduce sum", g -> g.add(new Op.ReduceSum(Shape.of(1, 3, 1)), g.random(2, 3, 4)));
        sum("fill", g -> g.add(new Op.Multiply(), g.random(2, 3), g.add(new Op.Fill(2.5f, Shape.of(1, 1)))));
    }

    private void functions() {
        double[] x = {-2.3, -1.1, -0.6, -0.2, 0.3, 0.4, 0.9, 1.3, 2.1};
        double[] positive = {0.2, 0.3, 0.5, 0.7, 1.0, 1.2, 1.8, 2.5, 3.1};
        for (UnaryKind kind : UnaryKind.values()) {
            boolean root = kind == UnaryKind.SQUARE_ROOT || kind == UnaryKind.LOGARITHM || kind == UnaryKind.POWER;
            var op = new Op.Unary(kind, kind == UnaryKind.POWER ? -1.5f : -1, 0.5f);
            sum("unary " + kind, g -> g.add(op, g.given(root ? positive : x, 3, 3)));
        }
        double[] other = {-2.0, -1.5, 0.6, -0.5, 0.8, 0.5, 1.4, 0.6, 2.5};
        for (BinaryKind kind : BinaryKind.values()) {
            if (kind == BinaryKind.GREATER || kind == BinaryKind.GREATER_OR_EQUAL) continue;
            sum("binary " + kind, g -> g.add(new Op.Binary(kind), g.given(x, 3, 3), g.given(other, 3, 3)));
            double[] row = {0.7, -0.8, 1.2};
            sum("binary row " + kind, g -> g.add(new Op.Binary(kind), g.given(x, 3, 3), g.given(row, 1, 3)));
        }
        sum("binary of one", g -> {
            Value v = g.given(positive, 3, 3);
            return g.add(new Op.Binary(BinaryKind.DIVIDE), g.add(new Op.Multiply(), v, v), v);
        });
        sum("expand", g -> g.add(new Op.Expand(Shape.of(2, 3, 4)), g.random(2, 1, 4)));
        sum("mean", g -> Broadcasting.mean(g.builder, g.random(2, 3, 4), false, 0, -1));
        sum(
                "subtract, both repeated",
                g -> Broadcasting.binary(g.builder, BinaryKind.SUBTRACT, g.random(3, 1), g.random(2, 1, 4)));
    }

    private void resizing() {
        for (Op.ResamplingKind kind : Op.ResamplingKind.values()) {
            sum("resampling 1d " + kind, g -> g.add(new Op.Resampling(kind, List.of(6L)), g.random(2, 2, 3)));
            sum("resampling 2d " + kind, g -> g.add(new Op.Resampling(kind, List.of(6L, 4L)), g.random(2, 2, 3, 4)));
            sum(
                    "resampling 3d " + kind,
                    g -> g.add(new Op.Resampling(kind, List.of(2L, 4L, 3L)), g.random(1, 2, 2, 2, 3)));
        }
        sum("resampling down", g -> g.add(new Op.Resampling(Op.ResamplingKind.LINEAR, List.of(3L)), g.random(2, 2, 7)));
        for (AxisMatrix.Padding padding : AxisMatrix.Padding.values()) {
            AxisMatrix matrix = AxisMatrix.padded(padding, 4, 3, 1);
            sum("along axis " + matrix, g -> g.add(new Op.AlongAxis(1, matrix), g.random(2, 4, 3)));
        }
        AxisMatrix averages = AxisMatrix.averages(7, 3);
        sum("along axis 0 " + averages, g -> g.add(new Op.AlongAxis(0, averages), g.random(7, 2)));
        AxisMatrix corners = AxisMatrix.linear(3, 5, true);
        sum("along axis " + corners, g -> g.add(new Op.AlongAxis(2, corners), g.random(2, 2, 3)));
        sum("prelu", g -> g.add(new Op.PRelu(), g.random(2, 3, 4), g.random(1, 3, 1)));
    }

    private void losses() {
        double[] targets = {2, 0, 4, 2};
        loss("cross entropy", g -> crossEntropy(g, 0, -100, g.labels(targets, 4), 4, 5));
        loss("cross entropy smoothing", g -> crossEntropy(g, 0.1f, -100, g.labels(targets, 4), 4, 5));
        loss("cross entropy ignored", g -> crossEntropy(g, 0.1f, 2, g.labels(targets, 4), 4, 5));
        double[] places = {0, 2, 1, 1, -1, 0};
        loss("cross entropy of places", g -> crossEntropy(g, 0.2f, -1, g.labels(places, 2, 3), 2, 3, 3));
        loss("mean squared error", g -> g.add(new Op.MeanSquaredError(), g.random(3, 4), g.random(3, 4)));
        loss("smooth l1", g -> g.add(new Op.SmoothL1(0.7f), g.random(3, 4), g.random(3, 4)));
        loss("l1", g -> g.add(new Op.SmoothL1(0), g.random(3, 4), g.random(3, 4)));
        for (List<Float> weights : List.of(List.<Float>of(), List.of(2.5f), List.of(0.5f, 3f, 1f))) {
            loss(
                    "binary cross entropy weighted " + weights,
                    g -> g.add(new Op.BinaryCrossEntropy(weights), g.random(2, 3, 2), probabilities(g, 2, 3, 2)));
        }
        for (boolean perSample : new boolean[] {true, false}) {
            loss(
                    "divergence" + (perSample ? " per sample" : ""),
                    g -> g.add(
                            new Op.KlDivergence(perSample),
                            g.add(new Op.Softmax(1, true), g.random(3, 4)),
                            probabilities(g, 3, 4)));
        }
        loss("soft cross entropy", g -> g.add(new Op.SoftCrossEntropy(0), g.random(3, 4), probabilities(g, 3, 4)));
        loss(
                "soft cross entropy of places",
                g -> g.add(new Op.SoftCrossEntropy(0.2f), g.random(2, 3, 2), probabilities(g, 2, 3, 2)));
        loss("scaled divergence", g -> {
            Value loss = g.add(new Op.KlDivergence(true), g.random(3, 4), probabilities(g, 3, 4));
            return g.add(new Op.Multiply(), loss, g.random());
        });
        loss("scaled soft cross entropy", g -> {
            Value loss = g.add(new Op.SoftCrossEntropy(0), g.random(3, 4), probabilities(g, 3, 4));
            return g.add(new Op.Multiply(), loss, g.random());
        });
        // The loss's own gradient must not be taken for 1.
        loss("scaled cross entropy", g -> {
            Value loss = crossEntropy(g, 0, -100, g.labels(targets, 4), 4, 5);
            return g.add(new Op.Multiply(), loss, g.random());
        });
        loss("scaled squared error", g -> {
            Value loss = g.add(new Op.MeanSquaredError(), g.random(3, 4), g.random(3, 4));
            return g.add(new Op.Multiply(), loss, g.random());
        });
    }

    /** Numbers from 0 to 1, one of them 0; they need not add up to 1. */
    private static Value probabilities(TinyGraph g, long... dims) {
        double[] values = g.randomValues(dims);
        for (int i = 0; i < values.length; i++) values[i] = i == 1 ? 0 : 1 / (1 + Math.exp(values[i]));
        return g.constant(values, dims);
    }

    private static Value crossEntropy(TinyGraph g, float smoothing, int ignore, Value target, long... x) {
        return g.add(new Op.CrossEntropy(smoothing, ignore), g.random(x), target);
    }

    private static long[] dims(long... dims) {
        return dims;
    }
}
