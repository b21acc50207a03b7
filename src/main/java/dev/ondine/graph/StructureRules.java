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
}
