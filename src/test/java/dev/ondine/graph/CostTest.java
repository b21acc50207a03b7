package dev.ondine.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CostTest {
    private final GraphBuilder builder = new GraphBuilder();

    private Value input(String name, long... dims) {
        return builder.input(name, DataType.FLOAT32, Shape.of(dims));
    }

    private Node last() {
        return builder.build().nodes().getLast();
    }

    private static Op.Convolution convolution(int stride, int groups, boolean bias) {
        List<Integer> one = List.of(1, 1);
        return new Op.Convolution(List.of(stride, stride), one, one, one, groups, bias);
    }

    /** A 3x3 convolution of 64 channels: the three passes do the same work, 2·N·O·I·9 a pixel. */
    @Test
    void theThreePassesOfAConvolution() {
        Value x = input("x", 32, 64, 56, 56);
        Value w = builder.parameter("w", Shape.of(64, 64, 3, 3));
        Value y = builder.add(convolution(1, 1, false), x, w);
        Graph graph = Differentiate.apply(builder.build(), y, input(y), List.of(x, w));
        long activation = 4L * 32 * 64 * 56 * 56;
        long weight = 4L * 64 * 64 * 9;
        Cost pass = new Cost(2L * 32 * 64 * 64 * 9 * 56 * 56, 2 * activation + weight);
        assertEquals(3, graph.nodes().size());
        for (Node node : graph.nodes()) assertEquals(pass, Cost.of(node), node.toString());
        assertEquals(pass.plus(pass).plus(pass), Cost.of(graph));
    }

    private Value input(Value like) {
        return builder.input("d" + like.id(), DataType.FLOAT32, like.shape());
    }

    @Test
    void groupsStrideAndBiasOfAConvolution() {
        builder.add(convolution(2, 4, true), input("x", 2, 8, 6, 6), input("w", 12, 2, 3, 3), input("b", 12));
        long outputs = 2 * 12 * 3 * 3;
        // Each output: 2 input channels of its group, 9 kernel elements, two operations, and the bias.
        assertEquals(
                new Cost(outputs * (2 * 2 * 9 + 1), 4 * (2 * 8 * 36 + 12 * 2 * 9 + 12 + outputs)), Cost.of(last()));
    }

    /** What is done with a result before it is stored costs no more bytes, but for the residual. */
    @Test
    void whatIsDoneBehindAConvolution() {
        Value x = input("x", 2, 8, 6, 6);
        Value w = input("w", 8, 8, 3, 3);
        Value r = input("r", 2, 8, 6, 6);
        builder.add(convolution(1, 1, false), x, w);
        Cost alone = Cost.of(last());
        Op.Activation relu = new Op.Activation(ActivationKind.RELU, 0);
        builder.add(new Op.Epilogue(convolution(1, 1, false), true, Optional.of(relu)), x, w, r);
        assertEquals(alone.plus(new Cost(2 * 2 * 8 * 36, 4 * 2 * 8 * 36)), Cost.of(last()));
    }

    @Test
    void linear() {
        Value x = input("x", 64, 784);
        Value w = builder.parameter("w", Shape.of(256, 784));
        Value y = builder.add(new Op.Linear(false), x, w);
        Graph graph = Differentiate.apply(builder.build(), y, input(y), List.of(x, w));
        for (Node node : graph.nodes())
            assertEquals(2L * 64 * 784 * 256, Cost.of(node).flops(), node.toString());
    }

    /** What batch normalization must move: x and y forward, x, dy and dx backward, and some numbers a channel. */
    @Test
    void bytesOfBatchNormalization() {
        Value x = input("x", 64, 64, 56, 56);
        Value scale = builder.parameter("scale", Shape.of(64));
        Value shift = builder.parameter("shift", Shape.of(64));
        Op op = new Op.BatchNormalization(1e-5f, true, true, true, false);
        Value y = builder.add(op, x, scale, shift);
        Graph graph = Differentiate.apply(builder.build(), y, input(y), List.of(x, scale, shift));
        long tensor = 4L * 64 * 64 * 56 * 56;
        long channels = 4 * 64;
        assertEquals(2 * tensor + 4 * channels, Cost.of(graph.nodes().get(0)).bytes());
        assertEquals(3 * tensor + 5 * channels, Cost.of(graph.nodes().get(1)).bytes());
    }

    /** A fused ReLU keeps one bit an element, not the float that its graph value would be. */
    @Test
    void theMaskOfAFusedReluIsBits() {
        Op op = new Op.BatchNormalization(1e-5f, true, false, false, true);
        builder.addAll(op, List.of(input("x", 2, 3, 8, 8)));
        long elements = 2 * 3 * 64;
        assertEquals(
                2 * 4 * elements + 2 * 4 * 3 + elements / 8, Cost.of(last()).bytes());
    }

    @Test
    void bytesFollowTheDataType() {
        builder.add(new Op.Activation(ActivationKind.RELU, 0), builder.input("x", DataType.BFLOAT16, Shape.of(7, 3)));
        assertEquals(new Cost(21, 2 * 2 * 21), Cost.of(last()));
    }

    @Test
    void whatOnlyRenamesMemoryCostsNothing() {
        builder.add(new Op.Reshape(Shape.of(6)), input("x", 2, 3));
        assertEquals(Cost.NONE, Cost.of(last()));
    }
}
