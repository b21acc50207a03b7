package dev.ondine.reference;

import dev.ondine.graph.Op;

/**
 * The correction of batch renormalization (Ioffe 2017, "Batch Renormalization: Towards Reducing Minibatch Dependence in
 * Batch-Normalized Models", algorithm 1):
 *
 * <pre>
 *     r = clip(σ / σ′, 1/rmax, rmax)        d = clip((μ − μ′) / σ′, −dmax, dmax)        σ = √(variance + ε)
 * </pre>
 *
 * With x̂ = (x − μ)/σ the layer gives γ·(x̂·r + d) + β. Within the limits x̂·r + d = (x − μ′)/σ′: what evaluation computes.
 */
final class ReferenceRenormalization {
    private ReferenceRenormalization() {}

    static void factors(
            Op.RenormalizationFactors op,
            long step,
            double[] mean,
            double[] variance,
            double[] runningMean,
            double[] runningVariance,
            double[] r,
            double[] d) {
        double rmax = op.limits().rmaxAt(step);
        double dmax = op.limits().dmaxAt(step);
        for (int c = 0; c < r.length; c++) {
            double running = Math.sqrt(runningVariance[c] + op.epsilon());
            r[c] = Math.clamp(Math.sqrt(variance[c] + op.epsilon()) / running, 1 / rmax, rmax);
            d[c] = Math.clamp((mean[c] - runningMean[c]) / running, -dmax, dmax);
        }
    }
}
