package dev.ondine.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class FoldTest {
    private static final Op.Convolution CONVOLUTION =
            new Op.Convolution(List.of(1), List.of(1), List.of(1), List.of(1), 1, false);

    private final GraphBuilder builder = new GraphBuilder();
    private final Value x = builder.input("x", DataType.FLOAT32, Shape.of(2, 3, 8));

    private Value convolution(String name) {
        builder.enter(name);
        Value y = builder.add(CONVOLUTION, x, builder.parameter(builder.path("weight"), Shape.of(4, 3, 3)));
        builder.leave();
        return y;
    }

    private Value normalized(String name, Value y, boolean scale, boolean shift) {
        Shape channels = Shape.of(y.shape().dim(1));
        builder.enter(name);
        List<Value> operands = new ArrayList<>(List.of(
                y,
                builder.buffer(builder.path("running_mean"), channels),
                builder.buffer(builder.path("running_var"), channels)));
        if (scale) operands.add(builder.parameter(builder.path("weight"), channels));
        if (shift) operands.add(builder.parameter(builder.path("bias"), channels));
        Value z = builder.addAll(new Op.BatchNormalization(1e-5f, false, scale, shift, false), operands)
                .getFirst();
        builder.leave();
        return z;
    }

    private static List<? extends Class<?>> operations(Graph graph) {
        return graph.nodes().stream().map(n -> n.op().getClass()).toList();
    }

    @Test
    void theConvolutionTakesOverTheNormalization() {
        Value y = normalized("bn", convolution("conv"), true, true);
        builder.output("y", y);
        Graph folded = Fold.apply(builder.build());
        assertEquals(List.of(Op.FoldedWeights.class, Op.Convolution.class), operations(folded), folded.print());
        Node weights = folded.nodes().getFirst();
        Node convolution = folded.nodes().getLast();
        assertEquals(new Op.FoldedWeights(1e-5f, false, true, true), weights.op());
        assertEquals(
                List.of("conv.weight", "bn.running_mean", "bn.running_var", "bn.weight", "bn.bias"),
                weights.inputs().stream().map(Value::name).toList());
        assertEquals(List.of(x, weights.output(0), weights.output(1)), convolution.inputs());
        assertEquals(List.of(y), convolution.outputs());
        assertEquals("conv", convolution.path());
        assertEquals(Set.copyOf(weights.outputs()), Fold.constants(folded));
    }

    @Test
    void theLinearLayerWithItsBiasToo() {
        Value in = builder.input("in", DataType.FLOAT32, Shape.of(2, 5));
        Value y = builder.add(
                new Op.Linear(true), in, builder.parameter("w", Shape.of(7, 5)), builder.parameter("b", Shape.of(7)));
        builder.output("y", normalized("bn", y, false, true));
        Graph folded = Fold.apply(builder.build());
        assertEquals(List.of(Op.FoldedWeights.class, Op.Linear.class), operations(folded));
        assertEquals(
                new Op.FoldedWeights(1e-5f, true, false, true),
                folded.nodes().getFirst().op());
        assertEquals(new Op.Linear(true), folded.nodes().getLast().op());
    }

    @Test
    void whatSomebodyElseReadsIsNotFolded() {
        Value y = convolution("conv");
        builder.output("both", builder.add(new Op.Add(false), normalized("bn", y, true, true), y));
        Graph graph = builder.build();
        assertEquals(graph, Fold.apply(graph));
    }

    @Test
    void whatTheCallerReadsIsNotFolded() {
        Value y = convolution("conv");
        builder.output("conv", y);
        builder.output("y", normalized("bn", y, true, true));
        Graph graph = builder.build();
        assertEquals(graph, Fold.apply(graph));
    }

    @Test
    void statisticsOfTheBatchAreNotFolded() {
        Value y = builder.add(new Op.BatchNormalization(1e-5f, true, false, false, false), convolution("conv"));
        builder.output("y", y);
        Graph graph = builder.build();
        assertEquals(graph, Fold.apply(graph));
    }

    @Test
    void statisticsThatAreComputedAreNotFolded() {
        Value y = convolution("conv");
        Value mean = builder.add(new Op.Fill(0, Shape.of(4)));
        Value variance = builder.add(new Op.Fill(1, Shape.of(4)));
        builder.output(
                "y", builder.add(new Op.BatchNormalization(1e-5f, false, false, false, false), y, mean, variance));
        Graph graph = builder.build();
        assertEquals(graph, Fold.apply(graph));
    }

    @Test
    void aGraphWithGradientsStaysAsItIs() {
        Value y = normalized("bn", convolution("conv"), true, true);
        Value loss = builder.add(new Op.Reshape(Shape.of()), builder.add(new Op.ReduceSum(Shape.of(1, 1, 1)), y));
        Graph graph = Differentiate.parameters(builder.build(), loss);
        assertSame(graph, Fold.apply(graph));
    }

    /** Random numbers are drawn anew in every run, whatever they are made of. */
    @Test
    void dropoutIsNotConstant() {
        Value w = builder.parameter("w", Shape.of(2));
        Value product = builder.add(new Op.Multiply(), w, w);
        Value dropped = builder.add(new Op.Dropout(0.5f, 0), product);
        builder.output("y", builder.add(new Op.Add(false), dropped, w));
        Set<Value> constants = Fold.constants(builder.build());
        assertEquals(Set.of(product), constants);
        assertFalse(constants.contains(dropped));
    }
}
