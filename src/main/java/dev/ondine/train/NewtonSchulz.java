package dev.ondine.train;

import dev.ondine.backend.Team;
import java.util.Arrays;

/**
 * Makes a matrix nearly orthogonal, which is to set all of its singular values near 1: X ← aX + bAX + cA²X with A = XXᵀ, a few times over, on
 * X/‖X‖ (Jordan 2024, whose coefficients these are). In float32, where the original takes bfloat16 for the sake of GPUs.
 *
 * <p>Rows are shared out to a team and each is computed by one thread, in the same order whatever the number of threads. Products go
 * row by row, axpy by axpy, which the compiler turns into vector instructions. Allocates nothing once it is made.
 */
final class NewtonSchulz implements Team.Task {
    private static final float A = 3.4445f;
    private static final float B = -4.7750f;
    private static final float C = 2.0315f;
    private static final double LEAST_NORM = 1e-7;

    private enum Phase {
        TRANSPOSE,
        GRAM,
        POLYNOMIAL,
        APPLY
    }

    private final float[] transposed;
    private final float[] gram;
    private final float[] polynomial;
    private final float[] next;
    private Phase phase;
    private float[] x;
    private int rows;
    private int columns;

    /**
     * For matrices up to a size.
     *
     * @param shorter the most rows or columns, whichever are fewer
     * @param elements the most elements
     */
    NewtonSchulz(int shorter, int elements) {
        transposed = new float[elements];
        next = new float[elements];
        gram = new float[shorter * shorter];
        polynomial = new float[shorter * shorter];
    }

    /** In place; {@code x} is (rows, columns), row-major, and has no more rows than columns. */
    void orthogonalize(float[] x, int rows, int columns, int steps, Team team) {
        if (rows > columns)
            throw new IllegalArgumentException("a matrix with more rows than columns is transposed first");
        int n = rows * columns;
        double sum = 0;
        for (int i = 0; i < n; i++) sum += (double) x[i] * x[i];
        float scale = (float) (1 / Math.max(Math.sqrt(sum), LEAST_NORM));
        for (int i = 0; i < n; i++) x[i] *= scale;
        this.x = x;
        this.rows = rows;
        this.columns = columns;
        for (int i = 0; i < steps; i++) {
            run(Phase.TRANSPOSE, team);
            run(Phase.GRAM, team);
            run(Phase.POLYNOMIAL, team);
            run(Phase.APPLY, team);
            System.arraycopy(next, 0, x, 0, n);
        }
        this.x = null;
    }

    private void run(Phase phase, Team team) {
        this.phase = phase;
        team.run(this);
    }

    @Override
    public void run(int part, int parts) {
        int from = (int) Team.start(rows, part, parts);
        int to = (int) Team.start(rows, part + 1, parts);
        for (int i = from; i < to; i++) {
            switch (phase) {
                case TRANSPOSE -> {
                    for (int j = 0; j < columns; j++) transposed[j * rows + i] = x[i * columns + j];
                }
                case GRAM -> {
                    Arrays.fill(gram, i * rows, (i + 1) * rows, 0);
                    product(x, i * columns, columns, transposed, rows, gram, i * rows);
                }
                case POLYNOMIAL -> {
                    Arrays.fill(polynomial, i * rows, (i + 1) * rows, 0);
                    product(gram, i * rows, rows, gram, rows, polynomial, i * rows);
                    combine(polynomial, C, gram, B, i * rows, rows);
                }
                case APPLY -> {
                    Arrays.fill(next, i * columns, (i + 1) * columns, 0);
                    product(polynomial, i * rows, rows, x, columns, next, i * columns);
                    combine(next, 1, x, A, i * columns, columns);
                }
            }
        }
    }

    /** Adds to a row of {@code width} values at {@code y[to]}: Σₖ a[from + k] · (row k of b), four rows at a time. */
    private static void product(float[] a, int from, int depth, float[] b, int width, float[] y, int to) {
        int k = 0;
        for (; k + 4 <= depth; k += 4) {
            float a0 = a[from + k];
            float a1 = a[from + k + 1];
            float a2 = a[from + k + 2];
            float a3 = a[from + k + 3];
            int b0 = k * width;
            int b1 = b0 + width;
            int b2 = b1 + width;
            int b3 = b2 + width;
            for (int j = 0; j < width; j++) {
                y[to + j] += a0 * b[b0 + j] + a1 * b[b1 + j] + a2 * b[b2 + j] + a3 * b[b3 + j];
            }
        }
        for (; k < depth; k++) {
            float a0 = a[from + k];
            int b0 = k * width;
            for (int j = 0; j < width; j++) y[to + j] += a0 * b[b0 + j];
        }
    }

    /** y = p·y + q·x over a row. */
    private static void combine(float[] y, float p, float[] x, float q, int from, int width) {
        for (int j = from; j < from + width; j++) y[j] = p * y[j] + q * x[j];
    }
}
