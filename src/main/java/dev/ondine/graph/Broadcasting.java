package dev.ondine.graph;

import dev.ondine.tensor.Shape;
import java.util.Arrays;

/**
 * Operations of two tensors, and sums over axes, by the rules of NumPy and ONNX: shapes are aligned at their last axes, missing ones and
 * such of extent 1 are repeated, of either operand.
 */
public final class Broadcasting {
    private Broadcasting() {}

    /**
     * The shape that two shapes are broadcast to.
     *
     * @throws IllegalArgumentException if they do not fit
     */
    public static Shape common(Shape a, Shape b) {
        int rank = Math.max(a.rank(), b.rank());
        long[] dims = new long[rank];
        for (int i = 1; i <= rank; i++) {
            long x = i <= a.rank() ? a.dim(-i) : 1;
            long y = i <= b.rank() ? b.dim(-i) : 1;
            if (x != y && x != 1 && y != 1) {
                throw new IllegalArgumentException(
                        a + " and " + b + " cannot be broadcast to one shape: counted from the" + " last, axis " + i
                                + " has " + x + " and " + y + " elements");
            }
            dims[rank - i] = Math.max(x, y);
        }
        return Shape.of(dims);
    }

    /** The sum of both, spread to their common shape. */
    public static Value add(GraphBuilder builder, Value a, Value b) {
        return commuting(builder, new Op.Add(false), a, b);
    }

    /** The product of both, spread to their common shape. */
    public static Value multiply(GraphBuilder builder, Value a, Value b) {
        return commuting(builder, new Op.Multiply(), a, b);
    }

    /** f(a, b). */
    public static Value binary(GraphBuilder builder, BinaryKind kind, Value a, Value b) {
        return apply(builder, new Op.Binary(kind), a, b);
    }

    private static Value commuting(GraphBuilder builder, Op op, Value a, Value b) {
        boolean swap = b.shape().equals(common(a.shape(), b.shape()));
        return swap ? apply(builder, op, b, a) : apply(builder, op, a, b);
    }

    private static Value apply(GraphBuilder builder, Op op, Value a, Value b) {
        Shape shape = common(a.shape(), b.shape());
        return builder.add(op, expand(builder, a, shape), ranked(builder, b, shape.rank()));
    }

    /**
     * A tensor repeated to a shape.
     *
     * @throws IllegalArgumentException if it does not fit
     */
    public static Value expand(GraphBuilder builder, Value x, Shape shape) {
        if (!common(x.shape(), shape).equals(shape)) {
            throw new IllegalArgumentException(x.shape() + " cannot be broadcast to " + shape);
        }
        Value aligned = ranked(builder, x, shape.rank());
        return aligned.shape().equals(shape) ? aligned : builder.add(new Op.Expand(shape), aligned);
    }

    private static Value ranked(GraphBuilder builder, Value x, int rank) {
        Shape s = x.shape();
        if (s.rank() == rank) return x;
        long[] dims = new long[rank];
        Arrays.fill(dims, 1);
        System.arraycopy(s.dims(), 0, dims, rank - s.rank(), s.rank());
        return builder.add(new Op.Reshape(Shape.of(dims)), x);
    }

    /**
     * The sum over some axes.
     *
     * @param keep whether they stay, with extent 1
     * @param axes negative ones count from the end; none for all
     */
    public static Value sum(GraphBuilder builder, Value x, boolean keep, int... axes) {
        Shape kept = kept(x.shape(), axes);
        Value sum = kept.equals(x.shape()) ? x : builder.add(new Op.ReduceSum(kept), x);
        if (keep) return sum;
        boolean[] summed = summed(x.shape(), axes);
        long[] left = new long[x.shape().rank()];
        int rank = 0;
        for (int i = 0; i < summed.length; i++)
            if (!summed[i]) left[rank++] = x.shape().dim(i);
        return builder.add(new Op.Reshape(Shape.of(Arrays.copyOf(left, rank))), sum);
    }

    /** The mean over some axes, as {@link #sum}. */
    public static Value mean(GraphBuilder builder, Value x, boolean keep, int... axes) {
        long count = x.shape().elements() / kept(x.shape(), axes).elements();
        return builder.add(new Op.Unary(UnaryKind.LINEAR, 1f / count, 0), sum(builder, x, keep, axes));
    }

    private static Shape kept(Shape shape, int... axes) {
        boolean[] summed = summed(shape, axes);
        Shape kept = shape;
        for (int i = 0; i < summed.length; i++) if (summed[i]) kept = kept.with(i, 1);
        return kept;
    }

    private static boolean[] summed(Shape shape, int... axes) {
        boolean[] summed = new boolean[shape.rank()];
        if (axes.length == 0) Arrays.fill(summed, true);
        for (int axis : axes) {
            int counted = axis < 0 ? axis + shape.rank() : axis;
            if (counted < 0 || counted >= shape.rank()) {
                throw new IllegalArgumentException("axis " + axis + " does not exist in " + shape);
            }
            summed[counted] = true;
        }
        return summed;
    }
}
