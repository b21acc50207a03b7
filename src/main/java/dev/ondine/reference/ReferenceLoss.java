package dev.ondine.reference;

import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;

/**
 * Cross-entropy, a mean, so that its gradient does not grow with the batch.
 *
 * <p>Of logits x against the class t of each sample and place (Szegedy et al. 2016, section 7, for the
 * smoothing s over C classes):
 *
 * <pre>
 *     p    = softmax(x)
 *     q    = (1 − s)·onehot(t) + s/C
 *     loss = mean of −Σ q·log p          over the targets that are not ignored
 *     dx   = dloss·(p − q)/count         0 where the target is ignored
 * </pre>
 *
 * If all targets are ignored, the loss is 0/0, NaN, and its gradient 0, as in PyTorch.
 *
 * <p>Against probabilities t of all classes, q = (1 − s)·t + s/C, every place counts, and dx = dloss·(p·Σq − q)/count: t need not
 * add up to 1.
 *
 * <p>All buffers: x, dx: N×C×S; target: N×S, of integer values, or N×C×S for probabilities; loss and dloss: 1.
 */
final class ReferenceLoss {
    private final int batch;
    private final int classes;
    private final int space;
    private final double smoothing;
    private final int ignoreIndex;

    /** Of logits of shape {@code x} against classes. */
    ReferenceLoss(Op.CrossEntropy op, Shape x) {
        this(x, op.smoothing(), op.ignoreIndex());
    }

    /** Of logits of shape {@code x} against probabilities. */
    ReferenceLoss(Op.SoftCrossEntropy op, Shape x) {
        this(x, op.smoothing(), 0);
    }

    private ReferenceLoss(Shape x, double smoothing, int ignoreIndex) {
        batch = (int) x.dim(0);
        classes = (int) x.dim(1);
        space = (int) x.elements(2, x.rank());
        this.smoothing = smoothing;
        this.ignoreIndex = ignoreIndex;
    }

    /**
     * The cross-entropy.
     *
     * @throws IllegalArgumentException if a target is no class and not the ignored index; names it
     */
    void crossEntropy(double[] x, double[] target, double[] loss) {
        int count = counted(target);
        double sum = 0;
        for (int n = 0; n < batch; n++) {
            for (int s = 0; s < space; s++) {
                int t = (int) target[n * space + s];
                if (t == ignoreIndex) continue;
                int start = n * classes * space + s;
                // −log p[c] = log Σ exp(x − max) − (x[c] − max)
                double max = ReferenceSoftmax.maximum(x, start, classes, space);
                double log = Math.log(ReferenceSoftmax.sumExp(x, start, classes, space, max));
                sum += (1 - smoothing) * (log - (x[start + t * space] - max));
                // Not merely a factor of zero: a class may be masked out with a logit of −∞.
                if (smoothing == 0) continue;
                for (int c = 0; c < classes; c++) sum += smoothing / classes * (log - (x[start + c * space] - max));
            }
        }
        loss[0] = sum / count;
    }

    void crossEntropyBackward(double[] x, double[] target, double[] dloss, double[] dx) {
        int count = counted(target);
        for (int n = 0; n < batch; n++) {
            for (int s = 0; s < space; s++) {
                int t = (int) target[n * space + s];
                int start = n * classes * space + s;
                double max = ReferenceSoftmax.maximum(x, start, classes, space);
                double sum = ReferenceSoftmax.sumExp(x, start, classes, space, max);
                for (int c = 0; c < classes; c++) {
                    int at = start + c * space;
                    double p = Math.exp(x[at] - max) / sum;
                    double q = (c == t ? 1 - smoothing : 0) + smoothing / classes;
                    dx[at] = t == ignoreIndex ? 0 : dloss[0] * (p - q) / count;
                }
            }
        }
    }

    /** How many targets are not ignored. */
    private int counted(double[] target) {
        int count = 0;
        for (int i = 0; i < target.length; i++) {
            int t = (int) target[i];
            if (t == ignoreIndex) continue;
            if (t < 0 || t >= classes) {
                throw new IllegalArgumentException("target " + i + " is " + t + ", which is not one of the " + classes
                        + " classes (0 to " + (classes - 1) + ") and not the ignored index " + ignoreIndex);
            }
            count++;
        }
        return count;
    }

    void softCrossEntropy(double[] x, double[] target, double[] loss) {
        double sum = 0;
        for (int n = 0; n < batch; n++) {
            for (int s = 0; s < space; s++) {
                int start = n * classes * space + s;
                double max = ReferenceSoftmax.maximum(x, start, classes, space);
                double log = Math.log(ReferenceSoftmax.sumExp(x, start, classes, space, max));
                for (int c = 0; c < classes; c++) {
                    double q = probability(target[start + c * space]);
                    // Not merely a factor of zero: a class may be masked out with a logit of −∞.
                    if (q != 0) sum += q * (log - (x[start + c * space] - max));
                }
            }
        }
        loss[0] = sum / (batch * space);
    }

    void softCrossEntropyBackward(double[] x, double[] target, double[] dloss, double[] dx) {
        for (int n = 0; n < batch; n++) {
            for (int s = 0; s < space; s++) {
                int start = n * classes * space + s;
                double max = ReferenceSoftmax.maximum(x, start, classes, space);
                double sum = ReferenceSoftmax.sumExp(x, start, classes, space, max);
                double total = 0;
                for (int c = 0; c < classes; c++) total += probability(target[start + c * space]);
                for (int c = 0; c < classes; c++) {
                    int at = start + c * space;
                    double p = Math.exp(x[at] - max) / sum;
                    dx[at] = dloss[0] * (p * total - probability(target[at])) / (batch * space);
                }
            }
        }
    }

    private double probability(double target) {
        return (1 - smoothing) * target + smoothing / classes;
    }
}
