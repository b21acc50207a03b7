package dev.ondine.reference;

import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Convolution as neural networks mean it, that is cross-correlation (Dumoulin and Visin 2016, "A guide to convolution
 * arithmetic for deep learning"):
 *
 * <pre>
 *     y[n,o,p] = b[o] + Σ over i, k of x[n, i, p·stride − padding + k·dilation] · w[o,i,k]
 * </pre>
 *
 * p a place of the window, k an element of it, each with a coordinate for depth, height and width; elements in the
 * padding count as zero. With groups, output channel o sees only the C/groups input channels of its own group.
 *
 * <p>The formula is a sum of products of one y, one x and one w. All three passes go through the same triples; they
 * differ in which of the three they sum up:
 *
 * <pre>
 *     y += x·w        dx += dy·w        dw += dy·x        db = Σ dy
 * </pre>
 *
 * The loop over the width is innermost, and the places at which x would lie in the padding are skipped by its bounds,
 * not tested in it.
 *
 * <p>All buffers: x, dx: N×C×D×H×W; y, dy: N×O×space; w, dw: O×C/groups×kernel; b, db: O.
 */
final class ReferenceConvolution {
    private final int batch;
    private final int inputs;
    private final int outputs;
    private final int groups;
    private final SpatialAxis depth;
    private final SpatialAxis height;
    private final SpatialAxis width;

    ReferenceConvolution(Op.Convolution op, Shape x, Shape w, Shape y) {
        batch = (int) x.dim(0);
        inputs = (int) x.dim(1);
        outputs = (int) y.dim(1);
        groups = op.groups();
        var kernel = IntStream.range(2, w.rank()).mapToObj(i -> (int) w.dim(i)).toList();
        SpatialAxis[] axes =
                SpatialAxis.of(x, y, kernel, op.stride(), op.paddingBegin(), op.paddingEnd(), op.dilation());
        depth = axes[0];
        height = axes[1];
        width = axes[2];
    }

    /** y; a null b means 0. */
    void forward(double[] x, double[] w, double[] b, double[] y) {
        int space = depth.out() * height.out() * width.out();
        for (int n = 0; n < batch; n++) {
            for (int o = 0; o < outputs; o++) {
                int plane = (n * outputs + o) * space;
                Arrays.fill(y, plane, plane + space, b == null ? 0 : b[o]);
            }
        }
        forEachRow((k, yRow, xRow, first, end) -> {
            double weight = w[k];
            int stride = width.stride();
            for (int p = first; p < end; p++) y[yRow + p] += x[xRow + p * stride] * weight;
        });
    }

    void backwardData(double[] dy, double[] w, double[] dx) {
        Arrays.fill(dx, 0);
        forEachRow((k, yRow, xRow, first, end) -> {
            double weight = w[k];
            int stride = width.stride();
            for (int p = first; p < end; p++) dx[xRow + p * stride] += dy[yRow + p] * weight;
        });
    }

    /** dw and, unless it is null, db. */
    void backwardWeights(double[] x, double[] dy, double[] dw, double[] db) {
        Arrays.fill(dw, 0);
        forEachRow((k, yRow, xRow, first, end) -> {
            int stride = width.stride();
            double sum = 0;
            for (int p = first; p < end; p++) sum += dy[yRow + p] * x[xRow + p * stride];
            dw[k] += sum;
        });
        if (db == null) return;
        Arrays.fill(db, 0);
        int space = depth.out() * height.out() * width.out();
        for (int n = 0; n < batch; n++) {
            for (int o = 0; o < outputs; o++) {
                int plane = (n * outputs + o) * space;
                for (int p = plane; p < plane + space; p++) db[o] += dy[p];
            }
        }
    }

    /**
     * What is done along one row of the output: w[k] meets y[yRow + p] and x[xRow + p·stride] for p from {@code first}
     * to before {@code end}.
     */
    private interface Row {
        void apply(int k, int yRow, int xRow, int first, int end);
    }

    /**
     * Goes through all triples (n, o, i, k, p) of the formula for which x lies inside of the input, a row of p at a
     * time.
     */
    private void forEachRow(Row row) {
        int inputsPerGroup = inputs / groups;
        int outputsPerGroup = outputs / groups;
        for (int n = 0; n < batch; n++) {
            for (int o = 0; o < outputs; o++) {
                int group = o / outputsPerGroup;
                for (int i = 0; i < inputsPerGroup; i++) {
                    int xChannel = n * inputs + group * inputsPerGroup + i;
                    int yChannel = n * outputs + o;
                    int kernel = o * inputsPerGroup + i;
                    forEachRow(row, kernel, yChannel, xChannel);
                }
            }
        }
    }

    private void forEachRow(Row row, int kernel, int yChannel, int xChannel) {
        for (int kd = 0; kd < depth.window(); kd++) {
            for (int kh = 0; kh < height.window(); kh++) {
                for (int kw = 0; kw < width.window(); kw++) {
                    int k = ((kernel * depth.window() + kd) * height.window() + kh) * width.window() + kw;
                    for (int pd = depth.first(kd); pd < depth.end(kd); pd++) {
                        for (int ph = height.first(kh); ph < height.end(kh); ph++) {
                            int xd = depth.at(pd, kd);
                            int xh = height.at(ph, kh);
                            int yRow = ((yChannel * depth.out() + pd) * height.out() + ph) * width.out();
                            int xRow = ((xChannel * depth.in() + xd) * height.in() + xh) * width.in() + width.at(0, kw);
                            row.apply(k, yRow, xRow, width.first(kw), width.end(kw));
                        }
                    }
                }
            }
        }
    }
}
