package dev.ondine.verify;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.BinaryKind;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.UnaryKind;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Where a function has no derivative, its gradient is a choice: on every backend it is PyTorch's (2.13, what {@code backward()} gave at
 * these places).
 */
class KinksTest {
    /** A sixth, rounded once. */
    private static final float ROUNDING = 0x1p-24f;

    @ParameterizedTest
    @ValueSource(strings = {"reference", "onednn", "vector"})
    void gradientsAtKinksArePyTorchs(String name) {
        Backend backend = Backends.named(name);
        assertGradient(backend, new Op.Unary(UnaryKind.CLIP, -1, 0.5f), at(-1, 0.5f), 1, 1);
        assertGradient(
                backend, new Op.Unary(UnaryKind.CLIP, -1, 0.5f), at(Math.nextDown(-1f), Math.nextUp(0.5f)), 0, 0);
        assertGradient(backend, new Op.Unary(UnaryKind.CLIP, -Float.MAX_VALUE, 0), at(0, -Float.MAX_VALUE), 1, 1);
        assertGradient(backend, new Op.Unary(UnaryKind.ABSOLUTE, 0, 0), at(0, -0f), 0, 0);
        assertGradient(backend, new Op.Activation(ActivationKind.RELU, 0), at(0, -0f), 0, 0);
        assertGradient(backend, new Op.Activation(ActivationKind.RELU6, 0), at(0, 6), 0, 0);
        assertGradient(backend, new Op.Activation(ActivationKind.LEAKY_RELU, 0.1f), at(0, -0f), 0.1f, 0.1f);
        assertGradient(backend, new Op.Activation(ActivationKind.ELU, 0.7f), at(0, -0f), 0.7f, 0.7f);
        assertGradient(backend, new Op.Activation(ActivationKind.HARD_SIGMOID, 0), at(-3, 3), 0, 0);
        assertGradient(backend, new Op.Activation(ActivationKind.HARD_SWISH, 0), at(-3, 3), 0, 1);
        float[][] equal = {{1, -2}, {1, -2}};
        assertGradient(backend, new Op.Binary(BinaryKind.MAXIMUM), equal, 0.5f, 0.5f);
        assertGradient(backend, new Op.Binary(BinaryKind.MINIMUM), equal, 0.5f, 0.5f);
        float[][] slope = {{0, -0f}, {0.3f, 0.3f}};
        assertGradient(backend, new Op.PRelu(), slope, 0.3f, 0.3f);
    }

    private static float[][] at(float... x) {
        return new float[][] {x};
    }

    /** @param operands (1, n) each; the gradient of the first is looked at */
    private static void assertGradient(Backend backend, Op op, float[][] operands, float... expected) {
        GraphBuilder b = new GraphBuilder();
        List<Value> values = new ArrayList<>();
        for (float[] operand : operands) {
            values.add(b.input("x" + values.size(), DataType.FLOAT32, Shape.of(1, operand.length)));
        }
        Value y = b.add(op, values.toArray(Value[]::new));
        b.output("y", y);
        Value dy = b.input("dy", DataType.FLOAT32, y.shape());
        try (Plan plan = backend.compile(
                Differentiate.apply(b.build(), y, dy, List.of(values.getFirst())), PlanOptions.threads(1))) {
            for (int i = 0; i < operands.length; i++) {
                for (int k = 0; k < operands[i].length; k++) plan.input("x" + i).setFloatAt(k, operands[i][k]);
            }
            for (int k = 0; k < expected.length; k++) plan.input("dy").setFloatAt(k, 1);
            plan.run(0);
            assertArrayEquals(
                    expected, plan.output(Differentiate.OUTPUT_PREFIX + "x0").toFloatArray(), ROUNDING, op.toString());
        }
    }
}
