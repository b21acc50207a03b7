package dev.ondine.graph;

import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.stream.IntStream;

/** The shapes that products of matrices yield, and operations that move elements without computing. */
final class StructureRules {
    private StructureRules() {}

    static Shape matMul(Op.MatMul op, Shape a, Shape b) {
        int rank = a.rank();
        if (rank < 2 || b.rank() != rank) {
            throw new IllegalArgumentException("a product of matrices takes two tensors of one rank, 2 at least, not "
                    + a + " and " + b + "; reshape one of them");
        }
        long m = a.dim(op.transposeA() ? -1 : -2);
        long k = a.dim(op.transposeA() ? -2 : -1);
        long n = b.dim(op.transposeB() ? -2 : -1);
        long k2 = b.dim(op.transposeB() ? -1 : -2);
        if (k != k2) {
            throw new IllegalArgumentException("cannot multiply " + a + (op.transposeA() ? " transposed" : "") + " by "
                    + b + (op.transposeB() ? " transposed" : "") + ": each row of the first has " + k
                    + " elements, each column of the second " + k2);
        }
        if (!Float.isFinite(op.scale())) {
            throw new IllegalArgumentException("the scale of a product must be a number, not " + op.scale());
        }
        Shape y = a.with(-2, m).with(-1, n);
        for (int i = 0; i < rank - 2; i++) {
            if (a.dim(i) != b.dim(i) && a.dim(i) != 1 && b.dim(i) != 1) {
                throw new IllegalArgumentException("cannot multiply " + a + " by " + b + ": axis " + i
                        + ", one of the batch's, must have equal extents, or 1 in one of the two");
            }
            y = y.with(i, Math.max(a.dim(i), b.dim(i)));
        }
        return y;
    }

    static Shape transpose(Op.Transpose op, Shape x) {
        int[] sorted = op.axes().stream().mapToInt(i -> i).sorted().toArray();
        if (!Arrays.equals(sorted, IntStream.range(0, x.rank()).toArray())) {
            throw new IllegalArgumentException("the new order " + op.axes() + " of the axes of " + x
                    + " must name each of 0 to " + (x.rank() - 1) + " once");
        }
        return Shape.of(op.axes().stream().mapToLong(x::dim).toArray());
    }

    static Shape resampling(Op.Resampling op, Shape x) {
        int spatial = x.rank() - 2;
        if (spatial < 1 || spatial > 3) {
            throw new IllegalArgumentException("resizing takes (batch, channels, 1 to 3 spatial axes), not " + x);
        }
        if (op.size().size() != spatial) {
            throw new IllegalArgumentException(
                    "the size " + op.size() + " has " + op.size().size() + " entries for " + spatial + " spatial axes");
        }
        Shape y = x;
        for (int i = 0; i < spatial; i++) {
            long size = op.size().get(i);
            if (op.kind() == Op.ResamplingKind.NEAREST && size % x.dim(2 + i) != 0) {
                throw new IllegalArgumentException("the size " + op.size() + " must be a multiple of that of " + x
                        + " along each axis for resampling to the nearest element");
            }
            y = y.with(2 + i, size);
        }
        return y;
    }

    static Shape alongAxis(Op.AlongAxis op, Shape x) {
        if (op.matrix().columns() != x.dim(op.axis())) {
            throw new IllegalArgumentException("the matrix '" + op.matrix() + "' multiplies "
                    + op.matrix().columns() + " elements, axis " + op.axis() + " of " + x + " has " + x.dim(op.axis()));
        }
        return x.with(op.axis(), op.matrix().rows());
    }

    /** 1×C×1×…: what is left of a shape when everything but channels is summed. */
    static Shape onlyChannels(Shape shape) {
        if (shape.rank() < 2) throw new IllegalArgumentException(shape + " has no channels");
        Shape channels = shape;
        for (int i = 0; i < shape.rank(); i++) if (i != 1) channels = channels.with(i, 1);
        return channels;
    }
}
