package dev.ondine.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Op;
import dev.ondine.graph.Op.PoolingKind;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Values and edge cases by hand; PyTorch 2 gives the same. */
class ReferencePoolingTest {
    private static final double NAN = Double.NaN;
    private static final double LOW = Double.NEGATIVE_INFINITY;

    private static Op.Pooling op(PoolingKind kind, int kernel, int stride, int padding, boolean ceil) {
        return new Op.Pooling(kind, List.of(kernel), List.of(stride), List.of(padding), List.of(padding), ceil);
    }

    private static double[] pool(Op.Pooling op, double... x) {
        TinyGraph g = new TinyGraph();
        Value y = g.add(op, g.given(x, 1, 1, x.length));
        return g.run(g.builder.build()).array(y);
    }

    /** The gradient of the sum of all results. */
    private static double[] gradient(Op.Pooling op, double... x) {
        TinyGraph g = new TinyGraph();
        Value xv = g.given(x, 1, 1, x.length);
        Value loss = g.add(new Op.ReduceSum(Shape.of(1, 1, 1)), g.add(op, xv));
        Graph graph = Differentiate.apply(g.builder.build(), loss, List.of(xv));
        return g.run(graph).array(graph.gradients().get(xv));
    }

    @Test
    void maximum() {
        assertArrayEquals(new double[] {3, 5}, pool(op(PoolingKind.MAX, 2, 2, 0, false), 3, 1, 4, 5, 9));
        assertArrayEquals(new double[] {3, 5, 9}, pool(op(PoolingKind.MAX, 2, 2, 0, true), 3, 1, 4, 5, 9));
        // Padding is not a zero: it never wins.
        assertArrayEquals(new double[] {-3, -1}, pool(op(PoolingKind.MAX, 3, 2, 1, false), -3, -4, -1));
        assertArrayEquals(new double[] {LOW, LOW}, pool(op(PoolingKind.MAX, 2, 2, 0, false), LOW, LOW, LOW, LOW));
    }

    @Test
    void firstOfEqualMaximaGetsTheGradient() {
        assertArrayEquals(new double[] {1, 0, 0, 1}, gradient(op(PoolingKind.MAX, 2, 2, 0, false), 2, 2, 1, 3));
        // Overlapping windows add up.
        assertArrayEquals(new double[] {0, 2, 0}, gradient(op(PoolingKind.MAX, 2, 1, 0, false), 1, 5, 2));
        assertArrayEquals(new double[] {1, 0}, gradient(op(PoolingKind.MAX, 2, 2, 0, false), LOW, LOW));
    }

    @Test
    void nanWins() {
        var op = op(PoolingKind.MAX, 2, 1, 0, false);
        assertArrayEquals(new double[] {5, NAN, NAN, 7}, pool(op, 1, 5, NAN, 7, 2));
        assertArrayEquals(new double[] {0, 1, 2, 1, 0}, gradient(op, 1, 5, NAN, 7, 2));
        assertArrayEquals(new double[] {NAN}, pool(op(PoolingKind.AVERAGE_INCLUDE_PADDING, 2, 2, 0, false), NAN, 1));
    }

    @Test
    void average() {
        var include = op(PoolingKind.AVERAGE_INCLUDE_PADDING, 3, 2, 1, false);
        var exclude = op(PoolingKind.AVERAGE_EXCLUDE_PADDING, 3, 2, 1, false);
        assertArrayEquals(new double[] {3, 5, 5}, pool(include, 3, 6, 9, 0, 6, 9));
        assertArrayEquals(new double[] {4.5, 5, 5}, pool(exclude, 3, 6, 9, 0, 6, 9));
    }

    @Test
    void windowsThatHangOver() {
        // The third window covers element 5 and nothing: divided by 1 either way.
        assertArrayEquals(
                new double[] {1.5, 3.5, 5},
                pool(op(PoolingKind.AVERAGE_INCLUDE_PADDING, 2, 2, 0, true), 1, 2, 3, 4, 5));
        // The fourth window covers element 6, one zero of padding and one place behind it, which does not count: 6/2.
        assertArrayEquals(
                new double[] {1, 3, 5, 3},
                pool(op(PoolingKind.AVERAGE_INCLUDE_PADDING, 3, 2, 1, true), 1, 2, 3, 4, 5, 6));
        assertArrayEquals(
                new double[] {1.5, 3, 5, 6},
                pool(op(PoolingKind.AVERAGE_EXCLUDE_PADDING, 3, 2, 1, true), 1, 2, 3, 4, 5, 6));
        assertArrayEquals(
                new double[] {0.5, 0.5, 0.5, 0.5, 1},
                gradient(op(PoolingKind.AVERAGE_INCLUDE_PADDING, 2, 2, 0, true), 1, 2, 3, 4, 5));
    }
}
