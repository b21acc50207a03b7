package dev.ondine.reference;

import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;

/**
 * Losses that compare each element x with its target t and are the mean over all n elements (for the divergence: the sum over the
 * samples' number, if it is per sample).
 *
 * <pre>
 *     squared error       d², d = x − t                                  2·d
 *     smooth L1           d²/(2β) if |d| &lt; β, else |d| − β/2            d/β, sign d
 *     binary              (1 − t)·x + (1 + (w − 1)·t)·log(1 + exp(−x))   (1 − t) − (1 + (w − 1)·t)·σ(−x)
 *     divergence          t·(log t − x), 0 for t = 0                     −t
 * </pre>
 *
 * The right column is the derivative; dx = dloss·derivative/n. All buffers have one shape; loss and dloss: 1.
 */
final class ReferencePointwiseLoss {
    private final Op.PointwiseLoss op;
    private final int classes;
    private final int space;
    private final double divisor;

    ReferencePointwiseLoss(Op.PointwiseLoss op, Shape x) {
        this.op = op;
        classes = x.rank() < 2 ? 1 : (int) x.dim(1);
        space = x.rank() < 2 ? 1 : (int) x.elements(2, x.rank());
        divisor = op instanceof Op.KlDivergence(boolean perSample) && perSample ? x.dim(0) : x.elements();
    }

    void forward(double[] x, double[] target, double[] loss) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) sum += value(i, x[i], target[i]);
        loss[0] = sum / divisor;
    }

    void backward(double[] x, double[] target, double[] dloss, double[] dx) {
        for (int i = 0; i < x.length; i++) dx[i] = dloss[0] * derivative(i, x[i], target[i]) / divisor;
    }

    private double value(int i, double x, double t) {
        double d = x - t;
        return switch (op) {
            case Op.MeanSquaredError _ -> d * d;
            case Op.SmoothL1(float beta) -> Math.abs(d) < beta ? d * d / (2 * beta) : Math.abs(d) - 0.5 * beta;
            // log(1 + exp(−x)) = log(1 + exp(−|x|)) + max(−x, 0) does not overflow.
            case Op.BinaryCrossEntropy b ->
                (1 - t) * x + (1 + (weight(b, i) - 1) * t) * (Math.log1p(Math.exp(-Math.abs(x))) + Math.max(-x, 0));
            case Op.KlDivergence _ -> t == 0 ? 0 : t * (Math.log(t) - x);
        };
    }

    private double derivative(int i, double x, double t) {
        double d = x - t;
        return switch (op) {
            case Op.MeanSquaredError _ -> 2 * d;
            case Op.SmoothL1(float beta) -> Math.abs(d) < beta ? d / beta : Math.signum(d);
            case Op.BinaryCrossEntropy b -> (1 - t) - (1 + (weight(b, i) - 1) * t) / (1 + Math.exp(x));
            case Op.KlDivergence _ -> -t;
        };
    }

    private double weight(Op.BinaryCrossEntropy b, int i) {
        return switch (b.positiveWeight().size()) {
            case 0 -> 1;
            case 1 -> b.positiveWeight().getFirst();
            default -> b.positiveWeight().get(i / space % classes);
        };
    }
}
