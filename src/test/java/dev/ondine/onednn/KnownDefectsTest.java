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
}
