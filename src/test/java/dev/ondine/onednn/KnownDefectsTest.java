package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** That the kernels that are passed over are not taken by another way. */
class KnownDefectsTest {
    /** A convolution by every second pixel, forward and backward, in whatever layouts its surroundings have. */
    private static Graph strided(long in, long out) {
        Shape x = Shape.of(2, in, 10, 8);
        List<Integer> none = List.of(0, 0);
        GraphBuilder b = new GraphBuilder();
        Value input = b.input("x", DataType.FLOAT32, x);
        Value weight = b.parameter("weight", Shape.of(out, in, 1, 1));
        Value bias = b.parameter("bias", Shape.of(out));
        Op op = new Op.Convolution(List.of(2, 2), none, none, List.of(1, 1), 1, true);
        Value y = b.add(op, input, weight, bias);
        b.output("y", y);
        Value dy = b.input("dy", DataType.FLOAT32, y.shape());
        return Differentiate.apply(b.build(), y, dy, List.of(input, weight, bias));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 5, 7, 8, 9, 17})
    void aStrideOverFewChannelsStaysInItsScratchpad(long in) {
        for (long out : new long[] {1, 3, 8, 17}) {
            for (OneDnnBackend backend : List.of(new OneDnnBackend(), TunerTest.contrary())) {
                for (int threads : new int[] {1, 2}) {
                    // In layouts of their own the operands lie as they would in the middle of a network.
                    PlanOptions options = PlanOptions.threads(threads).ownLayouts(true);
                    try (OneDnnPlan plan = backend.compile(strided(in, out), options)) {
                        Guards.check(plan, threads);
                        assertEquals(List.of(), plan.warnings());
                    }
                }
            }
        }
    }

    /** A column times a row, with either of them transposed, as it lies or as a part of something larger. */
    @ParameterizedTest
    @CsvSource({"1, 5, 7", "3, 7, 7", "7, 3, 16", "16, 16, 16"})
    void aColumnTimesARowReadsTheColumnOnly(long batch, long rows, long columns) {
        for (boolean transposeA : new boolean[] {false, true}) {
            for (boolean transposeB : new boolean[] {false, true}) {
                for (boolean parts : new boolean[] {false, true}) {
                    try (OneDnnPlan plan = new OneDnnBackend()
                            .compile(
                                    product(batch, rows, columns, transposeA, transposeB, parts),
                                    PlanOptions.threads(1))) {
                        Guards.check(plan, 1);
                        assertEquals(List.of(), plan.warnings());
                    }
                }
            }
        }
    }

    private static Graph product(
            long batch, long rows, long columns, boolean transposeA, boolean transposeB, boolean parts) {
        GraphBuilder b = new GraphBuilder();
        Shape first = transposeA ? Shape.of(2, batch, 1, rows) : Shape.of(2, batch, rows, 1);
        Shape second = transposeB ? Shape.of(2, batch, columns, 1) : Shape.of(2, batch, 1, columns);
        Value a = parts
                ? b.add(new Op.Slice(0, 1, 2), b.input("a", DataType.FLOAT32, first.with(0, 4)))
                : b.input("a", DataType.FLOAT32, first);
        Value c = parts
                ? b.add(new Op.Slice(1, 1, batch), b.input("b", DataType.FLOAT32, second.with(1, batch + 2)))
                : b.input("b", DataType.FLOAT32, second);
        b.output("y", b.add(new Op.MatMul(transposeA, transposeB, 1), a, c));
        return b.build();
    }
}
