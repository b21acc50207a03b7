package dev.ondine.onednn;

import dev.ondine.graph.Op;
import dev.ondine.onednn.PointwiseLossKernel.Chunk;
import dev.ondine.tensor.Shape;

/**
 * What a {@link PointwiseLossKernel} computes for a chunk. The formulas are the reference's, the loops plain ones over arrays; sums
 * are four at a time, since one alone waits for each addition to end before the next begins.
 */
interface PointwiseFormula {
    /** The sum of the chunk's losses, not divided by anything. */
    double sum(Chunk c);

    /** Puts {@code scale} times the derivatives in the place of x. */
    void differentiate(Chunk c, double scale);

    /** The formula of an operation on predictions of this shape. */
    static PointwiseFormula of(Op.PointwiseLoss op, Shape x) {
        return switch (op) {
            case Op.MeanSquaredError _ -> new Squared();
            case Op.SmoothL1(float beta) -> beta == 0 ? new Absolute() : new Smooth(beta);
            case Op.BinaryCrossEntropy b -> binary(b, x);
            case Op.KlDivergence _ -> new Divergence();
        };
    }

    /** What the sum over predictions of this shape is divided by. */
    static double divisor(Op.PointwiseLoss op, Shape x) {
        return op instanceof Op.KlDivergence(boolean perSample) && perSample ? x.dim(0) : x.elements();
    }

    private static PointwiseFormula binary(Op.BinaryCrossEntropy op, Shape x) {
        int count = op.positiveWeight().size();
        float[] weights = new float[Math.max(1, count)];
        weights[0] = 1;
        for (int i = 0; i < count; i++) weights[i] = op.positiveWeight().get(i);
        return new Binary(weights, weights.length == 1 ? Long.MAX_VALUE : x.elements(2, x.rank()));
    }

    /** (x − t)². */
    record Squared() implements PointwiseFormula {
        @Override
        public double sum(Chunk c) {
            float[] x = c.x;
            float[] t = c.t;
            double s0 = 0;
            double s1 = 0;
            double s2 = 0;
            double s3 = 0;
            int i = 0;
            for (; i + 3 < c.count; i += 4) {
                double d0 = x[i] - t[i];
                double d1 = x[i + 1] - t[i + 1];
                double d2 = x[i + 2] - t[i + 2];
                double d3 = x[i + 3] - t[i + 3];
                s0 += d0 * d0;
                s1 += d1 * d1;
                s2 += d2 * d2;
                s3 += d3 * d3;
            }
            for (; i < c.count; i++) {
                double d = x[i] - t[i];
                s0 += d * d;
            }
            return (s0 + s1) + (s2 + s3);
        }

        @Override
        public void differentiate(Chunk c, double scale) {
            float[] x = c.x;
            float[] t = c.t;
            float twice = (float) (2 * scale);
            for (int i = 0; i < c.count; i++) x[i] = (x[i] - t[i]) * twice;
        }
    }

    /** |x − t|. */
    record Absolute() implements PointwiseFormula {
        @Override
        public double sum(Chunk c) {
            float[] x = c.x;
            float[] t = c.t;
            double s0 = 0;
            double s1 = 0;
            double s2 = 0;
            double s3 = 0;
            int i = 0;
            for (; i + 3 < c.count; i += 4) {
                s0 += Math.abs(x[i] - t[i]);
                s1 += Math.abs(x[i + 1] - t[i + 1]);
                s2 += Math.abs(x[i + 2] - t[i + 2]);
                s3 += Math.abs(x[i + 3] - t[i + 3]);
            }
            for (; i < c.count; i++) s0 += Math.abs(x[i] - t[i]);
            return (s0 + s1) + (s2 + s3);
        }

        @Override
        public void differentiate(Chunk c, double scale) {
            float[] x = c.x;
            float[] t = c.t;
            float step = (float) scale;
            for (int i = 0; i < c.count; i++) x[i] = Math.signum(x[i] - t[i]) * step;
        }
    }

    /** Squares of differences below beta, the differences themselves beyond. */
    record Smooth(float beta) implements PointwiseFormula {
        /** With m = min(|d|, β) both branches are m·(|d| − m/2)/β, so that there is nothing to guess. */
        @Override
        public double sum(Chunk c) {
            float[] x = c.x;
            float[] t = c.t;
            double s0 = 0;
            double s1 = 0;
            double s2 = 0;
            double s3 = 0;
            int i = 0;
            for (; i + 3 < c.count; i += 4) {
                s0 += twice(x[i] - t[i]);
                s1 += twice(x[i + 1] - t[i + 1]);
                s2 += twice(x[i + 2] - t[i + 2]);
                s3 += twice(x[i + 3] - t[i + 3]);
            }
            for (; i < c.count; i++) s0 += twice(x[i] - t[i]);
            return ((s0 + s1) + (s2 + s3)) / (2.0 * beta);
        }

        private double twice(float difference) {
            double d = Math.abs(difference);
            double m = Math.min(d, beta);
            return m * (2 * d - m);
        }

        @Override
        public void differentiate(Chunk c, double scale) {
            float[] x = c.x;
            float[] t = c.t;
            float slope = (float) (scale / beta);
            for (int i = 0; i < c.count; i++) {
                x[i] = Math.max(-beta, Math.min(beta, x[i] - t[i])) * slope;
            }
        }
    }

    /** Binary cross-entropy of logits. */
    final class Binary implements PointwiseFormula {
        private final float[] weights;
        private final long space;

        /**
         * @param weights of what is positive, one for each class, or one for all
         * @param space elements of one class that lie together
         */
        Binary(float[] weights, long space) {
            this.weights = weights;
            this.space = space;
        }

        @Override
        public double sum(Chunk c) {
            double sum = 0;
            for (int i = 0; i < c.count; ) {
                double more = weights[weight(c.start + i)] - 1.0;
                for (int end = end(c, i); i < end; i++) {
                    double x = c.x[i];
                    double t = c.t[i];
                    sum += (1 - t) * x + (1 + more * t) * (logOnePlus(Math.exp(-Math.abs(x))) + Math.max(-x, 0));
                }
            }
            return sum;
        }

        @Override
        public void differentiate(Chunk c, double scale) {
            for (int i = 0; i < c.count; ) {
                double more = weights[weight(c.start + i)] - 1.0;
                for (int end = end(c, i); i < end; i++) {
                    double t = c.t[i];
                    double negative = 1 / (1 + Math.exp(c.x[i]));
                    c.x[i] = (float) (scale * ((1 - t) - (1 + more * t) * negative));
                }
            }
        }

        /**
         * log(1 + e) for e from 0 to 1, to 1e-10 of itself. {@link Math#log1p} is no intrinsic and takes three times as long as
         * {@link Math#log}, which loses what 1 + e rounds away where e is small.
         */
        private static double logOnePlus(double e) {
            return e < 1e-5 ? e - 0.5 * e * e : Math.log(1 + e);
        }

        private int weight(long element) {
            return (int) (element / space % weights.length);
        }

        /** Where in the chunk the class of element {@code i} ends. */
        private int end(Chunk c, int i) {
            return (int) Math.min(c.count, i + space - (c.start + i) % space);
        }
    }

    /** t·(log t − x). */
    record Divergence() implements PointwiseFormula {
        @Override
        public double sum(Chunk c) {
            double sum = 0;
            for (int i = 0; i < c.count; i++) {
                double t = c.t[i];
                if (t != 0) sum += t * (Math.log(t) - c.x[i]);
            }
            return sum;
        }

        @Override
        public void differentiate(Chunk c, double scale) {
            float[] x = c.x;
            float[] t = c.t;
            float step = (float) -scale;
            for (int i = 0; i < c.count; i++) x[i] = t[i] * step;
        }
    }
}
