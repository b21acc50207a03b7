package dev.ondine.reference;

import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;

/**
 * Products of matrices, one for each index of the axes before the last two: {@code y[i,j] = scale · Σ over l of a[i,l]·b[l,j]}. Where a
 * or b is transposed its indices change places. Their gradients are such products again.
 *
 * <p>All buffers: batch×rows×columns, the batch of a and b repeated along the axes in which its extent is 1.
 */
final class ReferenceMatMul {
    private final Op.MatMul op;
    private final int m;
    private final int k;
    private final int n;
    private final int[] batches;
    private final int[] aBatches;
    private final int[] bBatches;

    ReferenceMatMul(Op.MatMul op, Shape a, Shape b, Shape y) {
        this.op = op;
        int rank = y.rank();
        m = (int) y.dim(rank - 2);
        n = (int) y.dim(rank - 1);
        k = (int) a.dim(op.transposeA() ? rank - 2 : rank - 1);
        batches = new int[rank - 2];
        aBatches = new int[rank - 2];
        bBatches = new int[rank - 2];
        for (int i = 0; i < rank - 2; i++) {
            batches[i] = (int) y.dim(i);
            aBatches[i] = (int) a.dim(i);
            bBatches[i] = (int) b.dim(i);
        }
    }

    void forward(double[] a, double[] b, double[] y) {
        int aRow = op.transposeA() ? 1 : k;
        int aColumn = op.transposeA() ? m : 1;
        int bRow = op.transposeB() ? 1 : n;
        int bColumn = op.transposeB() ? k : 1;
        for (int batch = 0; batch < y.length / (m * n); batch++) {
            int aStart = repeated(batch, aBatches) * m * k;
            int bStart = repeated(batch, bBatches) * k * n;
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    double sum = 0;
                    for (int l = 0; l < k; l++) {
                        sum += a[aStart + i * aRow + l * aColumn] * b[bStart + l * bRow + j * bColumn];
                    }
                    y[(batch * m + i) * n + j] = op.scale() * sum;
                }
            }
        }
    }

    /** Which matrix of an operand with these batch axes meets the given one of the result. */
    private int repeated(int batch, int[] own) {
        int index = 0;
        int stride = 1;
        for (int axis = own.length - 1; axis >= 0; axis--) {
            if (own[axis] > 1) index += batch % batches[axis] * stride;
            batch /= batches[axis];
            stride *= own[axis];
        }
        return index;
    }
}
