package dev.ondine.reference;

import java.util.Arrays;

/**
 * The fully connected layer, {@code y = x·wᵀ + b}. With indices, and its gradients:
 *
 * <pre>
 *     y[n,o]  = b[o] + Σ over i of x[n,i]·w[o,i]
 *     dx[n,i] = Σ over o of dy[n,o]·w[o,i]
 *     dw[o,i] = Σ over n of dy[n,o]·x[n,i]
 *     db[o]   = Σ over n of dy[n,o]
 * </pre>
 *
 * All buffers: x, dx: N×I; w, dw: O×I; b, db: O; y, dy: N×O.
 */
record ReferenceLinear(int batch, int inputs, int outputs) {
    /** y; a null b means 0. */
    void forward(double[] x, double[] w, double[] b, double[] y) {
        for (int n = 0; n < batch; n++) {
            for (int o = 0; o < outputs; o++) {
                double sum = b == null ? 0 : b[o];
                for (int i = 0; i < inputs; i++) sum += x[n * inputs + i] * w[o * inputs + i];
                y[n * outputs + o] = sum;
            }
        }
    }

    void backwardData(double[] dy, double[] w, double[] dx) {
        Arrays.fill(dx, 0);
        for (int n = 0; n < batch; n++) {
            for (int o = 0; o < outputs; o++) {
                double d = dy[n * outputs + o];
                for (int i = 0; i < inputs; i++) dx[n * inputs + i] += d * w[o * inputs + i];
            }
        }
    }

    /** dw and, unless it is null, db. */
    void backwardWeights(double[] x, double[] dy, double[] dw, double[] db) {
        Arrays.fill(dw, 0);
        if (db != null) Arrays.fill(db, 0);
        for (int n = 0; n < batch; n++) {
            for (int o = 0; o < outputs; o++) {
                double d = dy[n * outputs + o];
                for (int i = 0; i < inputs; i++) dw[o * inputs + i] += d * x[n * inputs + i];
                if (db != null) db[o] += d;
            }
        }
    }
}
