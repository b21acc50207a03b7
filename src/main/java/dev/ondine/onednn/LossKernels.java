package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ondine.graph.Op;
import java.lang.foreign.MemorySegment;

/** Losses and their gradients over row-major float32; sums in double. */
final class LossKernels {
    /** Extents of logits (N, C, space). */
    record Logits(long batch, long classes, long space) {}

    private LossKernels() {}

    /**
     * Cross-entropy of logits x against class indices t: for each position the mean over those not ignored of −Σ q·log p, p =
     * softmax(x), q = (1 − smoothing)·onehot(t) + smoothing/C. The gradient is (p − q)/count.
     */
    static final class CrossEntropy {
        private final float smoothing;
        private final int ignoreIndex;
        private final long batch;
        private final long classes;
        private final long space;

        CrossEntropy(Op.CrossEntropy op, Logits shape) {
            this.smoothing = op.smoothing();
            this.ignoreIndex = op.ignoreIndex();
            this.batch = shape.batch;
            this.classes = shape.classes;
            this.space = shape.space;
        }

        void forward(MemorySegment x, MemorySegment target, MemorySegment loss) {
            double sum = 0;
            long counted = 0;
            for (long n = 0; n < batch; n++) {
                for (long s = 0; s < space; s++) {
                    int t = target(target, n * space + s);
                    if (t == ignoreIndex) continue;
                    long at = n * classes * space + s;
                    double logSum = logSumExp(x, at);
                    double own = logSum - x.getAtIndex(JAVA_FLOAT, at + t * space);
                    double all = 0;
                    if (smoothing > 0) {
                        for (long c = 0; c < classes; c++) all += logSum - x.getAtIndex(JAVA_FLOAT, at + c * space);
                    }
                    sum += (1 - smoothing) * own + smoothing / classes * all;
                    counted++;
                }
            }
            loss.setAtIndex(JAVA_FLOAT, 0, (float) (sum / counted));
        }

        void backward(MemorySegment x, MemorySegment target, MemorySegment dloss, MemorySegment dx) {
            long counted = 0;
            for (long i = 0; i < batch * space; i++) if (target(target, i) != ignoreIndex) counted++;
            double scale = dloss.getAtIndex(JAVA_FLOAT, 0) / (double) counted;
            for (long n = 0; n < batch; n++) {
                for (long s = 0; s < space; s++) {
                    int t = target(target, n * space + s);
                    long at = n * classes * space + s;
                    double logSum = t == ignoreIndex ? 0 : logSumExp(x, at);
                    for (long c = 0; c < classes; c++) {
                        long i = at + c * space;
                        double p = t == ignoreIndex ? 0 : Math.exp(x.getAtIndex(JAVA_FLOAT, i) - logSum);
                        double q = (c == t ? 1 - smoothing : 0) + smoothing / classes;
                        dx.setAtIndex(JAVA_FLOAT, i, t == ignoreIndex ? 0 : (float) ((p - q) * scale));
                    }
                }
            }
        }

        /** log Σ exp over the classes at one position, the maximum taken out first. */
        private double logSumExp(MemorySegment x, long at) {
            float max = Float.NEGATIVE_INFINITY;
            for (long c = 0; c < classes; c++) max = Math.max(max, x.getAtIndex(JAVA_FLOAT, at + c * space));
            double sum = 0;
            for (long c = 0; c < classes; c++) sum += Math.exp(x.getAtIndex(JAVA_FLOAT, at + c * space) - max);
            return max + Math.log(sum);
        }

        private int target(MemorySegment target, long i) {
            int t = target.getAtIndex(JAVA_INT, i);
            if (t != ignoreIndex && (t < 0 || t >= classes)) {
                throw new IllegalArgumentException("target " + i + " is class " + t + ", but there are " + classes
                        + " classes, 0 to " + (classes - 1));
            }
            return t;
        }
    }

    static void meanSquaredError(MemorySegment x, MemorySegment target, long n, MemorySegment loss) {
        double sum = 0;
        for (long i = 0; i < n; i++) {
            double d = x.getAtIndex(JAVA_FLOAT, i) - target.getAtIndex(JAVA_FLOAT, i);
            sum += d * d;
        }
        loss.setAtIndex(JAVA_FLOAT, 0, (float) (sum / n));
    }

    static void meanSquaredErrorBackward(
            MemorySegment x, MemorySegment target, long n, MemorySegment dloss, MemorySegment dx) {
        float scale = (float) (2.0 * dloss.getAtIndex(JAVA_FLOAT, 0) / n);
        for (long i = 0; i < n; i++) {
            float d = x.getAtIndex(JAVA_FLOAT, i) - target.getAtIndex(JAVA_FLOAT, i);
            dx.setAtIndex(JAVA_FLOAT, i, d * scale);
        }
    }
}
