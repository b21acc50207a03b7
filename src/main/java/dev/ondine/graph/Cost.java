package dev.ondine.graph;

import dev.ondine.tensor.Shape;
import java.util.List;

/**
 * What an operation must do at least, whatever runs it: the yardstick for GFLOP/s, GB/s and percent of roofline.
 *
 * <p>An operation of floating point is an addition, a multiplication, a comparison or one evaluation of a function like exp; a fused
 * multiply-add is two. Windows over padding count like any other, as is usual for convolutions. Bytes are those of each operand read
 * once and each result written once: a kernel that reads its input twice, or reorders it first, moves more.
 *
 * @param flops operations of floating point
 * @param bytes read and written
 */
public record Cost(long flops, long bytes) {
    public static final Cost NONE = new Cost(0, 0);

    /** Both, one after the other. */
    public Cost plus(Cost other) {
        return new Cost(Math.addExact(flops, other.flops), Math.addExact(bytes, other.bytes));
    }

    /** Of one run of a whole graph. */
    public static Cost of(Graph graph) {
        return graph.nodes().stream().map(Cost::of).reduce(NONE, Cost::plus);
    }

    /** Of one run of an operation. */
    public static Cost of(Node node) {
        return switch (node.op()) {
            case Op.Convolution c -> moved(node, windows(y(node), x(node, 1)) + bias(c.bias(), y(node)));
            // Every element of the input meets the weights of its channel; then each of the output its bias.
            case Op.TransposedConvolution c -> moved(node, windows(x(node, 0), x(node, 1)) + bias(c.bias(), y(node)));
            case Op.ConvolutionBackwardData _ -> moved(node, windows(x(node, 0), x(node, 1)));
            case Op.ConvolutionBackwardWeights c ->
                moved(node, windows(x(node, 1), c.weight()) + bias(c.forward().bias(), x(node, 1)));
            case Op.Linear l -> moved(node, windows(y(node), x(node, 1)) + bias(l.bias(), y(node)));
            case Op.LinearBackwardData _ -> moved(node, windows(x(node, 0), x(node, 1)));
            case Op.LinearBackwardWeights l -> moved(node, windows(x(node, 1), y(node)) + bias(l.bias(), x(node, 1)));
            case Op.MatMul m -> moved(node, 2 * y(node).elements() * x(node, 0).dim(m.transposeA() ? -2 : -1));
            case Op.Epilogue e -> {
                long after = (e.residual() ? 1L : 0L) + (e.activation().isPresent() ? 1 : 0);
                long flops = of(new Node(e.op(), node.inputs(), node.outputs(), node.path())).flops;
                yield moved(node, flops + after * y(node).elements());
            }
            // Once for every change of the parameters, before the runs.
            case Op.FoldedWeights _ -> NONE;
            case Op.BatchNormalization b -> batchNormalization(node, b);
            case Op.BatchNormalizationBackward b -> batchNormalizationBackward(node, b.forward());
            case Op.GhostBatchNormalization _ -> moved(node, 7 * y(node).elements());
            case Op.GhostBatchNormalizationBackward _ -> moved(node, 8 * y(node).elements());
            // Two roots, a quotient, a difference, a quotient, four comparisons.
            case Op.RenormalizationFactors _ -> moved(node, 9 * y(node).elements());
            // As batch normalization with the batch's statistics.
            case Op.LayerNormalization _ -> moved(node, 7 * y(node).elements());
            case Op.LayerNormalizationBackward _ -> moved(node, 8 * y(node).elements());
            case Op.Pooling p -> {
                long window = window(p);
                long indices = p.kind() == Op.PoolingKind.MAX ? y(node).elements() * indexBytes(window) : 0;
                yield new Cost(y(node).elements() * window, bytes(node.input(0)) + bytes(node.output(0)) + indices);
            }
            case Op.PoolingBackward p -> {
                long window = window(p.forward());
                boolean max = p.forward().kind() == Op.PoolingKind.MAX;
                long dy = x(node, 0).elements();
                // A maximum passes its gradient on to one element, a mean to every element of the window.
                yield new Cost(
                        max ? dy : dy * window,
                        bytes(node.input(0)) + bytes(node.output(0)) + (max ? dy * indexBytes(window) : 0));
            }
            case Op.Resampling r -> moved(node, resampled(r, y(node)));
            case Op.ResamplingBackward r -> moved(node, resampled(r.forward(), x(node, 0)));
            case Op.AlongAxis a ->
                moved(
                        node,
                        a.matrix().isSelection()
                                ? 0
                                : 2L
                                        * a.matrix().entries()
                                        * (y(node).elements() / a.matrix().rows()));
            // A comparison, a product; dx and dslope are a comparison, two products and a sum.
            case Op.PRelu _ -> moved(node, 2 * y(node).elements());
            case Op.PReluBackward _ -> moved(node, 4 * y(node).elements());
            case Op.Activation _ -> moved(node, y(node).elements());
            case Op.ActivationBackward _ -> moved(node, 2 * y(node).elements());
            case Op.Add a -> moved(node, (a.relu() ? 2 : 1) * y(node).elements());
            case Op.Binary _, Op.Unary _ -> moved(node, y(node).elements());
            case Op.UnaryBackward _ -> moved(node, 2 * y(node).elements());
            case Op.Expand _ -> moved(node, 0);
            case Op.Multiply _ -> moved(node, y(node).elements());
            case Op.Dropout _ -> moved(node, y(node).elements());
            case Op.Concat _, Op.Slice _, Op.SliceBackward _, Op.Transpose _, Op.Convert _, Op.Round _ ->
                moved(node, 0);
            // The same memory seen in another way; and a constant, which is there before the first run.
            case Op.Reshape _, Op.Fill _ -> NONE;
            case Op.ReduceSum _ -> moved(node, x(node, 0).elements());
            // Maximum, difference, exp, sum, quotient; dx = y·(dy − Σ dy·y).
            case Op.Softmax _ -> moved(node, 5 * y(node).elements());
            case Op.SoftmaxBackward _ -> moved(node, 4 * y(node).elements());
            // A softmax, its logarithm at the target; dx = (softmax − q)·dloss/n computes the softmax again.
            case Op.CrossEntropy _ -> moved(node, 5 * x(node, 0).elements());
            case Op.CrossEntropyBackward _ -> moved(node, 7 * x(node, 0).elements());
            case Op.SoftCrossEntropy _ -> moved(node, 7 * x(node, 0).elements());
            case Op.SoftCrossEntropyBackward _ -> moved(node, 8 * x(node, 0).elements());
            case Op.PointwiseLoss l -> moved(node, pointwise(l) * x(node, 0).elements());
            case Op.PointwiseLossBackward l ->
                moved(node, pointwiseBackward(l.forward()) * x(node, 0).elements());
        };
    }

    /** Operations an element, its addition to the sum included. */
    private static long pointwise(Op.PointwiseLoss loss) {
        return switch (loss) {
            case Op.MeanSquaredError _ -> 3;
            case Op.SmoothL1 _ -> 4;
            // (1 − t)·x + w·(log(1 + exp(−|x|)) + max(−x, 0)).
            case Op.BinaryCrossEntropy _ -> 8;
            case Op.KlDivergence _ -> 4;
        };
    }

    private static long pointwiseBackward(Op.PointwiseLoss loss) {
        return switch (loss) {
            case Op.MeanSquaredError _ -> 2;
            case Op.SmoothL1 _ -> 3;
            case Op.BinaryCrossEntropy _ -> 6;
            case Op.KlDivergence _ -> 1;
        };
    }

    /** A multiply-add for each of the elements that surround one between them. */
    private static long resampled(Op.Resampling op, Shape large) {
        return op.kind() == Op.ResamplingKind.NEAREST
                ? 0
                : 2 * large.elements() << op.size().size();
    }

    /** A multiply-add for each element of {@code y} and each weight of its output channel: {@code weight} is O×rest. */
    private static long windows(Shape y, Shape weight) {
        return Math.multiplyExact(2 * y.elements(), weight.elements(1, weight.rank()));
    }

    private static long bias(boolean bias, Shape y) {
        return bias ? y.elements() : 0;
    }

    private static Cost batchNormalization(Node node, Op.BatchNormalization b) {
        long n = y(node).elements();
        // Given statistics leave one multiply-add; else: 1 for the mean, 3 for the variance, 1 for x − μ.
        long each = 2L + (b.training() ? 5 : 0) + (b.relu() ? 1 : 0);
        List<Value> results = b.relu() ? allButLast(node.outputs()) : node.outputs();
        return new Cost(each * n, bytes(node.inputs()) + bytes(results) + mask(b, n));
    }

    private static Cost batchNormalizationBackward(Node node, Op.BatchNormalization b) {
        long n = y(node).elements();
        // Σdy and Σdy·(x − μ): 4; with batch statistics both flow into dx = γ/σ·(dy − a − (x − μ)·b): 4 more, else one
        // product.
        long each = 4L + (b.training() ? 4 : 1) + (b.relu() ? 1 : 0);
        List<Value> operands = b.relu() ? allButLast(node.inputs()) : node.inputs();
        return new Cost(each * n, bytes(operands) + bytes(node.outputs()) + mask(b, n));
    }

    private static List<Value> allButLast(List<Value> values) {
        return values.subList(0, values.size() - 1);
    }

    /** Whether y > 0 takes a bit an element. */
    private static long mask(Op.BatchNormalization b, long elements) {
        return b.relu() ? Math.ceilDiv(elements, 8) : 0;
    }

    /** A place in a window takes a byte if the window is small enough. */
    private static long indexBytes(long window) {
        return window <= 256 ? 1 : 4;
    }

    private static long window(Op.Pooling p) {
        return p.kernel().stream().mapToLong(k -> k).reduce(1, Math::multiplyExact);
    }

    private static Cost moved(Node node, long flops) {
        return new Cost(flops, bytes(node.inputs()) + bytes(node.outputs()));
    }

    private static long bytes(List<Value> values) {
        return values.stream().mapToLong(Cost::bytes).sum();
    }

    private static long bytes(Value v) {
        return v.shape().elements() * v.type().dataType().bytes();
    }

    private static Shape x(Node node, int operand) {
        return node.input(operand).shape();
    }

    private static Shape y(Node node) {
        return node.output(0).shape();
    }
}
