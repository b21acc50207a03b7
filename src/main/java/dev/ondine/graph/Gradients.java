package dev.ondine.graph;

import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/** The gradient of each operation, as operations. */
final class Gradients {
    private final GraphBuilder builder;
    private final Node node;

    private Gradients(GraphBuilder builder, Node node) {
        this.builder = builder;
        this.node = node;
    }

    /**
     * Adds the operations that carry a gradient back through a node.
     *
     * @param dy gradient of the loss with respect to the first result of {@code node}
     * @param wanted for each operand, whether its gradient is needed; nothing is added for the others
     * @return the gradient of each operand; null where there is none or it is not wanted
     */
    static List<Value> of(GraphBuilder builder, Node node, Value dy, boolean[] wanted) {
        if (node.op() instanceof Op.Fused) throw new IllegalStateException("differentiate before fusing");
        if (!(node.op() instanceof Op.Forward forward)) {
            throw new ModelException(
                    node.path(), node.op() + " is a gradient itself and cannot be differentiated again");
        }
        Value[] gradients = new Gradients(builder, node).backward(forward, dy, wanted);
        return Arrays.asList(Arrays.copyOf(gradients, node.inputs().size()));
    }

    private Value[] backward(Op.Forward op, Value dy, boolean[] wanted) {
        return switch (op) {
            case Op.Convolution c ->
                weighted(
                        wanted,
                        () -> add(new Op.ConvolutionBackwardData(c, in(0).shape()), dy, in(1)),
                        () -> addAll(new Op.ConvolutionBackwardWeights(c, in(1).shape()), in(0), dy));
            case Op.TransposedConvolution c -> transposedConvolution(c, dy, wanted);
            case Op.Linear l ->
                weighted(
                        wanted,
                        () -> add(new Op.LinearBackwardData(), dy, in(1)),
                        () -> addAll(new Op.LinearBackwardWeights(l.bias()), in(0), dy));
            case Op.MatMul m -> matMul(m, dy, wanted);
            case Op.BatchNormalization b -> batchNormalization(b, dy);
            case Op.LayerNormalization l -> layerNormalization(l, dy);
            case Op.GhostBatchNormalization g -> ghostBatchNormalization(g, dy);
            case Op.RenormalizationFactors _ -> new Value[0];
            case Op.Pooling p -> {
                Op.PoolingBackward backward = new Op.PoolingBackward(p, in(0).shape());
                yield only(p.kind() == Op.PoolingKind.MAX ? add(backward, dy, node.output(1)) : add(backward, dy));
            }
            case Op.Resampling r -> only(add(new Op.ResamplingBackward(r, in(0).shape()), dy));
            case Op.AlongAxis a ->
                only(add(new Op.AlongAxis(a.axis(), a.matrix().transposed()), dy));
            case Op.PRelu _ -> addAll(new Op.PReluBackward(), in(0), in(1), dy).toArray(Value[]::new);
            case Op.Activation a -> {
                Value known = a.kind().gradientFromOutput() ? node.output(0) : in(0);
                yield only(add(new Op.ActivationBackward(a.kind(), a.alpha()), known, dy));
            }
            case Op.Add a -> {
                // A fused ReLU is made after differentiation, so that dy is the gradient of the plain sum here.
                if (a.relu()) throw new IllegalStateException("differentiate before fusing");
                yield new Value[] {dy, wanted[1] ? reduceTo(dy, in(1).shape()) : null};
            }
            case Op.Multiply _ ->
                new Value[] {
                    wanted[0] ? add(new Op.Multiply(), dy, in(1)) : null,
                    wanted[1] ? reduceTo(add(new Op.Multiply(), dy, in(0)), in(1).shape()) : null
                };
            case Op.Dropout d -> only(add(d, dy));
            case Op.Concat c -> {
                Value[] parts = new Value[node.inputs().size()];
                long start = 0;
                for (int i = 0; i < parts.length; i++) {
                    long length = in(i).shape().dim(c.axis());
                    if (wanted[i]) parts[i] = add(new Op.Slice(c.axis(), start, length), dy);
                    start += length;
                }
                yield parts;
            }
            case Op.Slice s -> only(add(new Op.SliceBackward(s, in(0).shape()), dy));
            case Op.Reshape _ -> only(add(new Op.Reshape(in(0).shape()), dy));
            case Op.Transpose t -> only(add(t.inverse(), dy));
            case Op.Fill _ -> new Value[0];
            case Op.Convert _ -> only(add(new Op.Convert(in(0).type().dataType()), dy));
            // Straight through: the derivative of a staircase is of no use.
            case Op.Round _ -> only(dy);
            case Op.ReduceSum _ -> only(add(new Op.Expand(in(0).shape()), dy));
            case Op.Expand _ -> only(reduceTo(dy, in(0).shape()));
            case Op.Binary b -> binary(b.kind(), dy, wanted);
            case Op.Unary u -> only(add(new Op.UnaryBackward(u), in(0), dy));
            case Op.Softmax s -> only(add(new Op.SoftmaxBackward(s), node.output(0), dy));
            case Op.CrossEntropy c -> only(add(new Op.CrossEntropyBackward(c), in(0), in(1), dy));
            case Op.SoftCrossEntropy c -> {
                requireConstantTarget(wanted);
                yield only(add(new Op.SoftCrossEntropyBackward(c), in(0), in(1), dy));
            }
            case Op.PointwiseLoss l -> pointwise(l, dy, wanted);
        };
    }

    private Value[] weighted(boolean[] wanted, Supplier<Value> data, Supplier<List<Value>> weights) {
        Value[] gradients = new Value[3];
        boolean bias = wanted.length > 2;
        // Weights first: where dy is also overwritten by the data gradient, both readers come before the writer.
        if (wanted[1] || (bias && wanted[2])) {
            List<Value> d = weights.get();
            gradients[1] = d.get(0);
            if (bias) gradients[2] = d.get(1);
        }
        if (wanted[0]) gradients[0] = data.get();
        return gradients;
    }

    /** The gradients of a transposed convolution are those of a convolution with input and output exchanged. */
    private Value[] transposedConvolution(Op.TransposedConvolution op, Value dy, boolean[] wanted) {
        Op.Convolution c = op.convolution();
        Value[] gradients = weighted(
                new boolean[] {wanted[0], wanted[1]},
                () -> add(c, dy, in(1)),
                () -> addAll(new Op.ConvolutionBackwardWeights(c, in(1).shape()), dy, in(0)));
        if (op.bias() && wanted[2]) {
            Value sum = add(new Op.ReduceSum(StructureRules.onlyChannels(dy.shape())), dy);
            gradients[2] = add(new Op.Reshape(in(2).shape()), sum);
        }
        return gradients;
    }

    /** With y = s·a·b: da = s·dy·bᵀ and db = s·aᵀ·dy; of a transposed operand the transpose of that. */
    private Value[] matMul(Op.MatMul op, Value dy, boolean[] wanted) {
        Value a = in(0);
        Value b = in(1);
        boolean ta = op.transposeA();
        boolean tb = op.transposeB();
        Value[] gradients = new Value[2];
        if (wanted[0]) {
            Value d = ta
                    ? add(new Op.MatMul(tb, true, op.scale()), b, dy)
                    : add(new Op.MatMul(false, !tb, op.scale()), dy, b);
            gradients[0] = reduceTo(d, a.shape());
        }
        if (wanted[1]) {
            Value d = tb
                    ? add(new Op.MatMul(true, ta, op.scale()), dy, a)
                    : add(new Op.MatMul(!ta, false, op.scale()), a, dy);
            gradients[1] = reduceTo(d, b.shape());
        }
        return gradients;
    }

    private Value[] batchNormalization(Op.BatchNormalization b, Value dy) {
        if (b.relu()) throw new IllegalStateException("differentiate before fusing");
        List<Value> operands = new ArrayList<>();
        int affine = b.training() ? 1 : 3;
        operands.add(in(0));
        operands.add(b.training() ? node.output(1) : in(1));
        operands.add(b.training() ? node.output(2) : in(2));
        if (b.scale()) operands.add(in(affine));
        operands.add(dy);
        List<Value> d = builder.addAll(new Op.BatchNormalizationBackward(b), operands, node.path());
        Value[] gradients = new Value[node.inputs().size()];
        gradients[0] = d.getFirst();
        for (int i = 1; i < d.size(); i++) gradients[affine + i - 1] = d.get(i);
        return gradients;
    }

    private Value[] pointwise(Op.PointwiseLoss op, Value dy, boolean[] wanted) {
        Value dx = add(new Op.PointwiseLossBackward(op), in(0), in(1), dy);
        // These depend on the difference only, so that the target's gradient is the opposite.
        if (op instanceof Op.MeanSquaredError || op instanceof Op.SmoothL1) {
            return new Value[] {dx, wanted[1] ? add(new Op.Multiply(), dx, constant(-1, dx.shape())) : null};
        }
        requireConstantTarget(wanted);
        return only(dx);
    }

    private void requireConstantTarget(boolean[] wanted) {
        if (wanted[1]) {
            throw new ModelException(
                    node.path(),
                    "the target of " + node.op()
                            + " has no gradient: let nothing that is differentiated come into it, or give it as an"
                            + " input");
        }
    }

    private Value[] ghostBatchNormalization(Op.GhostBatchNormalization g, Value dy) {
        List<Value> operands = new ArrayList<>(List.of(in(0)));
        operands.addAll(node.outputs().subList(1, node.outputs().size()));
        if (g.scale()) operands.add(in(1));
        operands.add(dy);
        return builder.addAll(new Op.GhostBatchNormalizationBackward(g), operands, node.path())
                .toArray(Value[]::new);
    }

    private Value[] layerNormalization(Op.LayerNormalization l, Value dy) {
        List<Value> operands = new ArrayList<>(List.of(in(0), node.output(1), node.output(2)));
        if (l.scale()) operands.add(in(1));
        operands.add(dy);
        return builder.addAll(new Op.LayerNormalizationBackward(l), operands, node.path())
                .toArray(Value[]::new);
    }

    private Value[] binary(BinaryKind kind, Value dy, boolean[] wanted) {
        Value a = in(0);
        Value b = in(1);
        return switch (kind) {
            case SUBTRACT -> new Value[] {dy, wanted[1] ? negative(reduceTo(dy, b.shape())) : null};
            case DIVIDE -> {
                Value[] d = new Value[2];
                if (wanted[0]) d[0] = add(new Op.Binary(BinaryKind.DIVIDE), dy, b);
                if (wanted[1]) {
                    // −Σ dy·a/b², b being the same for all terms of the sum.
                    Value sum = reduceTo(add(new Op.Multiply(), dy, node.output(0)), b.shape());
                    d[1] = negative(add(new Op.Binary(BinaryKind.DIVIDE), sum, b));
                }
                yield d;
            }
            case MINIMUM, MAXIMUM -> {
                Value twice = add(
                        new Op.Add(false),
                        add(new Op.Binary(BinaryKind.GREATER), a, b),
                        add(new Op.Binary(BinaryKind.GREATER_OR_EQUAL), a, b));
                Value toLarger = add(new Op.Multiply(), dy, add(new Op.Unary(UnaryKind.LINEAR, 0.5f, 0), twice));
                Value rest = add(new Op.Binary(BinaryKind.SUBTRACT), dy, toLarger);
                boolean max = kind == BinaryKind.MAXIMUM;
                yield new Value[] {max ? toLarger : rest, wanted[1] ? reduceTo(max ? rest : toLarger, b.shape()) : null
                };
            }
            case GREATER, GREATER_OR_EQUAL -> new Value[2];
        };
    }

    private Value negative(Value v) {
        return add(new Op.Unary(UnaryKind.LINEAR, -1, 0), v);
    }

    private Value reduceTo(Value dy, Shape shape) {
        return dy.shape().equals(shape) ? dy : add(new Op.ReduceSum(shape), dy);
    }

    private Value constant(float value, Shape like) {
        long[] ones = new long[like.rank()];
        Arrays.fill(ones, 1);
        return add(new Op.Fill(value, Shape.of(ones)));
    }

    private Value in(int i) {
        return node.input(i);
    }

    private Value add(Op op, Value... operands) {
        return addAll(op, operands).getFirst();
    }

    private List<Value> addAll(Op op, Value... operands) {
        return builder.addAll(op, List.of(operands), node.path());
    }

    private static Value[] only(Value dx) {
        return new Value[] {dx};
    }
}
