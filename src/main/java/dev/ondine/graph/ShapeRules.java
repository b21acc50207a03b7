package dev.ondine.graph;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What each operation yields for what it is given, and what it refuses. */
final class ShapeRules {
    private ShapeRules() {}

    /**
     * The types of the results of an operation.
     *
     * @throws IllegalArgumentException if the operands do not fit; the message says which and why, the caller adds the path
     */
    static List<TensorType> infer(Op op, List<TensorType> in) {
        requireFloats(op, in);
        return switch (op) {
            case Op.Convolution c -> List.of(like(in, 0, WindowRules.convolution(c, in)));
            case Op.ConvolutionBackwardData c -> List.of(like(in, 0, c.input()));
            case Op.ConvolutionBackwardWeights c -> {
                List<TensorType> out = new ArrayList<>(List.of(TensorType.float32(c.weight())));
                if (c.forward().bias())
                    out.add(TensorType.float32(Shape.of(c.weight().dim(0))));
                yield out;
            }
            case Op.TransposedConvolution c -> List.of(like(in, 0, WindowRules.transposedConvolution(c, in)));
            case Op.Linear l -> List.of(like(in, 0, linear(l, in)));
            case Op.LinearBackwardData _ ->
                List.of(like(in, 0, Shape.of(shape(in, 0).dim(0), shape(in, 1).dim(1))));
            case Op.LinearBackwardWeights l -> {
                long outputs = shape(in, 1).dim(1);
                List<TensorType> out = new ArrayList<>();
                out.add(TensorType.float32(Shape.of(outputs, shape(in, 0).dim(1))));
                if (l.bias()) out.add(TensorType.float32(Shape.of(outputs)));
                yield out;
            }
            case Op.MatMul m -> List.of(like(in, 0, StructureRules.matMul(m, shape(in, 0), shape(in, 1))));
            case Op.Epilogue e -> {
                TensorType y = infer(e.op(), in).getFirst();
                if (e.residual()) requireSame("residual", in.getLast().shape(), "result", y.shape());
                yield List.of(y);
            }
            case Op.FoldedWeights f -> {
                Shape channels = Shape.of(shape(in, 0).dim(0));
                for (int i = 1; i < 3 + count(f.bias(), f.scale(), f.shift()); i++) {
                    requireSame("operand " + i, shape(in, i), "output channels", channels);
                }
                yield List.of(in.get(0), TensorType.float32(channels));
            }
            case Op.BatchNormalization b -> batchNormalization(b, in);
            case Op.BatchNormalizationBackward b -> {
                TensorType channels = TensorType.float32(Shape.of(shape(in, 0).dim(1)));
                List<TensorType> out = new ArrayList<>(List.of(in.get(0)));
                if (b.forward().scale()) out.add(channels);
                if (b.forward().shift()) out.add(channels);
                yield out;
            }
            case Op.GhostBatchNormalization g -> ghostBatchNormalization(g, in);
            case Op.GhostBatchNormalizationBackward g -> {
                TensorType channels = TensorType.float32(Shape.of(shape(in, 0).dim(1)));
                List<TensorType> out = new ArrayList<>(List.of(in.get(0)));
                if (g.forward().scale()) out.add(channels);
                if (g.forward().shift()) out.add(channels);
                yield out;
            }
            case Op.RenormalizationFactors _ -> {
                for (int i = 1; i < 4; i++) requireSame("statistics", shape(in, i), "channels", shape(in, 0));
                yield List.of(in.get(0), in.get(0));
            }
            case Op.LayerNormalization l -> layerNormalization(l, in);
            case Op.LayerNormalizationBackward l -> {
                List<TensorType> out = new ArrayList<>(List.of(in.get(0)));
                TensorType affine = TensorType.float32(normalized(l.forward(), shape(in, 0)));
                if (l.forward().scale()) out.add(affine);
                if (l.forward().shift()) out.add(affine);
                yield out;
            }
            case Op.Pooling p -> {
                TensorType out = like(in, 0, WindowRules.pooling(p, shape(in, 0)));
                yield p.kind() == Op.PoolingKind.MAX ? List.of(out, out) : List.of(out);
            }
            case Op.PoolingBackward p -> List.of(like(in, 0, p.input()));
            case Op.Resampling r -> List.of(like(in, 0, StructureRules.resampling(r, shape(in, 0))));
            case Op.ResamplingBackward r -> List.of(like(in, 0, r.input()));
            case Op.AlongAxis a -> {
                requireAxis(a.axis(), shape(in, 0));
                yield List.of(like(in, 0, StructureRules.alongAxis(a, shape(in, 0))));
            }
            case Op.PRelu _ -> {
                requireSame("slope", shape(in, 1), "channels", StructureRules.onlyChannels(shape(in, 0)));
                yield List.of(in.get(0));
            }
            case Op.PReluBackward _ -> List.of(in.get(0), TensorType.float32(shape(in, 1)));
            case Op.Activation a -> {
                // Their gradients are computed from the output, whose sign would not tell that of the input.
                if (!(a.alpha() >= 0) && (a.kind() == ActivationKind.LEAKY_RELU || a.kind() == ActivationKind.ELU)) {
                    throw new IllegalArgumentException("alpha must not be negative, but is " + a.alpha());
                }
                yield List.of(in.get(0));
            }
            case Op.Dropout d -> {
                if (!(d.probability() >= 0 && d.probability() <= 1)) {
                    throw new IllegalArgumentException(
                            "the probability of dropout must lie in [0, 1], not " + d.probability());
                }
                yield List.of(in.get(0));
            }
            case Op.ActivationBackward _ -> List.of(in.get(0));
            case Op.Add _, Op.Multiply _ -> {
                requireBroadcastable(shape(in, 1), shape(in, 0));
                yield List.of(in.get(0));
            }
            case Op.Binary _ -> {
                requireBroadcastable(shape(in, 1), shape(in, 0));
                yield List.of(in.get(0));
            }
            case Op.Unary u -> {
                if (u.kind() == UnaryKind.CLIP && !(u.alpha() <= u.beta())) {
                    throw new IllegalArgumentException(
                            "the limits " + u.alpha() + " and " + u.beta() + " are the wrong way round");
                }
                yield List.of(in.get(0));
            }
            case Op.UnaryBackward _ -> List.of(in.get(0));
            case Op.Expand e -> {
                requireBroadcastable(shape(in, 0), e.shape());
                yield List.of(like(in, 0, e.shape()));
            }
            case Op.Concat c -> List.of(like(in, 0, concat(c, in)));
            case Op.Slice s -> List.of(like(in, 0, slice(s, shape(in, 0))));
            case Op.SliceBackward s -> List.of(like(in, 0, s.input()));
            case Op.Reshape r -> {
                if (r.shape().elements() != shape(in, 0).elements()) {
                    throw new IllegalArgumentException("cannot reshape " + shape(in, 0) + " with "
                            + shape(in, 0).elements() + " elements into " + r.shape() + " with "
                            + r.shape().elements());
                }
                yield List.of(like(in, 0, r.shape()));
            }
            case Op.Transpose t -> List.of(like(in, 0, StructureRules.transpose(t, shape(in, 0))));
            case Op.Fill f -> List.of(TensorType.float32(f.shape()));
            case Op.Convert c -> {
                if (!c.type().isFloat()) {
                    throw new IllegalArgumentException("values are converted to floating-point types only, not to "
                            + c.type().shortName());
                }
                yield List.of(in.get(0).as(c.type()));
            }
            case Op.Round r -> {
                if (r.precision() != DataType.BFLOAT16) {
                    throw new IllegalArgumentException("values are rounded to bf16 only, not to "
                            + r.precision().shortName());
                }
                yield List.of(in.get(0));
            }
            case Op.ReduceSum r -> {
                requireBroadcastable(r.shape(), shape(in, 0));
                yield List.of(like(in, 0, r.shape()));
            }
            case Op.Softmax s -> {
                requireAxis(s.axis(), shape(in, 0));
                yield List.of(in.get(0));
            }
            case Op.SoftmaxBackward _ -> List.of(in.get(1));
            case Op.CrossEntropy c -> List.of(LossRules.crossEntropy(c, in));
            case Op.SoftCrossEntropy c -> List.of(LossRules.softCrossEntropy(c, in));
            case Op.PointwiseLoss l -> {
                requireSame("target", shape(in, 1), "prediction", shape(in, 0));
                LossRules.requirePointwise(l, shape(in, 0));
                yield List.of(TensorType.float32(Shape.of()));
            }
            case Op.CrossEntropyBackward _, Op.SoftCrossEntropyBackward _, Op.PointwiseLossBackward _ ->
                List.of(in.get(0));
        };
    }

    /** Everything computes on floating-point values; only the targets of cross-entropy are integers. */
    private static void requireFloats(Op op, List<TensorType> in) {
        boolean classes = op instanceof Op.CrossEntropy || op instanceof Op.CrossEntropyBackward;
        for (int i = 0; i < in.size(); i++) {
            if (!in.get(i).dataType().isFloat() && !(classes && i == 1)) {
                throw new IllegalArgumentException(
                        "operand " + i + " is " + in.get(i) + ", not of a floating-point type");
            }
        }
    }

    private static Shape linear(Op.Linear l, List<TensorType> in) {
        Shape x = shape(in, 0);
        Shape w = shape(in, 1);
        if (x.rank() != 2) {
            throw new IllegalArgumentException(
                    "a linear layer takes (batch, features), not " + x + "; put a Flatten before it");
        }
        if (w.dim(1) != x.dim(1)) {
            throw new IllegalArgumentException(
                    "weight " + w + " expects " + w.dim(1) + " features, the input " + x + " has " + x.dim(1));
        }
        if (l.bias()) requireSame("bias", shape(in, 2), "outputs", Shape.of(w.dim(0)));
        return Shape.of(x.dim(0), w.dim(0));
    }

    private static List<TensorType> batchNormalization(Op.BatchNormalization b, List<TensorType> in) {
        Shape x = shape(in, 0);
        if (x.rank() < 2 || x.rank() > 5) {
            throw new IllegalArgumentException(
                    "batch normalization takes (batch, channels) and up to three spatial axes, not " + x);
        }
        if (!(b.epsilon() > 0)) throw new IllegalArgumentException("epsilon must be positive, not " + b.epsilon());
        Shape channels = Shape.of(x.dim(1));
        for (int i = 1; i < in.size(); i++) {
            requireSame("statistics, scale and shift", shape(in, i), "channels", channels);
        }
        if (b.training() && x.elements() == x.dim(1)) {
            throw new IllegalArgumentException("training takes more than one value per channel, but the input " + x
                    + " has only one: use a larger batch, or freeze this layer");
        }
        List<TensorType> out = new ArrayList<>(List.of(in.get(0)));
        if (b.training()) {
            out.add(TensorType.float32(channels));
            out.add(TensorType.float32(channels));
        }
        if (b.relu()) out.add(in.get(0));
        return out;
    }

    private static List<TensorType> ghostBatchNormalization(Op.GhostBatchNormalization g, List<TensorType> in) {
        Shape x = shape(in, 0);
        if (g.ghosts() < 1 || x.rank() < 1 || x.dim(0) % g.ghosts() != 0) {
            throw new IllegalArgumentException(
                    "the batch of " + x + " cannot be divided into " + g.ghosts() + " parts");
        }
        List<TensorType> part = new ArrayList<>(in);
        part.set(0, like(in, 0, x.with(0, x.dim(0) / g.ghosts())));
        List<TensorType> one = batchNormalization(g.part(), part);
        List<TensorType> out = new ArrayList<>(List.of(in.get(0)));
        for (int i = 0; i < g.ghosts(); i++) out.addAll(one.subList(1, 3));
        return out;
    }

    private static List<TensorType> layerNormalization(Op.LayerNormalization l, List<TensorType> in) {
        Shape x = shape(in, 0);
        if (l.axes() < 1 || l.axes() > x.rank()) {
            throw new IllegalArgumentException("layer normalization over the last " + l.axes()
                    + " axes does not take an input of shape " + x + ", which has " + x.rank());
        }
        if (!(l.epsilon() > 0)) throw new IllegalArgumentException("epsilon must be positive, not " + l.epsilon());
        Shape normalized = normalized(l, x);
        if (normalized.elements() == 1) {
            throw new IllegalArgumentException("normalization takes more than one value at a time, but of the input "
                    + x + " each value would be normalized by itself, to nothing but the shift");
        }
        for (int i = 1; i < in.size(); i++) requireSame("scale and shift", shape(in, i), "the last axes", normalized);
        TensorType statistics = TensorType.float32(Shape.of(Arrays.copyOf(x.dims(), x.rank() - l.axes())));
        return List.of(in.get(0), statistics, statistics);
    }

    /** The axes that are normalized over. */
    private static Shape normalized(Op.LayerNormalization l, Shape x) {
        return Shape.of(Arrays.copyOfRange(x.dims(), x.rank() - l.axes(), x.rank()));
    }

    private static Shape concat(Op.Concat c, List<TensorType> in) {
        requireAxis(c.axis(), shape(in, 0));
        long extent = 0;
        for (int i = 0; i < in.size(); i++) {
            Shape s = shape(in, i);
            if (s.rank() != shape(in, 0).rank()
                    || !s.with(c.axis(), 1).equals(shape(in, 0).with(c.axis(), 1))) {
                throw new IllegalArgumentException(
                        "cannot join " + shape(in, 0) + " and " + s + " along axis " + c.axis());
            }
            extent += s.dim(c.axis());
        }
        return shape(in, 0).with(c.axis(), extent);
    }

    private static Shape slice(Op.Slice s, Shape x) {
        requireAxis(s.axis(), x);
        if (s.start() < 0 || s.length() < 1 || s.length() > x.dim(s.axis()) - s.start()) {
            throw new IllegalArgumentException("the slice of " + s.length() + " from " + s.start()
                    + " lies outside axis " + s.axis() + " of " + x);
        }
        return x.with(s.axis(), s.length());
    }

    private static int count(boolean... flags) {
        int count = 0;
        for (boolean flag : flags) if (flag) count++;
        return count;
    }

    static Shape shape(List<TensorType> in, int i) {
        return in.get(i).shape();
    }

    private static TensorType like(List<TensorType> in, int i, Shape shape) {
        return new TensorType(in.get(i).dataType(), shape);
    }

    static void requireSame(String what, Shape actual, String whose, Shape expected) {
        if (!actual.equals(expected)) {
            throw new IllegalArgumentException(
                    what + " of shape " + actual + " does not fit " + whose + " of shape " + expected);
        }
    }

    static void requireCount(String what, List<Integer> values, int spatial, int least) {
        if (values.size() != spatial) {
            throw new IllegalArgumentException(
                    what + " " + values + " has " + values.size() + " entries for " + spatial + " spatial axes");
        }
        for (int v : values) {
            if (v < least) throw new IllegalArgumentException(what + " " + values + " must be at least " + least);
        }
    }

    private static void requireAxis(int axis, Shape shape) {
        if (axis < 0 || axis >= shape.rank()) {
            throw new IllegalArgumentException("axis " + axis + " does not exist in " + shape);
        }
    }

    private static void requireBroadcastable(Shape small, Shape large) {
        boolean fits = small.rank() == large.rank();
        for (int i = 0; fits && i < small.rank(); i++) fits = small.dim(i) == large.dim(i) || small.dim(i) == 1;
        if (!fits) {
            throw new IllegalArgumentException(small + " cannot be broadcast to " + large
                    + ": each extent must be equal or 1, and the ranks equal");
        }
    }
}
