package dev.ondine.graph;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/**
 * A network, or a whole training step, as operations in an order in which they can run. Immutable; a pass makes another graph.
 *
 * @param inputs what the caller gives before each run
 * @param parameters learned values, in the order of their registration
 * @param buffers running statistics that the graph reads, in evaluation
 * @param outputs what the caller reads after a run, by name
 * @param gradients the gradient of each parameter, once {@link Differentiate} has added it
 * @param statistics the batch statistics that training feeds into running averages
 */
public record Graph(
        List<Node> nodes,
        List<Value> inputs,
        List<Value> parameters,
        List<Value> buffers,
        SequencedMap<String, Value> outputs,
        SequencedMap<Value, Value> gradients,
        List<Statistic> statistics) {

    /**
     * The batch statistics of one batch normalization and what becomes of them.
     *
     * @param path of the layer; its buffers are {@code path.running_mean} and {@code path.running_var}
     * @param count elements that each channel was averaged over: batch times space
     * @param momentum weight of the new value in the running average; NaN for the cumulative average
     */
    public record Statistic(String path, Value mean, Value variance, long count, float momentum) {}

    /** Keeps copies of what could be changed. */
    public Graph {
        nodes = List.copyOf(nodes);
        inputs = List.copyOf(inputs);
        parameters = List.copyOf(parameters);
        buffers = List.copyOf(buffers);
        outputs = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(outputs));
        gradients = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(gradients));
        statistics = List.copyOf(statistics);
    }

    /** An id that no value of this graph has. */
    int nextId() {
        int next = 0;
        for (List<Value> declared : List.of(inputs, parameters, buffers)) {
            for (Value v : declared) next = Math.max(next, v.id() + 1);
        }
        for (Node node : nodes) {
            for (Value v : node.outputs()) next = Math.max(next, v.id() + 1);
        }
        return next;
    }

    /** This graph with other nodes: how a rewriting pass ends. */
    public Graph withNodes(List<Node> changed) {
        return new Graph(changed, inputs, parameters, buffers, outputs, gradients, statistics);
    }

    /** The nodes that read each value. */
    public Map<Value, List<Node>> consumers() {
        Map<Value, List<Node>> consumers = new LinkedHashMap<>();
        for (Node node : nodes) {
            for (Value v : node.inputs()) {
                consumers.computeIfAbsent(v, _ -> new ArrayList<>()).add(node);
            }
        }
        return consumers;
    }

    /** Whether somebody outside of the graph reads a value, so that no pass may remove it. */
    public boolean isVisible(Value v) {
        return outputs.containsValue(v)
                || gradients.containsValue(v)
                || statistics.stream()
                        .anyMatch(s -> s.mean().equals(v) || s.variance().equals(v));
    }

    /** The input of this name. */
    public Value input(String name) {
        return inputs.stream()
                .filter(v -> v.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no input is called '" + name + "'; there are "
                        + inputs.stream().map(Value::name).toList()));
    }

    /** The graph as text, a node a line: results, their types, the operation, what it reads and the layer it came from. */
    public String print() {
        StringBuilder text = new StringBuilder();
        for (Value v : inputs)
            text.append("input     ").append(v).append(" : ").append(v.type()).append('\n');
        for (Value v : parameters)
            text.append("parameter ").append(v).append(" : ").append(v.type()).append('\n');
        for (Value v : buffers)
            text.append("buffer    ").append(v).append(" : ").append(v.type()).append('\n');
        for (Node node : nodes) {
            text.append(join(node.outputs()))
                    .append(" : ")
                    .append(node.outputs().stream()
                            .map(v -> v.type().toString())
                            .collect(Collectors.joining(", ")))
                    .append(" = ")
                    .append(node.op())
                    .append('(')
                    .append(join(node.inputs()))
                    .append(')');
            if (!node.path().isEmpty()) text.append("  # ").append(node.path());
            text.append('\n');
        }
        outputs.forEach((name, v) ->
                text.append("output    ").append(name).append(" = ").append(v).append('\n'));
        gradients.forEach((p, g) ->
                text.append("gradient  ").append(p).append(" = ").append(g).append('\n'));
        for (Statistic s : statistics) {
            text.append("statistic ")
                    .append(s.path())
                    .append(" = ")
                    .append(s.mean())
                    .append(", ")
                    .append(s.variance())
                    .append('\n');
        }
        return text.toString();
    }

    private static String join(List<Value> values) {
        return values.stream().map(Value::toString).collect(Collectors.joining(", "));
    }
}
