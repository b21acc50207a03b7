package dev.ondine.graph;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.reference.ReferenceInterpreter;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class DifferentiateTest {
    private final GraphBuilder builder = new GraphBuilder();

    private static long count(Graph graph, Class<? extends Op> type) {
        return graph.nodes().stream().filter(n -> type.isInstance(n.op())).count();
    }

    private Value convolution(Value x, String weight) {
        List<Integer> one = List.of(1, 1);
        Value w = builder.parameter(weight, Shape.of(2, x.shape().dim(1), 3, 3));
        return builder.add(new Op.Convolution(one, one, one, one, 1, false), x, w);
    }

    private Value scalar(Value v) {
        long[] ones = new long[v.shape().rank()];
        Arrays.fill(ones, 1);
        return builder.add(new Op.Reshape(Shape.of()), builder.add(new Op.ReduceSum(Shape.of(ones)), v));
    }

    /** The gradient at x = (0.5, −2, 3). */
    private double[] gradient(Value x, Value loss) {
        Graph graph = Differentiate.apply(builder.build(), loss, List.of(x));
        ReferenceInterpreter run = new ReferenceInterpreter(graph, 0);
        System.arraycopy(new double[] {0.5, -2, 3}, 0, run.array(x), 0, 3);
        run.run(0);
        return run.array(graph.gradients().get(x));
    }

    @Test
    void theFirstLayersDataGradientIsNotComputed() {
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(1, 1, 4, 4));
        Value loss = scalar(convolution(convolution(x, "conv1.weight"), "conv2.weight"));
        Graph graph = Differentiate.parameters(builder.build(), loss);
        assertEquals(2, count(graph, Op.ConvolutionBackwardWeights.class));
        assertEquals(1, count(graph, Op.ConvolutionBackwardData.class));
        Graph last = Differentiate.apply(
                builder.build(), loss, List.of(graph.parameters().getLast()));
        assertEquals(1, count(last, Op.ConvolutionBackwardWeights.class));
        assertEquals(0, count(last, Op.ConvolutionBackwardData.class));
        Graph input = Differentiate.apply(builder.build(), loss, List.of(x));
        assertEquals(0, count(input, Op.ConvolutionBackwardWeights.class));
        assertEquals(2, count(input, Op.ConvolutionBackwardData.class));
    }

    @Test
    void gradientsCarryThePathOfTheirLayer() {
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(1, 1, 4, 4));
        builder.enter("layer1");
        builder.enter("conv1");
        Value y = convolution(x, "layer1.conv1.weight");
        builder.leave();
        builder.leave();
        Value loss = scalar(y);
        Graph graph = Differentiate.parameters(builder.build(), loss);
        Node backward = graph.nodes().stream()
                .filter(n -> n.op() instanceof Op.ConvolutionBackwardWeights)
                .findFirst()
                .orElseThrow();
        assertEquals("layer1.conv1", backward.path());
    }

    @Test
    void anUnusedParameterGetsZeros() {
        Value used = builder.parameter("used", Shape.of(3));
        Value unused = builder.parameter("unused", Shape.of(2, 2));
        Value loss = scalar(used);
        Graph graph = Differentiate.parameters(builder.build(), loss);
        ReferenceInterpreter run = new ReferenceInterpreter(graph, 0);
        Arrays.fill(run.array(graph.gradients().get(unused)), 7);
        run.run(0);
        assertArrayEquals(new double[] {1, 1, 1}, run.array(graph.gradients().get(used)));
        assertArrayEquals(new double[4], run.array(graph.gradients().get(unused)));
        assertEquals(List.of(used, unused), List.copyOf(graph.gradients().keySet()));
    }

    @Test
    void severalConsumersAccumulate() {
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(3));
        // x³ + 2x: x is read by two products and a sum.
        Value square = builder.add(new Op.Multiply(), x, x);
        Value cube = builder.add(new Op.Multiply(), square, x);
        Value two = builder.add(new Op.Fill(2, Shape.of(1)));
        Value y = builder.add(new Op.Add(false), cube, builder.add(new Op.Multiply(), x, two));
        assertArrayEquals(new double[] {2.75, 14, 29}, gradient(x, scalar(y)));
    }

    @Test
    void aSumWithItselfHasTwiceTheGradient() {
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(3));
        assertArrayEquals(new double[] {2, 2, 2}, gradient(x, scalar(builder.add(new Op.Add(false), x, x))));
    }

    @Test
    void aLossOfOneElementMayHaveAnyRank() {
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(3));
        Value loss = builder.add(new Op.ReduceSum(Shape.of(1)), builder.add(new Op.Multiply(), x, x));
        assertArrayEquals(new double[] {1, -4, 6}, gradient(x, loss));
    }

    @Test
    void onlyAScalarCanBeDifferentiated() {
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(3));
        Value y = builder.add(new Op.Add(false), x, x);
        var error =
                assertThrows(IllegalArgumentException.class, () -> Differentiate.apply(builder.build(), y, List.of(x)));
        assertTrue(error.getMessage().contains("(3)"), error.getMessage());
    }

    @Test
    void fusedOperationsAreNotDifferentiated() {
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(3));
        Value loss = scalar(builder.add(new Op.Add(true), x, x));
        assertThrows(IllegalStateException.class, () -> Differentiate.apply(builder.build(), loss, List.of(x)));
    }
}
