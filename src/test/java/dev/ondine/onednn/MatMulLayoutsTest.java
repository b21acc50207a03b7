package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.reference.ReferenceBackend;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products of matrices that lie in memory in any order of their axes, read where they lie, with axes of one element among them. */
class MatMulLayoutsTest {
    /** Sums of at most 17 products of numbers below one. */
    private static final float TOLERANCE = 17 * 0x1p-23f;

    /** In which order the axes lie, outermost first. */
    private static final List<List<Integer>> ORDERS = List.of(
            List.of(0, 1, 2, 3),
            List.of(0, 1, 3, 2),
            List.of(3, 1, 0, 2),
            List.of(2, 1, 0, 3),
            List.of(0, 2, 1, 3),
            List.of(0, 3, 1, 2));

    @ParameterizedTest(name = "{0}x{1} of {2}x{3} by {3}x{4}")
    @CsvSource({
        "1, 1, 1, 5, 5",
        "1, 3, 5, 1, 5",
        "1, 8, 5, 5, 5",
        "1, 3, 2, 17, 1",
        "1, 8, 17, 2, 17",
        "2, 1, 5, 2, 1",
        "2, 3, 5, 5, 17",
        "2, 3, 1, 5, 2",
        "2, 1, 5, 1, 5",
        "1, 1, 17, 17, 5"
    })
    void isAsTheReference(long outer, long inner, long rows, long depth, long columns) {
        for (List<Integer> first : ORDERS) {
            for (List<Integer> second : ORDERS) {
                GraphBuilder b = new GraphBuilder();
                Value x = lying(b, "x", first, outer, inner, rows, depth);
                Value y = lying(b, "y", second, outer, inner, depth, columns);
                b.output("z", b.add(new Op.MatMul(false, false, 1), x, y));
                Graph graph = b.build();
                assertArrayEquals(
                        product(new ReferenceBackend(), graph),
                        product(new OneDnnBackend(), graph),
                        TOLERANCE,
                        () -> "axes in the orders " + first + " and " + second);
            }
        }
    }

    /** An input whose memory has the axes of a tensor in an order, and the tensor. */
    private static Value lying(GraphBuilder b, String name, List<Integer> order, long... dims) {
        Integer[] axes = new Integer[4];
        for (int i = 0; i < 4; i++) axes[order.get(i)] = i;
        long[] stored = order.stream().mapToLong(axis -> dims[axis]).toArray();
        Value input = b.input(name, DataType.FLOAT32, Shape.of(stored));
        return b.add(new Op.Transpose(Arrays.asList(axes)), input);
    }

    private static float[] product(Backend backend, Graph graph) {
        try (Plan plan = backend.compile(graph, PlanOptions.threads(1))) {
            SplittableRandom random = new SplittableRandom(1);
            for (String name : List.of("x", "y")) {
                Tensor tensor = plan.input(name);
                for (long i = 0; i < tensor.elements(); i++) tensor.setFloatAt(i, (float) random.nextDouble(-1, 1));
            }
            plan.run(0);
            return plan.output("z").toFloatArray();
        }
    }
}
