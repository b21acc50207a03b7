package dev.ondine.reference;

import dev.ondine.tensor.Shape;

/**
 * Softmax along one axis, and its logarithm:
 *
 * <pre>
 *     y = exp(x − max) / Σ exp(x − max)                 dx = y·(dy − Σ dy·y)
 *     y = x − max − log Σ exp(x − max)                  dx = dy − exp(y)·Σ dy
 * </pre>
 *
 * Subtracting the maximum changes nothing but keeps the exponentials from overflowing. All buffers: outer×extent×inner,
 * extent being the axis.
 */
final class ReferenceSoftmax {
    private final int outer;
    private final int extent;
    private final int inner;
    private final boolean logarithm;

    ReferenceSoftmax(int axis, boolean logarithm, Shape x) {
        outer = (int) x.elements(0, axis);
        extent = (int) x.dim(axis);
        inner = (int) x.elements(axis + 1, x.rank());
        this.logarithm = logarithm;
    }

    void forward(double[] x, double[] y) {
        for (int o = 0; o < outer; o++) {
            for (int i = 0; i < inner; i++) {
                int start = o * extent * inner + i;
                double max = maximum(x, start, extent, inner);
                double sum = sumExp(x, start, extent, inner, max);
                for (int k = 0; k < extent; k++) {
                    int at = start + k * inner;
                    y[at] = logarithm ? x[at] - max - Math.log(sum) : Math.exp(x[at] - max) / sum;
                }
            }
        }
    }

    void backward(double[] y, double[] dy, double[] dx) {
        for (int o = 0; o < outer; o++) {
            for (int i = 0; i < inner; i++) {
                int start = o * extent * inner + i;
                double sum = 0;
                for (int k = 0; k < extent; k++) {
                    int at = start + k * inner;
                    sum += logarithm ? dy[at] : dy[at] * y[at];
                }
                for (int k = 0; k < extent; k++) {
                    int at = start + k * inner;
                    dx[at] = logarithm ? dy[at] - Math.exp(y[at]) * sum : y[at] * (dy[at] - sum);
                }
            }
        }
    }

    /** The maximum of {@code count} elements from {@code start}, {@code stride} apart. */
    static double maximum(double[] x, int start, int count, int stride) {
        double max = Double.NEGATIVE_INFINITY;
        for (int k = 0; k < count; k++) max = Math.max(max, x[start + k * stride]);
        return max;
    }

    /** Σ exp(x − max) over the same elements: at least 1. */
    static double sumExp(double[] x, int start, int count, int stride, double max) {
        double sum = 0;
        for (int k = 0; k < count; k++) sum += Math.exp(x[start + k * stride] - max);
        return sum;
    }
}
