package dev.ondine.reference;

import dev.ondine.backend.DropoutMask;
import dev.ondine.graph.Graph;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Evaluates a graph in double precision: one row-major array for each value, one operation after the other in the
 * graph's order, nothing fused, nothing overwritten. Class indices (INT32) are doubles of integer value, the elements of
 * a bfloat16 value doubles that were rounded to bfloat16 when their node had computed them. After construction no buffer
 * is allocated.
 */
public final class ReferenceInterpreter {
    private final Map<Value, double[]> arrays = new HashMap<>();
    private final Runnable[] operations;
    private final long seed;
    private long step;

    /**
     * Allocates an array for every value of the graph, 8 bytes an element, all zero.
     *
     * @param seed of dropout
     * @throws ModelException naming the layer, if a value has more elements than a Java array
     */
    public ReferenceInterpreter(Graph graph, long seed) {
        this.seed = seed;
        List<Runnable> bound = new ArrayList<>();
        for (List<Value> given : List.of(graph.inputs(), graph.parameters(), graph.buffers())) {
            for (Value v : given) allocate(v, v.name());
        }
        for (Node node : graph.nodes()) {
            for (Value v : node.outputs()) allocate(v, node.path());
            bound.add(rounded(bind(node), node));
        }
        operations = bound.toArray(Runnable[]::new);
    }

    private void allocate(Value v, String path) {
        // A few elements less than 2^31 is what every JVM can do.
        if (v.shape().elements() > Integer.MAX_VALUE - 8) {
            throw new ModelException(
                    path,
                    v.type() + " has more elements than the reference backend's arrays hold: use a smaller batch");
        }
        arrays.put(v, new double[(int) v.shape().elements()]);
    }

    /**
     * The array of a value, row-major: to be written for inputs, parameters and buffers before a run, to be read for
     * all others after it. The same array at every call.
     *
     * @throws IllegalArgumentException if the value is not one of the graph's
     */
    public double[] array(Value value) {
        double[] array = arrays.get(value);
        if (array == null) throw new IllegalArgumentException("the graph has no value " + value);
        return array;
    }

    /**
     * Computes every value of the graph.
     *
     * @param step numbers the runs: dropout draws anew for each
     * @throws IllegalArgumentException if a target of a loss is no class; names it
     */
    public void run(long step) {
        this.step = step;
        for (Runnable operation : operations) operation.run();
    }

    /** What a node computes, rounded where its results are bfloat16. */
    private Runnable rounded(Runnable computation, Node node) {
        double[][] narrow = node.outputs().stream()
                .filter(v -> v.type().dataType() == DataType.BFLOAT16)
                .map(this::array)
                .toArray(double[][]::new);
        if (narrow.length == 0) return computation;
        return () -> {
            computation.run();
            for (double[] array : narrow) ReferenceElementwise.round(array, array);
        };
    }

    /** The computation of a node, bound to its arrays. */
    private Runnable bind(Node node) {
        double[][] in = node.inputs().stream().map(this::array).toArray(double[][]::new);
        double[][] out = node.outputs().stream().map(this::array).toArray(double[][]::new);
        return bind(node, node.op(), in, out);
    }

    /** As {@link #bind(Node)}; {@code operation} is the node's, or what its epilogue is put behind. */
    private Runnable bind(Node node, Op operation, double[][] in, double[][] out) {
        return switch (operation) {
            case Op.Convolution c -> {
                var op = new ReferenceConvolution(c, shape(node, 0), shape(node, 1), result(node));
                double[] bias = c.bias() ? in[2] : null;
                yield () -> op.forward(in[0], in[1], bias, out[0]);
            }
            case Op.ConvolutionBackwardData c -> {
                var op = new ReferenceConvolution(c.forward(), c.input(), shape(node, 1), shape(node, 0));
                yield () -> op.backwardData(in[0], in[1], out[0]);
            }
            case Op.ConvolutionBackwardWeights c -> {
                var op = new ReferenceConvolution(c.forward(), shape(node, 0), c.weight(), shape(node, 1));
                double[] dbias = c.forward().bias() ? out[1] : null;
                yield () -> op.backwardWeights(in[0], in[1], out[0], dbias);
            }
            case Op.TransposedConvolution c -> {
                var op = new ReferenceTransposedConvolution(c, shape(node, 0), shape(node, 1), result(node));
                double[] bias = c.bias() ? in[2] : null;
                yield () -> op.forward(in[0], in[1], bias, out[0]);
            }
            case Op.Linear l -> {
                var op = linear(shape(node, 0), result(node));
                double[] bias = l.bias() ? in[2] : null;
                yield () -> op.forward(in[0], in[1], bias, out[0]);
            }
            case Op.LinearBackwardData _ -> {
                var op = linear(result(node), shape(node, 0));
                yield () -> op.backwardData(in[0], in[1], out[0]);
            }
            case Op.LinearBackwardWeights l -> {
                var op = linear(shape(node, 0), shape(node, 1));
                double[] dbias = l.bias() ? out[1] : null;
                yield () -> op.backwardWeights(in[0], in[1], out[0], dbias);
            }
            case Op.MatMul m -> {
                var op = new ReferenceMatMul(m, shape(node, 0), shape(node, 1), result(node));
                yield () -> op.forward(in[0], in[1], out[0]);
            }
            case Op.Epilogue e -> {
                Runnable layer = bind(node, e.op(), in, out);
                double[] residual = e.residual() ? in[in.length - 1] : null;
                yield () -> {
                    layer.run();
                    if (residual != null) for (int i = 0; i < residual.length; i++) out[0][i] += residual[i];
                    e.activation().ifPresent(a -> ReferenceActivation.forward(a.kind(), a.alpha(), out[0], out[0]));
                };
            }
            case Op.FoldedWeights f -> foldedWeights(f, in, out);
            case Op.BatchNormalization b -> batchNormalization(b, shape(node, 0), in, out);
            case Op.BatchNormalizationBackward b -> batchNormalizationBackward(b.forward(), shape(node, 0), in, out);
            case Op.GhostBatchNormalization g -> {
                var op = new ReferenceGhostBatchNormalization(g, shape(node, 0));
                double[] gamma = g.scale() ? in[1] : null;
                double[] beta = g.shift() ? in[in.length - 1] : null;
                yield () -> op.forward(in[0], gamma, beta, out);
            }
            case Op.GhostBatchNormalizationBackward g -> {
                var op = new ReferenceGhostBatchNormalization(g.forward(), shape(node, 0));
                double[] dgamma = g.forward().scale() ? out[1] : null;
                double[] dbeta = g.forward().shift() ? out[out.length - 1] : null;
                yield () -> op.backward(in, out[0], dgamma, dbeta);
            }
            case Op.RenormalizationFactors r ->
                () -> ReferenceRenormalization.factors(r, step, in[0], in[1], in[2], in[3], out[0], out[1]);
            case Op.LayerNormalization l -> {
                var op = new ReferenceLayerNormalization(l, shape(node, 0));
                double[] gamma = l.scale() ? in[1] : null;
                double[] beta = l.shift() ? in[in.length - 1] : null;
                yield () -> op.forward(in[0], gamma, beta, out[0], out[1], out[2]);
            }
            case Op.LayerNormalizationBackward l -> {
                var op = new ReferenceLayerNormalization(l.forward(), shape(node, 0));
                double[] gamma = l.forward().scale() ? in[3] : null;
                double[] dgamma = l.forward().scale() ? out[1] : null;
                double[] dbeta = l.forward().shift() ? out[out.length - 1] : null;
                yield () -> op.backward(in[0], in[1], in[2], gamma, in[in.length - 1], out[0], dgamma, dbeta);
            }
            case Op.Pooling p -> {
                var op = new ReferencePooling(p, shape(node, 0), result(node));
                yield p.kind() == Op.PoolingKind.MAX
                        ? () -> op.forwardMaximum(in[0], out[0], out[1])
                        : () -> op.forwardAverage(in[0], out[0]);
            }
            case Op.PoolingBackward p -> {
                var op = new ReferencePooling(p.forward(), p.input(), shape(node, 0));
                yield p.forward().kind() == Op.PoolingKind.MAX
                        ? () -> op.backwardMaximum(in[0], in[1], out[0])
                        : () -> op.backwardAverage(in[0], out[0]);
            }
            case Op.Resampling r -> {
                var op = new ReferenceResampling(r, shape(node, 0));
                yield () -> op.forward(in[0], out[0]);
            }
            case Op.ResamplingBackward r -> {
                var op = new ReferenceResampling(r.forward(), r.input());
                yield () -> op.backward(in[0], out[0]);
            }
            case Op.AlongAxis a -> {
                var op = new ReferenceAlongAxis(a.matrix(), a.axis(), shape(node, 0));
                yield () -> op.multiply(in[0], out[0]);
            }
            case Op.PRelu _ -> {
                var op = new ReferenceElementwise(shape(node, 0), shape(node, 1));
                yield () -> op.prelu(in[0], in[1], out[0]);
            }
            case Op.PReluBackward _ -> {
                var op = new ReferenceElementwise(shape(node, 0), shape(node, 1));
                yield () -> op.preluBackward(in[0], in[1], in[2], out[0], out[1]);
            }
            case Op.Activation a -> () -> ReferenceActivation.forward(a.kind(), a.alpha(), in[0], out[0]);
            case Op.ActivationBackward a ->
                () -> ReferenceActivation.backward(a.kind(), a.alpha(), in[0], in[1], out[0]);
            case Op.Add a -> {
                var op = new ReferenceElementwise(shape(node, 0), shape(node, 1));
                yield () -> op.add(in[0], in[1], out[0], a.relu());
            }
            case Op.Multiply _ -> {
                var op = new ReferenceElementwise(shape(node, 0), shape(node, 1));
                yield () -> op.multiply(in[0], in[1], out[0]);
            }
            case Op.Binary b -> {
                var op = new ReferenceElementwise(shape(node, 0), shape(node, 1));
                yield () -> op.binary(b.kind(), in[0], in[1], out[0]);
            }
            case Op.Unary u -> () -> ReferenceUnary.forward(u, in[0], out[0]);
            case Op.UnaryBackward u -> () -> ReferenceUnary.backward(u.forward(), in[0], in[1], out[0]);
            case Op.Expand e -> {
                var op = new ReferenceElementwise(e.shape(), shape(node, 0));
                yield () -> op.expand(in[0], out[0]);
            }
            case Op.ReduceSum r -> {
                var op = new ReferenceElementwise(shape(node, 0), r.shape());
                yield () -> op.reduceSum(in[0], out[0]);
            }
            case Op.Dropout d ->
                () -> ReferenceElementwise.dropout(
                        DropoutMask.key(seed, d.salt(), step), d.probability(), in[0], out[0]);
            case Op.Concat c -> () -> concat(c, node, in, out[0]);
            case Op.Slice s -> {
                int start = (int) s.start();
                int length = (int) s.length();
                yield () -> ReferenceStructure.copy(
                        s.axis(), length, in[0], shape(node, 0), start, out[0], result(node), 0);
            }
            case Op.SliceBackward s -> {
                int start = (int) s.forward().start();
                int length = (int) s.forward().length();
                yield () -> {
                    Arrays.fill(out[0], 0);
                    ReferenceStructure.copy(
                            s.forward().axis(), length, in[0], shape(node, 0), 0, out[0], s.input(), start);
                };
            }
            case Op.Reshape _ -> () -> System.arraycopy(in[0], 0, out[0], 0, in[0].length);
            case Op.Transpose t -> {
                int[] from = ReferenceStructure.transposed(t.axes(), shape(node, 0));
                yield () -> {
                    for (int i = 0; i < from.length; i++) out[0][i] = in[0][from[i]];
                };
            }
            case Op.Fill f -> () -> Arrays.fill(out[0], f.value());
            case Op.Convert _ -> () -> System.arraycopy(in[0], 0, out[0], 0, in[0].length);
            case Op.Round _ -> () -> ReferenceElementwise.round(in[0], out[0]);
            case Op.Softmax s -> {
                var op = new ReferenceSoftmax(s.axis(), s.logarithm(), shape(node, 0));
                yield () -> op.forward(in[0], out[0]);
            }
            case Op.SoftmaxBackward s -> {
                var op = new ReferenceSoftmax(s.forward().axis(), s.forward().logarithm(), shape(node, 0));
                yield () -> op.backward(in[0], in[1], out[0]);
            }
            case Op.CrossEntropy c -> {
                var op = new ReferenceLoss(c, shape(node, 0));
                yield () -> op.crossEntropy(in[0], in[1], out[0]);
            }
            case Op.CrossEntropyBackward c -> {
                var op = new ReferenceLoss(c.forward(), shape(node, 0));
                yield () -> op.crossEntropyBackward(in[0], in[1], in[2], out[0]);
            }
            case Op.SoftCrossEntropy c -> {
                var op = new ReferenceLoss(c, shape(node, 0));
                yield () -> op.softCrossEntropy(in[0], in[1], out[0]);
            }
            case Op.SoftCrossEntropyBackward c -> {
                var op = new ReferenceLoss(c.forward(), shape(node, 0));
                yield () -> op.softCrossEntropyBackward(in[0], in[1], in[2], out[0]);
            }
            case Op.PointwiseLoss l -> {
                var op = new ReferencePointwiseLoss(l, shape(node, 0));
                yield () -> op.forward(in[0], in[1], out[0]);
            }
            case Op.PointwiseLossBackward l -> {
                var op = new ReferencePointwiseLoss(l.forward(), shape(node, 0));
                yield () -> op.backward(in[0], in[1], in[2], out[0]);
            }
        };
    }

    private static ReferenceLinear linear(Shape x, Shape y) {
        return new ReferenceLinear((int) x.dim(0), (int) x.dim(1), (int) y.dim(1));
    }

    private static Runnable batchNormalization(Op.BatchNormalization b, Shape x, double[][] in, double[][] out) {
        var op = new ReferenceBatchNormalization(b, x);
        int affine = b.training() ? 1 : 3;
        double[] mean = b.training() ? out[1] : in[1];
        double[] variance = b.training() ? out[2] : in[2];
        double[] gamma = b.scale() ? in[affine] : null;
        double[] beta = b.shift() ? in[in.length - 1] : null;
        double[] mask = b.relu() ? out[out.length - 1] : null;
        return () -> {
            if (b.training()) op.statistics(in[0], mean, variance);
            op.forward(in[0], mean, variance, gamma, beta, out[0], mask);
        };
    }

    private static Runnable batchNormalizationBackward(
            Op.BatchNormalization b, Shape x, double[][] in, double[][] out) {
        var op = new ReferenceBatchNormalization(b, x);
        double[] gamma = b.scale() ? in[3] : null;
        double[] dy = in[b.scale() ? 4 : 3];
        double[] mask = b.relu() ? in[in.length - 1] : null;
        double[] dgamma = b.scale() ? out[1] : null;
        double[] dbeta = b.shift() ? out[out.length - 1] : null;
        return () -> op.backward(in[0], in[1], in[2], gamma, dy, mask, out[0], dgamma, dbeta);
    }

    private static Runnable foldedWeights(Op.FoldedWeights f, double[][] in, double[][] out) {
        int next = f.bias() ? 2 : 1;
        double[] bias = f.bias() ? in[1] : null;
        double[] mean = in[next];
        double[] variance = in[next + 1];
        double[] gamma = f.scale() ? in[next + 2] : null;
        double[] beta = f.shift() ? in[in.length - 1] : null;
        return () ->
                ReferenceBatchNormalization.fold(f.epsilon(), in[0], bias, mean, variance, gamma, beta, out[0], out[1]);
    }

    private static void concat(Op.Concat c, Node node, double[][] in, double[] y) {
        int start = 0;
        for (int i = 0; i < in.length; i++) {
            int length = (int) shape(node, i).dim(c.axis());
            ReferenceStructure.copy(c.axis(), length, in[i], shape(node, i), 0, y, result(node), start);
            start += length;
        }
    }

    private static Shape shape(Node node, int operand) {
        return node.input(operand).shape();
    }

    private static Shape result(Node node) {
        return node.output(0).shape();
    }
}
