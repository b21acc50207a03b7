package dev.ondine.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

class FuseTest {
    private static final Op.Activation RELU = new Op.Activation(ActivationKind.RELU, 0);
    private static final Op.BatchNormalization NORM = new Op.BatchNormalization(1e-5f, true, false, false, false);

    private final GraphBuilder builder = new GraphBuilder();
    private final Value x = builder.input("x", DataType.FLOAT32, Shape.of(2, 3, 4));

    private Value scalar(Value v) {
        return builder.add(new Op.ReduceSum(Shape.of(1, 1, 1)), v);
    }

    private static boolean anyFused(Graph graph) {
        return graph.nodes().stream()
                .anyMatch(n -> n.op() instanceof Op.BatchNormalization b && b.relu()
                        || n.op() instanceof Op.Add a && a.relu());
    }

    @Test
    void keepsPathAndResult() {
        builder.enter("bn1");
        Value y = builder.add(NORM, x);
        builder.leave();
        Value z = builder.add(RELU, y);
        builder.output("z", z);
        Graph fused = Fuse.apply(builder.build());
        assertEquals(1, fused.nodes().size());
        Node node = fused.nodes().getFirst();
        assertEquals("bn1", node.path());
        assertEquals(z, node.output(0));
        assertEquals(4, node.outputs().size());
        assertEquals(z.type(), node.output(3).type());
        assertEquals(z, fused.outputs().get("z"));
    }

    @Test
    void leavesAloneWhatSomebodyElseReads() {
        Value y = builder.add(NORM, x);
        builder.output("both", builder.add(new Op.Add(false), builder.add(RELU, y), y));
        assertFalse(anyFused(Fuse.apply(builder.build())));
    }

    @Test
    void leavesAloneWhatTheCallerReads() {
        Value sum = builder.add(new Op.Add(false), x, x);
        builder.output("sum", sum);
        builder.output("y", builder.add(RELU, sum));
        Value norm = builder.add(NORM, x);
        builder.output("norm", norm);
        builder.output("z", builder.add(RELU, norm));
        assertFalse(anyFused(Fuse.apply(builder.build())));
    }

    @Test
    void otherActivationsAreNotFused() {
        builder.output("y", builder.add(new Op.Activation(ActivationKind.SIGMOID, 0), builder.add(NORM, x)));
        builder.output(
                "z", builder.add(new Op.Activation(ActivationKind.RELU6, 0), builder.add(new Op.Add(false), x, x)));
        assertFalse(anyFused(Fuse.apply(builder.build())));
    }

    /** Somebody wants the gradient between batch normalization and ReLU: the pair must stay apart. */
    @Test
    void aWantedGradientInBetweenIsKept() {
        Value y = builder.add(NORM, x);
        Value loss = scalar(builder.add(RELU, y));
        Graph graph = Differentiate.apply(builder.build(), loss, List.of(x, y));
        Graph fused = Fuse.apply(graph);
        assertFalse(anyFused(fused));
        assertTrue(fused.nodes().stream()
                .anyMatch(n -> n.outputs().contains(fused.gradients().get(y))));
    }

    @Test
    void theStatisticsStayVisible() {
        List<Value> norm = builder.addAll(NORM, List.of(x));
        builder.statistic(new Graph.Statistic("bn", norm.get(1), norm.get(2), 8, 0.1f));
        builder.output("y", builder.add(RELU, norm.getFirst()));
        Graph fused = Fuse.apply(builder.build());
        assertTrue(anyFused(fused));
        assertEquals(
                fused.statistics().getFirst().mean(), fused.nodes().getFirst().output(1));
        assertEquals(
                fused.statistics().getFirst().variance(),
                fused.nodes().getFirst().output(2));
    }

    private Value convolution(String name, Value in) {
        builder.enter(name);
        Value y = builder.add(
                new Op.Convolution(List.of(1), List.of(1), List.of(1), List.of(1), 1, false),
                in,
                builder.parameter(builder.path("weight"), Shape.of(3, 3, 3)));
        builder.leave();
        return y;
    }

    @Test
    void theLaterOfTwoConvolutionsTakesSumAndActivation() {
        Value a = convolution("a", x);
        Value b = convolution("b", x);
        Value z = builder.add(RELU, builder.add(new Op.Add(false), a, b));
        builder.output("z", z);
        Graph fused = Fuse.apply(builder.build());
        assertEquals(2, fused.nodes().size(), fused.print());
        Node node = fused.nodes().getLast();
        Op.Epilogue epilogue = (Op.Epilogue) node.op();
        assertTrue(epilogue.residual());
        assertEquals(RELU, epilogue.activation().orElseThrow());
        assertEquals("b", node.path());
        assertEquals(a, node.inputs().getLast());
        assertEquals(List.of(z), node.outputs());
    }

    @Test
    void sumAndActivationBehindAConvolutionThatOthersReadStay() {
        Value a = convolution("a", x);
        Value sum = builder.add(new Op.Add(false), a, x);
        builder.output("a", a);
        builder.output("sum", sum);
        builder.output("z", builder.add(RELU, sum));
        Graph graph = builder.build();
        assertEquals(graph, Fuse.apply(graph));
    }

    @Test
    void aConvolutionAddedToItselfStays() {
        Value a = convolution("a", x);
        builder.output("z", builder.add(new Op.Add(false), a, a));
        Graph graph = builder.build();
        assertEquals(graph, Fuse.apply(graph));
    }

    /** One of a channel is added to all of its pixels: that is no post-op of the layer that makes the pixels. */
    @Test
    void aBroadcastSumStays() {
        Value a = convolution("a", x);
        builder.output("z", builder.add(new Op.Add(false), a, builder.parameter("b", Shape.of(1, 3, 1))));
        Graph graph = builder.build();
        assertEquals(graph, Fuse.apply(graph));
    }

    /** The gradient of ReLU needs its result only, that of GELU what goes into it. */
    @Test
    void inTrainingTheActivationIsFusedIfItsGradientNeedsTheResultOnly() {
        for (ActivationKind kind : ActivationKind.values()) {
            GraphBuilder b = new GraphBuilder();
            Value in = b.input("x", DataType.FLOAT32, Shape.of(2, 3));
            Value y = b.add(new Op.Linear(false), in, b.parameter("w", Shape.of(5, 3)));
            Value loss = b.add(
                    new Op.Reshape(Shape.of()),
                    b.add(new Op.ReduceSum(Shape.of(1, 1)), b.add(new Op.Activation(kind, 0), y)));
            Graph fused = Fuse.apply(Differentiate.parameters(b.build(), loss));
            boolean epilogue = fused.nodes().stream().anyMatch(n -> n.op() instanceof Op.Epilogue);
            boolean activation = fused.nodes().stream().anyMatch(n -> n.op() instanceof Op.Activation);
            assertEquals(kind.gradientFromOutput(), epilogue, fused.print());
            assertEquals(!kind.gradientFromOutput(), activation, fused.print());
        }
    }
}
