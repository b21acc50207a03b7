package dev.ondine.reference;

import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;

/**
 * Batch normalization of virtual batches (Hoffer et al. 2017, "Train longer, generalize better", algorithm 1): each part of the batch is
 * normalized as if it were the batch ({@link ReferenceBatchNormalization}); γ and β are everybody's, so that their gradients are sums
 * over the parts.
 */
final class ReferenceGhostBatchNormalization {
    private final ReferenceBatchNormalization part;
    private final int ghosts;
    private final boolean scale;
    private final int size;
    private final double[] x;
    private final double[] y;
    private final double[] dgamma;
    private final double[] dbeta;

    ReferenceGhostBatchNormalization(Op.GhostBatchNormalization op, Shape shape) {
        Shape one = shape.with(0, shape.dim(0) / op.ghosts());
        part = new ReferenceBatchNormalization(op.part(), one);
        ghosts = op.ghosts();
        scale = op.scale();
        size = (int) one.elements();
        x = new double[size];
        y = new double[size];
        dgamma = new double[(int) shape.dim(1)];
        dbeta = new double[dgamma.length];
    }

    /** @param out y, and the statistics of each part */
    void forward(double[] input, double[] gamma, double[] beta, double[][] out) {
        for (int g = 0; g < ghosts; g++) {
            double[] mean = out[1 + 2 * g];
            double[] variance = out[2 + 2 * g];
            System.arraycopy(input, g * size, x, 0, size);
            part.statistics(x, mean, variance);
            part.forward(x, mean, variance, gamma, beta, y, null);
            System.arraycopy(y, 0, out[0], g * size, size);
        }
    }

    /** @param in x, the statistics of each part, γ if there is one, dy */
    void backward(double[][] in, double[] dx, double[] gammaSum, double[] betaSum) {
        double[] gamma = scale ? in[in.length - 2] : null;
        double[] dy = in[in.length - 1];
        for (int g = 0; g < ghosts; g++) {
            System.arraycopy(in[0], g * size, x, 0, size);
            System.arraycopy(dy, g * size, y, 0, size);
            // In place: each dx is computed from the x and dy at its own index, and from sums.
            part.backward(x, in[1 + 2 * g], in[2 + 2 * g], gamma, y, null, y, dgamma, dbeta);
            System.arraycopy(y, 0, dx, g * size, size);
            add(dgamma, gammaSum, g == 0);
            add(dbeta, betaSum, g == 0);
        }
    }

    private static void add(double[] term, double[] sum, boolean first) {
        if (sum == null) return;
        for (int c = 0; c < sum.length; c++) sum[c] = (first ? 0 : sum[c]) + term[c];
    }
}
