package dev.ondine.reference;

import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;

/**
 * Batch normalization (Ioffe and Szegedy 2015, "Batch Normalization: Accelerating Deep Network Training by Reducing
 * Internal Covariate Shift", algorithm 1). Every channel is brought to mean 0 and variance 1, then to a scale γ and a
 * shift β that are learned:
 *
 * <pre>
 *     μ  = Σ x / m                     the mean of a channel over its m = N·S values
 *     σ² = Σ (x − μ)² / m              their biased variance
 *     x̂  = (x − μ) / √(σ² + ε)
 *     y  = γ·x̂ + β
 * </pre>
 *
 * Evaluation, and training with frozen statistics, take μ and σ² as given: running averages of what training saw.
 *
 * <h2>The gradient</h2>
 *
 * Let dy be the gradient of the loss with respect to y. γ and β act on each value alone, so theirs are sums over the
 * channel:
 *
 * <pre>
 *     dβ = Σ dy        dγ = Σ dy·x̂        dx̂ = γ·dy
 * </pre>
 *
 * If μ and σ² are given, x̂ is linear in x and {@code dx = dx̂/√(σ² + ε)}. If they come from the batch, x reaches x̂ in
 * three ways: itself, through μ and through σ². With s = √(σ² + ε), the paper's chain rule is
 *
 * <pre>
 *     dσ² = Σ dx̂·(x − μ)·(−1/2)·s⁻³             = −Σ dx̂·x̂ / (2·s²)
 *     dμ  = −Σ dx̂ / s − dσ²·Σ 2·(x − μ) / m     = −Σ dx̂ / s              because Σ (x − μ) = 0
 *     dx  = dx̂/s + dσ²·2·(x − μ)/m + dμ/m
 * </pre>
 *
 * Put the first two into the third, then γ·dβ for Σ dx̂ and γ·dγ for Σ dx̂·x̂, and what is left is
 *
 * <pre>
 *     dx = γ/s · (dy − dβ/m − x̂·dγ/m)
 * </pre>
 *
 * In words: from dy is taken away what a change of the mean, and what a change of the variance, would undo again.
 *
 * <p>All buffers: x, y, dx, dy, mask: N×C×S; everything else: C. A null γ means 1, a null β means 0. The mask is there
 * if a ReLU is fused behind: 1 where y &gt; 0, else 0.
 */
final class ReferenceBatchNormalization {
    private final int batch;
    private final int channels;
    private final int space;
    private final double epsilon;
    private final boolean training;

    /** For inputs of shape {@code x}: N×C, or N×C and one to three spatial axes. */
    ReferenceBatchNormalization(Op.BatchNormalization op, Shape x) {
        batch = (int) x.dim(0);
        channels = (int) x.dim(1);
        space = (int) x.elements(2, x.rank());
        epsilon = op.epsilon();
        training = op.training();
    }

    /**
     * μ and σ² of the batch. In two passes, because the one-pass formula E[x²] − E[x]² cancels to nothing (or below
     * zero) where the mean is large and the variance small.
     */
    void statistics(double[] x, double[] mean, double[] variance) {
        double m = (double) batch * space;
        for (int c = 0; c < channels; c++) {
            double sum = 0;
            for (int n = 0; n < batch; n++) {
                int at = start(n, c);
                for (int s = 0; s < space; s++) sum += x[at + s];
            }
            mean[c] = sum / m;
            double squares = 0;
            for (int n = 0; n < batch; n++) {
                int at = start(n, c);
                for (int s = 0; s < space; s++) {
                    double d = x[at + s] - mean[c];
                    squares += d * d;
                }
            }
            variance[c] = squares / m;
        }
    }

    /** y from x and the statistics; with a mask, ReLU is applied to y and the mask written. */
    void forward(
            double[] x, double[] mean, double[] variance, double[] gamma, double[] beta, double[] y, double[] mask) {
        for (int c = 0; c < channels; c++) {
            double inverse = 1 / Math.sqrt(variance[c] + epsilon);
            double scale = gamma == null ? 1 : gamma[c];
            double shift = beta == null ? 0 : beta[c];
            for (int n = 0; n < batch; n++) {
                int at = start(n, c);
                for (int i = at; i < at + space; i++) {
                    double normalized = (x[i] - mean[c]) * inverse;
                    y[i] = scale * normalized + shift;
                    if (mask != null) {
                        mask[i] = y[i] > 0 ? 1 : 0;
                        y[i] = Math.max(0, y[i]);
                    }
                }
            }
        }
    }

    /**
     * The layer before does this one's work: y = γ/s·(w·x + b − μ) + β is w'·x + b' with w' = γ/s·w and b' = γ/s·(b − μ) + β, s as
     * above. w, w': C×(whatever one output channel has); b is null for 0.
     */
    static void fold(
            double epsilon,
            double[] w,
            double[] b,
            double[] mean,
            double[] variance,
            double[] gamma,
            double[] beta,
            double[] foldedWeights,
            double[] foldedBias) {
        int length = w.length / mean.length;
        for (int c = 0; c < mean.length; c++) {
            double factor = (gamma == null ? 1 : gamma[c]) / Math.sqrt(variance[c] + epsilon);
            for (int i = c * length; i < (c + 1) * length; i++) foldedWeights[i] = factor * w[i];
            foldedBias[c] = factor * ((b == null ? 0 : b[c]) - mean[c]) + (beta == null ? 0 : beta[c]);
        }
    }

    /**
     * dx, dγ and dβ from dy. {@code dgamma} or {@code dbeta} is null if nobody wants it; both sums are needed for dx
     * all the same, scale and shift or not.
     */
    void backward(
            double[] x,
            double[] mean,
            double[] variance,
            double[] gamma,
            double[] dy,
            double[] mask,
            double[] dx,
            double[] dgamma,
            double[] dbeta) {
        double m = (double) batch * space;
        for (int c = 0; c < channels; c++) {
            double inverse = 1 / Math.sqrt(variance[c] + epsilon);
            double scale = gamma == null ? 1 : gamma[c];
            double sum = 0; // Σ dy, which is dβ
            double dot = 0; // Σ dy·x̂, which is dγ
            for (int n = 0; n < batch; n++) {
                int at = start(n, c);
                for (int i = at; i < at + space; i++) {
                    double normalized = (x[i] - mean[c]) * inverse;
                    double d = beforeRelu(dy, mask, i);
                    sum += d;
                    dot += d * normalized;
                }
            }
            for (int n = 0; n < batch; n++) {
                int at = start(n, c);
                for (int i = at; i < at + space; i++) {
                    double normalized = (x[i] - mean[c]) * inverse;
                    double d = beforeRelu(dy, mask, i);
                    dx[i] = scale * inverse * (training ? d - sum / m - normalized * dot / m : d);
                }
            }
            if (dgamma != null) dgamma[c] = dot;
            if (dbeta != null) dbeta[c] = sum;
        }
    }

    /** The gradient in front of the fused ReLU, which lets through what lay above zero. */
    private static double beforeRelu(double[] dy, double[] mask, int i) {
        return mask == null || mask[i] != 0 ? dy[i] : 0;
    }

    /** Where the values of channel c of sample n begin. */
    private int start(int n, int c) {
        return (n * channels + c) * space;
    }
}
