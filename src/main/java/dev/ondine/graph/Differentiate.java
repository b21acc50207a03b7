package dev.ondine.graph;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Adds the gradients of a scalar to a graph, by reverse accumulation. Only what leads to a wanted gradient is added: the gradient of
 * the first layer's input, for one, is never computed.
 */
public final class Differentiate {
    /** The gradient of an input is an output of the graph under this and the input's name; those of parameters have their own place. */
    public static final String OUTPUT_PREFIX = "gradient.";

    private Differentiate() {}

    /** The graph with the gradients of {@code loss} with respect to every parameter. */
    public static Graph parameters(Graph graph, Value loss) {
        return apply(graph, loss, graph.parameters());
    }

    /**
     * The graph with the gradients of {@code loss} with respect to {@code wanted}, which {@link Graph#gradients} then holds. A
     * value on which the loss does not depend gets a gradient of zeros.
     */
    public static Graph apply(Graph graph, Value loss, List<Value> wanted) {
        if (loss.shape().elements() != 1) {
            throw new IllegalArgumentException("only a scalar can be differentiated, not " + loss.type());
        }
        GraphBuilder builder = new GraphBuilder(graph);
        return apply(builder, graph, loss, builder.add(new Op.Fill(1, loss.shape())), wanted);
    }

    /**
     * As {@link #apply(Graph, Value, List)} for a value of any shape: the gradients of Σ {@code output}·{@code weight}.
     *
     * @param weight a value of the graph with the shape of {@code output}: the gradient that comes from behind it
     */
    public static Graph apply(Graph graph, Value output, Value weight, List<Value> wanted) {
        if (!weight.shape().equals(output.shape())) {
            throw new IllegalArgumentException(
                    "the gradient of " + output.type() + " cannot have the type " + weight.type());
        }
        return apply(new GraphBuilder(graph), graph, output, weight, wanted);
    }

    private static Graph apply(GraphBuilder builder, Graph graph, Value output, Value weight, List<Value> wanted) {
        Set<Value> needed = new HashSet<>(wanted);
        for (Node node : graph.nodes()) {
            if (isConstant(node.op())) continue;
            if (node.inputs().stream().anyMatch(needed::contains)) needed.addAll(node.outputs());
        }
        Map<Value, Value> gradients = new HashMap<>();
        gradients.put(output, weight);
        for (Node node : graph.nodes().reversed()) {
            for (Value other : node.outputs().subList(1, node.outputs().size())) {
                if (gradients.containsKey(other) && needed.contains(other)) {
                    throw new ModelException(
                            node.path(), "the gradient of " + node.op() + " can flow through its first result only");
                }
            }
            Value dy = gradients.get(node.output(0));
            if (dy == null || !needed.contains(node.output(0))) continue;
            boolean[] want = new boolean[node.inputs().size()];
            for (int i = 0; i < want.length; i++) want[i] = needed.contains(node.input(i));
            List<Value> operandGradients = Gradients.of(builder, node, dy, want);
            for (int i = 0; i < want.length; i++) {
                Value d = operandGradients.get(i);
                if (d == null || !want[i]) continue;
                gradients.merge(
                        node.input(i),
                        d,
                        (a, b) -> builder.addAll(new Op.Add(false), List.of(a, b), node.path())
                                .getFirst());
            }
        }
        for (Value v : wanted) {
            Value d = gradients.get(v);
            Value gradient = d != null ? d : builder.add(new Op.Fill(0, v.shape()));
            builder.gradient(v, gradient);
            if (v.role() == Value.Role.INPUT) builder.output(OUTPUT_PREFIX + v.name(), gradient);
        }
        return Passes.done("differentiated", builder.build());
    }

    /** Whether a result counts as a constant, whatever it is computed from. */
    private static boolean isConstant(Op op) {
        return op instanceof Op.RenormalizationFactors;
    }
}
