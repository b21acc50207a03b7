package dev.ondine.io.onnx;

import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.BinaryKind;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import java.util.Arrays;

/**
 * Pooling over windows with gaps, one axis after another: means by a matrix, maxima of as many selections as the window has elements.
 */
final class DilatedPooling {
    private final GraphImport in;
    private final Op.PoolingKind kind;

    DilatedPooling(GraphImport in, Op.PoolingKind kind) {
        this.in = in;
        this.kind = kind;
    }

    /**
     * The windows along one axis.
     *
     * @param extent elements of the input
     * @param out how many windows there are
     */
    private record Windows(int extent, int kernel, int stride, int dilation, int begin, int end, int out) {
        static Windows of(long extent, int kernel, int stride, int dilation, int begin, int end, boolean ceil) {
            if (kernel < 1 || stride < 1 || dilation < 1 || begin < 0 || end < 0) {
                throw new IllegalArgumentException("kernel, strides and dilations must be at least 1, pads at least 0");
            }
            long padded = extent + begin + end;
            long room = padded - (kernel - 1L) * dilation - 1;
            if (room < 0) {
                throw new IllegalArgumentException("its window reaches over the whole axis of " + extent + " elements");
            }
            long out = (ceil ? Math.ceilDiv(room, stride) : room / stride) + 1;
            // A window that would begin behind the input does not count.
            if (ceil && (out - 1) * stride >= extent + begin) out--;
            ConstantFolding.count(new long[] {out, kernel});
            return new Windows(Math.toIntExact(extent), kernel, stride, dilation, begin, end, (int) out);
        }

        /** The place of an element of a window in the input; outside of it if the element lies in the padding. */
        int place(int window, int element) {
            return window * stride + element * dilation - begin;
        }

        boolean isInside(int place) {
            return place >= 0 && place < extent;
        }
    }

    /** What happens along one axis of x. */
    Value apply(Value x, int axis, int kernel, int stride, int dilation, int begin, int end, boolean ceil) {
        Windows w = Windows.of(x.shape().dim(axis), kernel, stride, dilation, begin, end, ceil);
        return kind == Op.PoolingKind.MAX ? maxima(x, axis, w) : in.add(new Op.AlongAxis(axis, means(w)), x);
    }

    private Value maxima(Value x, int axis, Windows w) {
        Value y = null;
        for (int element = 0; element < w.kernel; element++) {
            long[] places = new long[w.out];
            for (int window = 0; window < w.out; window++) places[window] = inside(w, window, element);
            Value selected = StructureImport.select(in, x, axis, places);
            y = y == null ? selected : in.add(new Op.Binary(BinaryKind.MAXIMUM), y, selected);
        }
        return y;
    }

    /** The place of an element, or of another of its window if it lies in the padding, which is never the largest. */
    private static int inside(Windows w, int window, int element) {
        if (w.isInside(w.place(window, element))) return w.place(window, element);
        for (int other = 0; other < w.kernel; other++) {
            if (w.isInside(w.place(window, other))) return w.place(window, other);
        }
        throw new IllegalArgumentException("a window has nothing but padding");
    }

    private AxisMatrix means(Windows w) {
        int[] starts = new int[w.out + 1];
        int[] columns = new int[w.out * w.kernel];
        double[] weights = new double[columns.length];
        int n = 0;
        for (int window = 0; window < w.out; window++) {
            int counted = 0;
            for (int element = 0; element < w.kernel; element++) {
                int place = w.place(window, element);
                boolean padding = place >= -w.begin && place < w.extent + w.end;
                boolean counts = kind == Op.PoolingKind.AVERAGE_INCLUDE_PADDING ? padding : w.isInside(place);
                if (counts) counted++;
                if (w.isInside(place)) columns[n++] = place;
            }
            Arrays.fill(weights, starts[window], n, 1.0 / counted);
            starts[window + 1] = n;
        }
        return AxisMatrix.of("means", w.extent, starts, Arrays.copyOf(columns, n), Arrays.copyOf(weights, n));
    }
}
