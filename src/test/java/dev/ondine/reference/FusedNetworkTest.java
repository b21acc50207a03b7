package dev.ondine.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Fuse;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import java.util.HashSet;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/** A whole network's gradients: right before fusing, and the same numbers after it. */
class FusedNetworkTest {
    private static long count(Graph graph, Predicate<Op> which) {
        return graph.nodes().stream().map(Node::op).filter(which).count();
    }

    @Test
    void sameNumbersFusedAndNot() {
        TinyGraph g = new TinyGraph();
        Value loss = SmallResidualNetwork.add(g);
        Graph plain = GradientCheck.check(g, loss);
        Graph fused = Fuse.apply(plain);

        // Gone: two forward ReLUs, and the backward ReLU behind the first batch normalization.
        assertEquals(plain.nodes().size() - 3, fused.nodes().size(), fused.print());
        assertEquals(2, count(plain, op -> op instanceof Op.Activation));
        assertEquals(0, count(fused, op -> op instanceof Op.Activation));
        assertEquals(2, count(plain, op -> op instanceof Op.ActivationBackward));
        assertEquals(1, count(fused, op -> op instanceof Op.ActivationBackward));
        assertEquals(2, count(fused, op -> op instanceof Op.BatchNormalization));
        assertEquals(1, count(fused, op -> op instanceof Op.BatchNormalization b && b.relu()));
        assertEquals(2, count(fused, op -> op instanceof Op.BatchNormalizationBackward));
        assertEquals(
                1,
                count(
                        fused,
                        op -> op instanceof Op.BatchNormalizationBackward b
                                && b.forward().relu()));
        assertEquals(1, count(fused, op -> op instanceof Op.Add a && a.relu()));

        ReferenceInterpreter before = g.run(plain);
        ReferenceInterpreter after = g.run(fused);
        assertSame(before.array(loss), after.array(loss));
        for (Value v : g.differentiable()) {
            assertSame(
                    before.array(plain.gradients().get(v)),
                    after.array(fused.gradients().get(v)));
        }
    }

    /**
     * Frozen batch normalization: with given statistics, mean and variance are operands and the mask is the second
     * result.
     */
    @Test
    void givenStatisticsFuseToo() {
        TinyGraph g = new TinyGraph();
        Value x = g.random(2, 3, 4);
        Value mean = g.constant(new double[] {0.1, -0.2, 0.3}, 3);
        Value variance = g.constant(new double[] {1, 2, 0.5}, 3);
        var op = new Op.BatchNormalization(1e-5f, false, true, true, false);
        Value y = g.add(op, x, mean, variance, g.random(3), g.random(3));
        Value loss = g.weightedSum(g.add(new Op.Activation(ActivationKind.RELU, 0), y));
        Graph plain = GradientCheck.check(g, loss);
        Graph fused = Fuse.apply(plain);
        assertEquals(plain.nodes().size() - 2, fused.nodes().size(), fused.print());
        ReferenceInterpreter before = g.run(plain);
        ReferenceInterpreter after = g.run(fused);
        for (Value v : g.differentiable()) {
            assertSame(
                    before.array(plain.gradients().get(v)),
                    after.array(fused.gradients().get(v)));
        }
    }

    @Test
    void everyResultOfTheFusedGraphIsWrittenOnceAndBeforeItIsRead() {
        TinyGraph g = new TinyGraph();
        Value loss = SmallResidualNetwork.add(g);
        Graph fused = Fuse.apply(GradientCheck.check(g, loss));
        var known = new HashSet<Value>(fused.inputs());
        for (Node node : fused.nodes()) {
            assertTrue(known.containsAll(node.inputs()), node + " reads what is not there yet");
            for (Value v : node.outputs()) assertTrue(known.add(v), v + " is written twice");
        }
        assertTrue(known.containsAll(List.copyOf(fused.gradients().values())));
    }

    /** The very same numbers: fusing moves operations, it does not change one. Zeros of either sign are equal. */
    private static void assertSame(double[] expected, double[] actual) {
        assertEquals(expected.length, actual.length);
        for (int i = 0; i < expected.length; i++)
            assertTrue(expected[i] == actual[i], expected[i] + " and " + actual[i]);
    }
}
