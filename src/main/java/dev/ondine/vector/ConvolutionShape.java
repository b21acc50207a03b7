package dev.ondine.vector;

import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * The extents of a convolution, always with three spatial axes (leading ones have extent 1). A linear layer is one of a kernel of
 * one element over as many rows as there are samples, and so is a 1x1 convolution of stride 1 over all pixels of the batch.
 */
record ConvolutionShape(int batch, int inputs, int outputs, int groups, Axis depth, Axis height, Axis width) {
    /** One spatial axis; {@code window} is the kernel's extent. */
    record Axis(int in, int window, int out, int stride, int padding, int dilation) {
        static final Axis NONE = new Axis(1, 1, 1, 1, 0, 1);

        static Axis rows(int count) {
            return new Axis(count, 1, count, 1, 0, 1);
        }

        boolean isPointwise() {
            return window == 1 && stride == 1 && padding == 0 && in == out;
        }

        /** What a place of the output gathers from the input: x[p·stride − padding + k·dilation]. */
        Line forward() {
            List<Integer> taps = new ArrayList<>();
            List<Integer> starts = new ArrayList<>();
            for (int k = 0; k < window; k++) {
                taps.add(k);
                starts.add(k * dilation - padding);
            }
            return new Line(0, 1, out, stride, taps, starts);
        }

        /**
         * What the places of the input gather from the output's gradient. Those with the same remainder by the stride meet the same
         * elements of the kernel: a line for each remainder.
         */
        List<Line> backward() {
            List<Line> lines = new ArrayList<>();
            for (int r = 0; r < Math.min(stride, in); r++) {
                List<Integer> taps = new ArrayList<>();
                List<Integer> starts = new ArrayList<>();
                for (int k = window - 1; k >= 0; k--) {
                    int at = r + padding - k * dilation;
                    if (Math.floorMod(at, stride) != 0) continue;
                    taps.add(k);
                    starts.add(Math.floorDiv(at, stride));
                }
                lines.add(new Line(r, stride, Math.ceilDiv(in - r, stride), 1, taps, starts));
            }
            return lines;
        }
    }

    /**
     * Places of one axis that gather alike: place j lies at {@code first + j·step} of the destination and reads, through kernel
     * element {@code taps[t]}, the source at {@code starts[t] + j·sourceStep}. The starts ascend.
     */
    record Line(int first, int step, int count, int sourceStep, List<Integer> taps, List<Integer> starts) {}

    static ConvolutionShape of(Op.Convolution op, Shape x, Shape w, Shape y) {
        Axis[] axes = {Axis.NONE, Axis.NONE, Axis.NONE};
        int spatial = x.rank() - 2;
        boolean pointwise = true;
        for (int i = 0; i < spatial; i++) {
            Axis axis = new Axis(
                    (int) x.dim(2 + i),
                    (int) w.dim(2 + i),
                    (int) y.dim(2 + i),
                    op.stride().get(i),
                    op.paddingBegin().get(i),
                    op.dilation().get(i));
            axes[3 - spatial + i] = axis;
            pointwise &= axis.isPointwise();
        }
        int batch = (int) x.dim(0);
        if (pointwise) {
            return new ConvolutionShape(
                    1,
                    (int) x.dim(1),
                    (int) y.dim(1),
                    op.groups(),
                    Axis.NONE,
                    Axis.rows(Math.toIntExact(batch * x.elements(2, x.rank()))),
                    Axis.NONE);
        }
        return new ConvolutionShape(batch, (int) x.dim(1), (int) y.dim(1), op.groups(), axes[0], axes[1], axes[2]);
    }

    static ConvolutionShape linear(int batch, int inputs, int outputs) {
        return new ConvolutionShape(1, inputs, outputs, 1, Axis.NONE, Axis.rows(batch), Axis.NONE);
    }

    int taps() {
        return depth.window * height.window * width.window;
    }

    /** Every channel has a kernel of its own. */
    boolean isDepthwise() {
        return groups > 1 && groups == inputs && groups == outputs;
    }

    int inputsOfGroup() {
        return inputs / groups;
    }

    int outputsOfGroup() {
        return outputs / groups;
    }

    /** The layout in which the kernels want the weights. */
    Layout weights() {
        return isDepthwise()
                ? new Layout.Depthwise(outputs, taps())
                : new Layout.Blocked(groups, outputsOfGroup(), inputsOfGroup(), taps());
    }
}
