package dev.ondine.reference;

import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;

/**
 * Layer normalization (Ba et al. 2016). The last axes are one row of n values; each row is brought to mean 0 and variance 1 by itself,
 * then each value to a scale γ and a shift β of its own:
 *
 * <pre>
 *     μ  = Σ x / n        σ² = Σ (x − μ)² / n        x̂ = (x − μ) / √(σ² + ε)        y = γ·x̂ + β
 * </pre>
 *
 * The gradient is that of {@link ReferenceBatchNormalization}, a row in the place of a channel; but γ differs along the row, so that it
 * stays inside the sums: with dx̂ = γ·dy and s = √(σ² + ε),
 *
 * <pre>
 *     dx = (dx̂ − Σ dx̂ / n − x̂·Σ dx̂·x̂ / n) / s        dγ = Σ dy·x̂        dβ = Σ dy
 * </pre>
 *
 * the first two sums along the row, the last two over all rows.
 *
 * <p>x, y, dx, dy: rows×n; μ, σ²: rows; γ, β: n. A null γ means 1, a null β means 0.
 */
final class ReferenceLayerNormalization {
    private final int rows;
    private final int n;
    private final double epsilon;

    ReferenceLayerNormalization(Op.LayerNormalization op, Shape x) {
        rows = (int) x.elements(0, x.rank() - op.axes());
        n = (int) x.elements(x.rank() - op.axes(), x.rank());
        epsilon = op.epsilon();
    }

    void forward(double[] x, double[] gamma, double[] beta, double[] y, double[] mean, double[] variance) {
        for (int r = 0; r < rows; r++) {
            int at = r * n;
            double sum = 0;
            for (int i = 0; i < n; i++) sum += x[at + i];
            mean[r] = sum / n;
            double squares = 0;
            for (int i = 0; i < n; i++) squares += (x[at + i] - mean[r]) * (x[at + i] - mean[r]);
            variance[r] = squares / n;
            double inverse = 1 / Math.sqrt(variance[r] + epsilon);
            for (int i = 0; i < n; i++) {
                double normalized = (x[at + i] - mean[r]) * inverse;
                y[at + i] = (gamma == null ? 1 : gamma[i]) * normalized + (beta == null ? 0 : beta[i]);
            }
        }
    }

    /** {@code dgamma} or {@code dbeta} is null if nobody wants it. */
    void backward(
            double[] x,
            double[] mean,
            double[] variance,
            double[] gamma,
            double[] dy,
            double[] dx,
            double[] dgamma,
            double[] dbeta) {
        for (int i = 0; dgamma != null && i < n; i++) dgamma[i] = 0;
        for (int i = 0; dbeta != null && i < n; i++) dbeta[i] = 0;
        for (int r = 0; r < rows; r++) {
            int at = r * n;
            double inverse = 1 / Math.sqrt(variance[r] + epsilon);
            double sum = 0; // Σ dx̂
            double dot = 0; // Σ dx̂·x̂
            for (int i = 0; i < n; i++) {
                double normalized = (x[at + i] - mean[r]) * inverse;
                double d = (gamma == null ? 1 : gamma[i]) * dy[at + i];
                sum += d;
                dot += d * normalized;
                if (dgamma != null) dgamma[i] += dy[at + i] * normalized;
                if (dbeta != null) dbeta[i] += dy[at + i];
            }
            for (int i = 0; i < n; i++) {
                double normalized = (x[at + i] - mean[r]) * inverse;
                double d = (gamma == null ? 1 : gamma[i]) * dy[at + i];
                dx[at + i] = inverse * (d - sum / n - normalized * dot / n);
            }
        }
    }
}
