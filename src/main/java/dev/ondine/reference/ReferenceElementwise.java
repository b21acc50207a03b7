package dev.ondine.reference;

import dev.ondine.backend.DropoutMask;
import dev.ondine.graph.BinaryKind;
import dev.ondine.tensor.BFloat16;
import dev.ondine.tensor.Shape;
import java.util.Arrays;

/**
 * Sum, product and other functions of two tensors a and b, b repeated along the axes in which its extent is 1 (NumPy's broadcasting),
 * and the sum over those axes, which is how a gradient gets back to b. And rounding, and dropout.
 *
 * <p>All buffers: a, y: the large shape; b: the small one.
 */
final class ReferenceElementwise {
    private final int[] largeDims;
    private final int[] smallStrides;
    private final boolean equal;

    /** For a shape {@code large} and one of the same rank in which each extent is equal or 1. */
    ReferenceElementwise(Shape large, Shape small) {
        largeDims = new int[large.rank()];
        smallStrides = new int[large.rank()];
        int stride = 1;
        for (int axis = large.rank() - 1; axis >= 0; axis--) {
            largeDims[axis] = (int) large.dim(axis);
            smallStrides[axis] = small.dim(axis) == 1 ? 0 : stride;
            stride *= (int) small.dim(axis);
        }
        equal = large.equals(small);
    }

    /** y = a + b, or max(0, a + b). */
    void add(double[] a, double[] b, double[] y, boolean relu) {
        for (int i = 0; i < y.length; i++) {
            double sum = a[i] + b[small(i)];
            y[i] = relu ? Math.max(0, sum) : sum;
        }
    }

    /** y = a·b. */
    void multiply(double[] a, double[] b, double[] y) {
        for (int i = 0; i < y.length; i++) y[i] = a[i] * b[small(i)];
    }

    void binary(BinaryKind kind, double[] a, double[] b, double[] y) {
        for (int i = 0; i < y.length; i++) {
            double c = b[small(i)];
            y[i] = switch (kind) {
                case SUBTRACT -> a[i] - c;
                case DIVIDE -> a[i] / c;
                case MINIMUM -> Math.min(a[i], c);
                case MAXIMUM -> Math.max(a[i], c);
                case GREATER -> a[i] > c ? 1 : 0;
                case GREATER_OR_EQUAL -> a[i] >= c ? 1 : 0;
            };
        }
    }

    /** y = b. */
    void expand(double[] b, double[] y) {
        for (int i = 0; i < y.length; i++) y[i] = b[small(i)];
    }

    /** y = a if a > 0, else b·a. */
    void prelu(double[] a, double[] b, double[] y) {
        for (int i = 0; i < y.length; i++) y[i] = a[i] > 0 ? a[i] : b[small(i)] * a[i];
    }

    void preluBackward(double[] a, double[] b, double[] dy, double[] da, double[] db) {
        Arrays.fill(db, 0);
        for (int i = 0; i < da.length; i++) {
            da[i] = a[i] > 0 ? dy[i] : b[small(i)] * dy[i];
            if (!(a[i] > 0)) db[small(i)] += a[i] * dy[i];
        }
    }

    /** b = Σ a over what is repeated. */
    void reduceSum(double[] a, double[] b) {
        Arrays.fill(b, 0);
        for (int i = 0; i < a.length; i++) b[small(i)] += a[i];
    }

    /** y = the bfloat16 number nearest to x, ties to even. */
    static void round(double[] x, double[] y) {
        for (int i = 0; i < x.length; i++) y[i] = BFloat16.toFloat(BFloat16.fromDouble(x[i]));
    }

    /** The index in the small tensor of the element that meets element {@code i} of the large one. */
    private int small(int i) {
        if (equal) return i;
        int index = 0;
        for (int axis = largeDims.length - 1; axis >= 0; axis--) {
            index += i % largeDims[axis] * smallStrides[axis];
            i /= largeDims[axis];
        }
        return index;
    }

    /**
     * Inverted dropout (Srivastava et al. 2014): y = 0 with the given probability, else x/(1 − probability), so that
     * the expected y is x. The gradient is the same function of dy, with the same key.
     */
    static void dropout(long key, float probability, double[] x, double[] y) {
        for (int i = 0; i < x.length; i++) {
            y[i] = DropoutMask.keeps(key, i, probability) ? x[i] / (1.0 - probability) : 0;
        }
    }
}
