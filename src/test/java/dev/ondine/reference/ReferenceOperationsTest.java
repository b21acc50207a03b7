package dev.ondine.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.DropoutMask;
import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Op;
import dev.ondine.graph.TensorType;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What numeric gradients do not show: extreme values, ignored and invalid targets, random masks. */
class ReferenceOperationsTest {
    /** A few roundings of double. */
    private static final double ROUNDING = 1e-14;

    private static double[] activation(ActivationKind kind, double... x) {
        TinyGraph g = new TinyGraph();
        Value y = g.add(new Op.Activation(kind, 1), g.given(x, x.length));
        return g.run(g.builder.build()).array(y);
    }

    private static double[] activationGradient(ActivationKind kind, double... x) {
        TinyGraph g = new TinyGraph();
        Value xv = g.given(x, x.length);
        Value loss = g.add(new Op.ReduceSum(Shape.of(1)), g.add(new Op.Activation(kind, 1), xv));
        Graph graph = Differentiate.apply(g.builder.build(), loss, List.of(xv));
        return g.run(graph).array(graph.gradients().get(xv));
    }

    @Test
    void activationsSurviveLargeInputs() {
        double[] x = {-800, 800};
        for (ActivationKind kind : ActivationKind.values()) {
            for (double v : activation(kind, x)) assertTrue(Double.isFinite(v), kind + " gives " + v);
            for (double v : activationGradient(kind, x)) assertTrue(Double.isFinite(v), kind + "' gives " + v);
            assertEquals(Double.NaN, activation(kind, Double.NaN)[0], kind + " hides a NaN");
        }
        assertArrayEquals(new double[] {0, 800}, activation(ActivationKind.SOFTPLUS, x));
        assertArrayEquals(new double[] {-1, 800}, activation(ActivationKind.ELU, x));
    }

    @Test
    void reluHasDerivativeZeroAtZero() {
        assertArrayEquals(new double[] {0, 0, 1}, activationGradient(ActivationKind.RELU, -1, 0, 1));
    }

    @Test
    void geluKeepsItsLeftTail() {
        // x·Φ(x) at −10: −10·7.619853024160527e-24. (1 + erf)/2 would be 0.
        assertEquals(-7.619853024160527e-23, activation(ActivationKind.GELU, -10)[0], 1e-36);
    }

    @Test
    void softmaxSurvivesLargeInputs() {
        TinyGraph g = new TinyGraph();
        Value x = g.given(new double[] {1000, 1000, -1000, Double.NEGATIVE_INFINITY}, 1, 4);
        Value y = g.add(new Op.Softmax(1, false), x);
        Value log = g.add(new Op.Softmax(1, true), x);
        ReferenceInterpreter run = g.run(g.builder.build());
        assertArrayEquals(new double[] {0.5, 0.5, 0, 0}, run.array(y), ROUNDING);
        double half = Math.log(0.5);
        assertArrayEquals(new double[] {half, half, half - 2000, Double.NEGATIVE_INFINITY}, run.array(log), ROUNDING);
    }

    private static double[] crossEntropy(Op.CrossEntropy op, double[] logits, double... targets) {
        TinyGraph g = new TinyGraph();
        int n = targets.length;
        Value x = g.given(logits, n, logits.length / n);
        Value loss = g.add(op, x, g.labels(targets, n));
        Graph graph = Differentiate.apply(g.builder.build(), loss, List.of(x));
        ReferenceInterpreter run = g.run(graph);
        double[] gradient = run.array(graph.gradients().get(x));
        double[] all = Arrays.copyOf(run.array(loss), 1 + gradient.length);
        System.arraycopy(gradient, 0, all, 1, gradient.length);
        return all;
    }

    @Test
    void crossEntropyByHand() {
        double[] equal = {3, 3, 3, 3};
        var plain = new Op.CrossEntropy(0, -100);
        assertArrayEquals(new double[] {Math.log(4), 0.25, -0.75, 0.25, 0.25}, crossEntropy(plain, equal, 1), ROUNDING);
        // A class that is masked out counts for nothing, but is infinitely wrong as a target or with smoothing.
        double[] masked = {0, 0, Double.NEGATIVE_INFINITY};
        assertArrayEquals(new double[] {Math.log(2), -0.5, 0.5, 0}, crossEntropy(plain, masked, 0), ROUNDING);
        assertEquals(Double.POSITIVE_INFINITY, crossEntropy(plain, masked, 2)[0]);
        assertEquals(Double.POSITIVE_INFINITY, crossEntropy(new Op.CrossEntropy(0.5f, -100), masked, 0)[0]);
    }

    @Test
    void ignoredTargetsCountForNothing() {
        double[] logits = {1, 2, 3, 9, -5, 4};
        var op = new Op.CrossEntropy(0.1f, 1);
        double[] alone = crossEntropy(op, Arrays.copyOf(logits, 3), 2);
        double[] both = crossEntropy(op, logits, 2, 1);
        assertArrayEquals(Arrays.copyOf(both, 4), alone);
        assertArrayEquals(new double[3], Arrays.copyOfRange(both, 4, 7));
    }

    @Test
    void allIgnoredIsNanWithoutGradient() {
        double[] result = crossEntropy(new Op.CrossEntropy(0, -100), new double[] {1, 2, 3, 4}, -100, -100);
        assertArrayEquals(new double[] {Double.NaN, 0, 0, 0, 0}, result);
    }

    @Test
    void targetsOutOfRangeAreNamed() {
        for (double wrong : new double[] {3, -1, 1e6}) {
            var error = assertThrows(
                    IllegalArgumentException.class,
                    () -> crossEntropy(new Op.CrossEntropy(0, -100), new double[6], 2, wrong));
            String message = error.getMessage();
            assertTrue(message.contains("target 1 is " + (int) wrong), message);
            assertTrue(message.contains("3 classes"), message);
            assertTrue(message.contains("-100"), message);
        }
    }

    @Test
    void dropoutFollowsItsMask() {
        float p = 0.3f;
        TinyGraph g = new TinyGraph();
        Value x = g.random(50, 40);
        Value y = g.add(new Op.Dropout(p, 5), x);
        Value other = g.add(new Op.Dropout(p, 6), x);
        Value none = g.add(new Op.Dropout(0, 5), x);
        Value all = g.add(new Op.Dropout(1, 5), x);
        ReferenceInterpreter run = g.run(g.builder.build());
        long key = DropoutMask.key(GradientCheck.SEED, 5, GradientCheck.RUN);
        int kept = 0;
        for (int i = 0; i < 2000; i++) {
            boolean keeps = DropoutMask.keeps(key, i, p);
            if (keeps) kept++;
            assertEquals(keeps ? run.array(x)[i] / (1.0 - p) : 0, run.array(y)[i]);
        }
        // 2000 draws of probability 0.7: standard deviation 20.5; five of them.
        assertEquals(1400, kept, 103);
        assertArrayEquals(run.array(x), run.array(none));
        assertArrayEquals(new double[2000], run.array(all));
        double[] first = run.array(y).clone();
        assertTrue(!Arrays.equals(first, run.array(other)), "the salt tells dropouts apart");
        run.run(GradientCheck.RUN + 1);
        assertTrue(!Arrays.equals(first, run.array(y)), "another step draws anew");
        run.run(GradientCheck.RUN);
        assertArrayEquals(first, run.array(y));
    }

    @Test
    void fusedAddPropagatesNan() {
        TinyGraph g = new TinyGraph();
        Value y = g.add(
                new Op.Add(true),
                g.given(new double[] {1, -3, Double.NaN, 2, 3, 4}, 2, 3),
                g.given(new double[] {1, 1, 1}, 1, 3));
        assertArrayEquals(
                new double[] {2, 0, Double.NaN, 3, 4, 5},
                g.run(g.builder.build()).array(y));
    }

    @Test
    void unknownValueIsRefused() {
        TinyGraph g = new TinyGraph();
        g.random(2);
        ReferenceInterpreter run = g.run(g.builder.build());
        Value foreign = new Value(99, "foreign", TensorType.float32(Shape.of()), Value.Role.COMPUTED);
        var error = assertThrows(IllegalArgumentException.class, () -> run.array(foreign));
        assertTrue(error.getMessage().contains("foreign"), error.getMessage());
    }
}
