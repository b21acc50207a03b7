package dev.ondine.reference;

import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Transposed convolution (Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", chapter 4): every element of
 * the input stamps the kernel, scaled, onto the output.
 *
 * <pre>
 *     y[n,o,q] = b[o] + Σ x[n,i,p] · w[i,o,k] over i, p, k with q = p·stride − padding + k·dilation
 * </pre>
 *
 * What falls before the first or behind the last element of y is cut off. With groups, input channel i stamps onto the O/groups output
 * channels of its own group only.
 *
 * <p>All buffers: x: N×C×D×H×W; y: N×O×space; w: C×O/groups×kernel; b: O. The gradients are those of the {@link ReferenceConvolution}
 * that goes from y to x.
 */
final class ReferenceTransposedConvolution {
    private final int batch;
    private final int inputs;
    private final int outputs;
    private final int groups;
    private final SpatialAxis depth;
    private final SpatialAxis height;
    private final SpatialAxis width;

    ReferenceTransposedConvolution(Op.TransposedConvolution op, Shape x, Shape w, Shape y) {
        batch = (int) x.dim(0);
        inputs = (int) x.dim(1);
        outputs = (int) y.dim(1);
        groups = op.groups();
        var kernel = IntStream.range(2, w.rank()).mapToObj(i -> (int) w.dim(i)).toList();
        // The window moves over y and stops at every element of x.
        SpatialAxis[] axes =
                SpatialAxis.of(y, x, kernel, op.stride(), op.paddingBegin(), op.paddingEnd(), op.dilation());
        depth = axes[0];
        height = axes[1];
        width = axes[2];
    }

    /** y; a null b means 0. */
    void forward(double[] x, double[] w, double[] b, double[] y) {
        int space = depth.in() * height.in() * width.in();
        for (int n = 0; n < batch; n++) {
            for (int o = 0; o < outputs; o++) {
                int plane = (n * outputs + o) * space;
                Arrays.fill(y, plane, plane + space, b == null ? 0 : b[o]);
            }
        }
        int inputsPerGroup = inputs / groups;
        int outputsPerGroup = outputs / groups;
        for (int n = 0; n < batch; n++) {
            for (int i = 0; i < inputs; i++) {
                for (int o = 0; o < outputsPerGroup; o++) {
                    int group = i / inputsPerGroup;
                    stamp(x, n * inputs + i, w, i * outputsPerGroup + o, y, n * outputs + group * outputsPerGroup + o);
                }
            }
        }
    }

    /** One channel of one sample of x through one kernel onto one channel of y. */
    private void stamp(double[] x, int xChannel, double[] w, int kernel, double[] y, int yChannel) {
        for (int kd = 0; kd < depth.window(); kd++) {
            for (int kh = 0; kh < height.window(); kh++) {
                for (int kw = 0; kw < width.window(); kw++) {
                    double weight = w[((kernel * depth.window() + kd) * height.window() + kh) * width.window() + kw];
                    for (int pd = depth.first(kd); pd < depth.end(kd); pd++) {
                        for (int ph = height.first(kh); ph < height.end(kh); ph++) {
                            int xRow = ((xChannel * depth.out() + pd) * height.out() + ph) * width.out();
                            int yRow = ((yChannel * depth.in() + depth.at(pd, kd)) * height.in() + height.at(ph, kh))
                                    * width.in();
                            for (int pw = width.first(kw); pw < width.end(kw); pw++) {
                                y[yRow + width.at(pw, kw)] += x[xRow + pw] * weight;
                            }
                        }
                    }
                }
            }
        }
    }
}
