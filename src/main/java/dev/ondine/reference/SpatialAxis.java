package dev.ondine.reference;

import dev.ondine.tensor.Shape;
import java.util.List;

/**
 * One spatial axis of a convolution or pooling: how a window of {@code window} elements moves over {@code in} elements
 * and stops at {@code out} places. Shapes with fewer than three spatial axes get leading ones of extent 1, so that one
 * code does all.
 *
 * @param padding zeros before the first element
 * @param paddingEnd zeros behind the last
 * @param dilation distance of neighbouring window elements
 */
record SpatialAxis(int in, int window, int out, int stride, int padding, int paddingEnd, int dilation) {
    /** Depth, height and width of the shapes x → y (N×C×space); the lists have an entry for each axis that is there. */
    static SpatialAxis[] of(
            Shape x,
            Shape y,
            List<Integer> window,
            List<Integer> stride,
            List<Integer> padding,
            List<Integer> paddingEnd,
            List<Integer> dilation) {
        SpatialAxis[] axes = new SpatialAxis[3];
        for (int a = 0; a < 3; a++) {
            int i = a - (3 - window.size());
            axes[a] = i < 0
                    ? new SpatialAxis(1, 1, 1, 1, 0, 0, 1)
                    : new SpatialAxis(
                            (int) x.dim(2 + i),
                            window.get(i),
                            (int) y.dim(2 + i),
                            stride.get(i),
                            padding.get(i),
                            paddingEnd.get(i),
                            dilation.get(i));
        }
        return axes;
    }

    /**
     * Where in the input window element k lies when the window stops at place p; outside of [0, in) it lies in the
     * padding.
     */
    int at(int p, int k) {
        return p * stride - padding + k * dilation;
    }

    /** The first place at which window element k lies inside of the input. */
    int first(int k) {
        return Math.max(0, Math.ceilDiv(padding - k * dilation, stride));
    }

    /** Behind the last place at which window element k lies inside of the input. */
    int end(int k) {
        return Math.min(out, Math.floorDiv(in - 1 + padding - k * dilation, stride) + 1);
    }
}
