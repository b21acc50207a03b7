package dev.ondine.reference;

import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.Collections;

/**
 * Pooling: each y is the maximum or the mean of x over a window. As in PyTorch:
 *
 * <ul>
 *   <li>padding never wins a maximum; a NaN always does;
 *   <li>a mean that includes the padding divides by the window's size, where a window that hangs over the end of the
 *       padded input ({@code ceilMode}) counts only as far as that end;
 *   <li>a mean that excludes the padding divides by the number of elements inside of the input.
 * </ul>
 *
 * The gradient of a maximum goes to the element that won (the first one, if several were equal), that of a mean in
 * equal parts to all of its elements.
 *
 * <p>All buffers: x, dx: N×C×space; y, dy, and the workspace, which holds the index in x of each maximum: N×C×smaller
 * space.
 */
final class ReferencePooling {
    private final int planes;
    private final Op.PoolingKind kind;
    private final SpatialAxis depth;
    private final SpatialAxis height;
    private final SpatialAxis width;

    ReferencePooling(Op.Pooling op, Shape x, Shape y) {
        planes = (int) x.elements(0, 2);
        kind = op.kind();
        var dense = Collections.nCopies(op.kernel().size(), 1);
        SpatialAxis[] axes = SpatialAxis.of(x, y, op.kernel(), op.stride(), op.paddingBegin(), op.paddingEnd(), dense);
        depth = axes[0];
        height = axes[1];
        width = axes[2];
    }

    void forwardMaximum(double[] x, double[] y, double[] workspace) {
        forEachWindow((j, plane, d, h, w) -> {
            int best = -1;
            for (int xd = begin(depth, d); xd < end(depth, d); xd++) {
                for (int xh = begin(height, h); xh < end(height, h); xh++) {
                    for (int xw = begin(width, w); xw < end(width, w); xw++) {
                        int i = index(plane, xd, xh, xw);
                        if (best < 0 || x[i] > x[best] || Double.isNaN(x[i])) best = i;
                    }
                }
            }
            y[j] = x[best];
            workspace[j] = best;
        });
    }

    void backwardMaximum(double[] dy, double[] workspace, double[] dx) {
        Arrays.fill(dx, 0);
        for (int j = 0; j < dy.length; j++) dx[(int) workspace[j]] += dy[j];
    }

    void forwardAverage(double[] x, double[] y) {
        forEachWindow((j, plane, d, h, w) -> {
            double sum = 0;
            for (int xd = begin(depth, d); xd < end(depth, d); xd++) {
                for (int xh = begin(height, h); xh < end(height, h); xh++) {
                    for (int xw = begin(width, w); xw < end(width, w); xw++) sum += x[index(plane, xd, xh, xw)];
                }
            }
            y[j] = sum / divisor(d, h, w);
        });
    }

    void backwardAverage(double[] dy, double[] dx) {
        Arrays.fill(dx, 0);
        forEachWindow((j, plane, d, h, w) -> {
            double part = dy[j] / divisor(d, h, w);
            for (int xd = begin(depth, d); xd < end(depth, d); xd++) {
                for (int xh = begin(height, h); xh < end(height, h); xh++) {
                    for (int xw = begin(width, w); xw < end(width, w); xw++) dx[index(plane, xd, xh, xw)] += part;
                }
            }
        });
    }

    private double divisor(int d, int h, int w) {
        return (double) counted(depth, d) * counted(height, h) * counted(width, w);
    }

    /** How many elements along one axis the window at place p averages over. */
    private int counted(SpatialAxis axis, int p) {
        if (kind == Op.PoolingKind.AVERAGE_EXCLUDE_PADDING) return end(axis, p) - begin(axis, p);
        int start = axis.at(p, 0);
        return Math.min(start + axis.window(), axis.in() + axis.paddingEnd()) - start;
    }

    /** The first element inside of the input that the window at place p covers. */
    private static int begin(SpatialAxis axis, int p) {
        return Math.max(0, axis.at(p, 0));
    }

    /** Behind the last element inside of the input that the window at place p covers. */
    private static int end(SpatialAxis axis, int p) {
        return Math.min(axis.in(), axis.at(p, axis.window()));
    }

    private int index(int plane, int d, int h, int w) {
        return ((plane * depth.in() + d) * height.in() + h) * width.in() + w;
    }

    /** What is done for the window at (d, h, w) of plane (n, c), whose result is y[j]. */
    private interface Window {
        void apply(int j, int plane, int d, int h, int w);
    }

    private void forEachWindow(Window window) {
        int j = 0;
        for (int plane = 0; plane < planes; plane++) {
            for (int d = 0; d < depth.out(); d++) {
                for (int h = 0; h < height.out(); h++) {
                    for (int w = 0; w < width.out(); w++) window.apply(j++, plane, d, h, w);
                }
            }
        }
    }
}
