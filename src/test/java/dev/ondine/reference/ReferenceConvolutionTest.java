package dev.ondine.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ReferenceConvolutionTest {
    /** Small integers have exact sums in any order. */
    private static double[] integers(Random random, Shape shape) {
        return random.ints(shape.elements(), -4, 5).asDoubleStream().toArray();
    }

    /** The formula as it stands, with a test for the padding at each element, on random geometries. */
    @Test
    void equalsTheFormula() {
        Random random = new Random(5);
        for (int round = 0; round < 200; round++) {
            int groups = 1 + random.nextInt(3);
            int perGroup = 1 + random.nextInt(2);
            int outPerGroup = 1 + random.nextInt(3);
            List<Integer> stride = three(random, 1, 3);
            List<Integer> dilation = three(random, 1, 3);
            List<Integer> begin = three(random, 0, 3);
            List<Integer> end = three(random, 0, 3);
            List<Integer> kernel = three(random, 1, 3);
            List<Integer> in = three(random, 5, 8);
            Shape x = Shape.of(2, (long) groups * perGroup, in.get(0), in.get(1), in.get(2));
            Shape w = Shape.of((long) groups * outPerGroup, perGroup, kernel.get(0), kernel.get(1), kernel.get(2));
            var op = new Op.Convolution(stride, begin, end, dilation, groups, true);
            TinyGraph g = new TinyGraph();
            Value xv = g.given(integers(random, x), x.dims());
            Value wv = g.given(integers(random, w), w.dims());
            Value bv = g.given(integers(random, Shape.of(w.dim(0))), w.dim(0));
            Value yv = g.add(op, xv, wv, bv);
            ReferenceInterpreter run = g.run(g.builder.build());
            double[] y = run.array(yv);
            Shape out = yv.shape();
            for (int j = 0; j < y.length; j++) {
                long[] at = position(j, out);
                double sum = run.array(bv)[(int) at[1]];
                for (int k = 0; k < w.elements(1, 5); k++) {
                    long[] tap = position(k, w.with(0, 1));
                    long[] from = {at[0], at[1] / outPerGroup * perGroup + tap[1], 0, 0, 0};
                    boolean inside = true;
                    for (int a = 0; a < 3; a++) {
                        from[2 + a] = at[2 + a] * stride.get(a) - begin.get(a) + tap[2 + a] * dilation.get(a);
                        inside &= from[2 + a] >= 0 && from[2 + a] < x.dim(2 + a);
                    }
                    int weight = (int) (at[1] * w.elements(1, 5)) + k;
                    if (inside) sum += run.array(xv)[index(from, x)] * run.array(wv)[weight];
                }
                assertEquals(sum, y[j], op + " on " + x + ", element " + j);
            }
        }
    }

    @Test
    void oneDimensionByHand() {
        TinyGraph g = new TinyGraph();
        var op = new Op.Convolution(List.of(2), List.of(1), List.of(0), List.of(1), 1, true);
        Value y = g.add(
                op,
                g.given(new double[] {1, 2, 3, 4}, 1, 1, 4),
                g.given(new double[] {10, 1}, 1, 1, 2),
                g.given(new double[] {0.5}, 1));
        // Windows (pad, 1) and (2, 3).
        assertArrayEquals(new double[] {1.5, 23.5}, g.run(g.builder.build()).array(y));
    }

    private static List<Integer> three(Random random, int least, int below) {
        return List.of(random.nextInt(least, below), random.nextInt(least, below), random.nextInt(least, below));
    }

    private static long[] position(long index, Shape shape) {
        long[] at = new long[shape.rank()];
        for (int axis = at.length - 1; axis >= 0; axis--) {
            at[axis] = index % shape.dim(axis);
            index /= shape.dim(axis);
        }
        return at;
    }

    private static int index(long[] at, Shape shape) {
        long index = 0;
        for (int axis = 0; axis < at.length; axis++) index = index * shape.dim(axis) + at[axis];
        return (int) index;
    }
}
