package dev.ondine.reference;

import dev.ondine.graph.AxisMatrix;
import dev.ondine.tensor.Shape;
import java.util.Arrays;

/**
 * The elements along one axis multiplied by a fixed matrix m of few entries: {@code y[i] = Σ over k of m[i,k]·x[k]}.
 *
 * <p>All buffers: outer×extent×inner, extent being the axis.
 */
final class ReferenceAlongAxis {
    private final AxisMatrix matrix;
    private final int outer;
    private final int inner;
    private final int[] starts;
    private final int[] indices;
    private final double[] weights;

    ReferenceAlongAxis(AxisMatrix matrix, int axis, Shape x) {
        this.matrix = matrix;
        outer = (int) x.elements(0, axis);
        inner = (int) x.elements(axis + 1, x.rank());
        starts = matrix.starts();
        indices = matrix.indices();
        weights = matrix.weights();
    }

    void multiply(double[] x, double[] y) {
        Arrays.fill(y, 0);
        for (int o = 0; o < outer; o++) {
            for (int i = 0; i < matrix.rows(); i++) {
                for (int e = starts[i]; e < starts[i + 1]; e++) {
                    int from = (o * matrix.columns() + indices[e]) * inner;
                    int to = (o * matrix.rows() + i) * inner;
                    for (int j = 0; j < inner; j++) y[to + j] += weights[e] * x[from + j];
                }
            }
        }
    }
}
