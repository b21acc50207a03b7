package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Pooling over windows of one to three spatial axes; made by {@link Layers#maxPool2d} and its siblings.
 *
 * <p>Input (N, C, space…), output (N, C, ⌊(size + 2·padding − kernel)/stride⌋ + 1 …), rounded up with {@code ceilMode}.
 *
 * @param kernel extent of the window along each spatial axis
 * @param stride default the kernel
 * @param padding on both sides of each axis, at most half the kernel; default 0
 * @param ceilMode whether a last window that hangs over the end counts; default false
 */
public record Pool(
        Op.PoolingKind kind, List<Integer> kernel, List<Integer> stride, List<Integer> padding, boolean ceilMode)
        implements Layer {

    /** Checks its components; an exception says which is wrong, and what it may be. */
    public Pool {
        kernel = List.copyOf(kernel);
        stride = List.copyOf(stride);
        padding = List.copyOf(padding);
        for (int i = 0; i < Math.min(kernel.size(), padding.size()); i++) {
            if (2 * padding.get(i) > kernel.get(i)) {
                throw new IllegalArgumentException(
                        "padding " + padding + " must be at most half of the kernel " + kernel);
            }
        }
    }

    Pool(Op.PoolingKind kind, int spatial, int kernel) {
        this(kind, Conv.all(spatial, kernel), Conv.all(spatial, kernel), Conv.all(spatial, 0), false);
    }

    /** Steps from window to window, for all axes or each; the kernel unless told. */
    public Pool stride(int... stride) {
        return new Pool(kind, kernel, Conv.each(stride, kernel.size()), padding, ceilMode);
    }

    /** What is added at both ends, for all axes or each. */
    public Pool padding(int... padding) {
        return new Pool(kind, kernel, stride, Conv.each(padding, kernel.size()), ceilMode);
    }

    /** Whether a window that is not whole at the end counts. */
    public Pool ceilMode(boolean ceilMode) {
        return new Pool(kind, kernel, stride, padding, ceilMode);
    }

    /** Whether padding counts as zeros in an average; default true. No effect on maxima. */
    public Pool countIncludePad(boolean include) {
        if (kind == Op.PoolingKind.MAX) return this;
        Op.PoolingKind counted =
                include ? Op.PoolingKind.AVERAGE_INCLUDE_PADDING : Op.PoolingKind.AVERAGE_EXCLUDE_PADDING;
        return new Pool(counted, kernel, stride, padding, ceilMode);
    }

    @Override
    public Value build(Context context, Value x) {
        return context.add(new Op.Pooling(kind, kernel, stride, padding, padding, ceilMode), x);
    }

    /** The mean over all of space: (N, C, space…) to (N, C, 1…). */
    public record GlobalAverage() implements Layer {
        @Override
        public Value build(Context context, Value x) {
            List<Integer> kernel = new ArrayList<>();
            for (int i = 2; i < x.shape().rank(); i++)
                kernel.add(Math.toIntExact(x.shape().dim(i)));
            List<Integer> none = Collections.nCopies(kernel.size(), 0);
            return context.add(
                    new Op.Pooling(Op.PoolingKind.AVERAGE_EXCLUDE_PADDING, kernel, kernel, none, none, false), x);
        }
    }
}
