package dev.ondine.graph;

import java.util.List;

/**
 * An operation with the values that it reads and writes, in the order that its record in {@link Op} gives.
 *
 * @param path the layer that made it, for messages: {@code layer1.0.conv1}
 */
public record Node(Op op, List<Value> inputs, List<Value> outputs, String path) {
    /** Keeps copies of what could be changed. */
    public Node {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
    }

    /** Operand {@code i}. */
    public Value input(int i) {
        return inputs.get(i);
    }

    /** Result {@code i}. */
    public Value output(int i) {
        return outputs.get(i);
    }
}
