package dev.ondine.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Folds batch normalization with given statistics into the convolution or linear layer before it, which does the same with other
 * weights: {@link Op.FoldedWeights}. These depend on parameters and buffers only, so that a plan computes them once
 * ({@link dev.ondine.backend.Plan#prepare}) and not in every run.
 *
 * <p>For evaluation. A graph with gradients stays as it is: its parameters change with every run.
 */
public final class Fold {
    private final Graph graph;
    private final Map<Value, List<Node>> consumers;
    private final Map<Value, Node> producers = new HashMap<>();
    private int nextId;

    private Fold(Graph graph) {
        this.graph = graph;
        this.consumers = graph.consumers();
        this.nextId = graph.nextId();
        for (Node node : graph.nodes()) {
            for (Value v : node.outputs()) producers.put(v, node);
        }
    }

    /** A graph that computes the same with its constants folded; one with gradients stays as it is. */
    public static Graph apply(Graph graph) {
        return Passes.done("folded", graph.gradients().isEmpty() ? new Fold(graph).run() : graph);
    }

    /** The computed values that depend on parameters and buffers only. */
    public static Set<Value> constants(Graph graph) {
        Set<Value> known = new HashSet<>(graph.parameters());
        known.addAll(graph.buffers());
        Set<Value> constants = new HashSet<>();
        for (Node node : graph.nodes()) {
            boolean random = node.op() instanceof Op.Dropout;
            if (random || node.inputs().isEmpty() || !known.containsAll(node.inputs())) continue;
            known.addAll(node.outputs());
            constants.addAll(node.outputs());
        }
        return constants;
    }

    private Graph run() {
        Set<Node> folded = new HashSet<>();
        List<Node> nodes = new ArrayList<>();
        for (Node node : graph.nodes()) {
            Node layer = foldable(node);
            if (layer == null) {
                nodes.add(node);
            } else {
                folded.add(layer);
                nodes.addAll(fold(layer, node));
            }
        }
        nodes.removeAll(folded);
        return graph.withNodes(nodes);
    }

    /** The layer that a batch normalization can be folded into, if {@code norm} is one and there is such a layer. */
    private Node foldable(Node norm) {
        if (!(norm.op() instanceof Op.BatchNormalization b) || b.training() || b.relu()) return null;
        Value x = norm.input(0);
        Node layer = producers.get(x);
        if (layer == null || !(layer.op() instanceof Op.Weighted)) return null;
        boolean isPrivate = !graph.isVisible(x) && consumers.get(x).equals(List.of(norm));
        boolean fixed = isFixed(layer.inputs()) && isFixed(norm.inputs());
        return isPrivate && fixed ? layer : null;
    }

    /** Whether all operands but the first are parameters or buffers. */
    private static boolean isFixed(List<Value> operands) {
        return operands.stream()
                .skip(1)
                .allMatch(v -> v.role() == Value.Role.PARAMETER || v.role() == Value.Role.BUFFER);
    }

    private List<Node> fold(Node layer, Node norm) {
        Op.BatchNormalization b = (Op.BatchNormalization) norm.op();
        Value w = layer.input(1);
        boolean bias = layer.inputs().size() > 2;
        List<Value> operands =
                new ArrayList<>(layer.inputs().subList(1, layer.inputs().size()));
        operands.addAll(norm.inputs().subList(1, norm.inputs().size()));
        Value weight = computed(w.type());
        Value shift = computed(norm.input(1).type());
        Op.Weighted op = switch ((Op.Weighted) layer.op()) {
            case Op.Convolution c ->
                new Op.Convolution(c.stride(), c.paddingBegin(), c.paddingEnd(), c.dilation(), c.groups(), true);
            case Op.Linear _ -> new Op.Linear(true);
        };
        return List.of(
                new Node(
                        new Op.FoldedWeights(b.epsilon(), bias, b.scale(), b.shift()),
                        operands,
                        List.of(weight, shift),
                        norm.path()),
                new Node(op, List.of(layer.input(0), weight, shift), norm.outputs(), layer.path()));
    }

    private Value computed(TensorType type) {
        return new Value(nextId++, "", type, Value.Role.COMPUTED);
    }
}
