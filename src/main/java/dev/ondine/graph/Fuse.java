package dev.ondine.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Joins operations that the native backend runs as one:
 *
 * <ul>
 *   <li>batch normalization and the ReLU behind it, and with them their gradients;
 *   <li>an addition and the ReLU behind it (the ReLU's gradient needs the sum's result only, and stays as it is).
 * </ul>
 *
 * Runs after differentiation. A pair is joined only if nobody else reads what lies between.
 */
public final class Fuse {
    private final Graph graph;
    private final Map<Value, List<Node>> consumers;
    private final Map<Value, Node> producers = new HashMap<>();
    private final Map<Node, Node> replaced = new HashMap<>();
    private final Set<Node> removed = new HashSet<>();
    private int nextId;

    private Fuse(Graph graph) {
        this.graph = graph;
        this.consumers = graph.consumers();
        this.nextId = graph.nextId();
        for (Node node : graph.nodes()) {
            for (Value v : node.outputs()) producers.put(v, node);
        }
    }

    public static Graph apply(Graph graph) {
        return new Fuse(graph).run();
    }

    private Graph run() {
        for (Node node : graph.nodes()) {
            if (node.op() instanceof Op.Activation(ActivationKind kind, var _) && kind == ActivationKind.RELU) {
                Node before = producers.get(node.input(0));
                switch (before == null ? null : before.op()) {
                    case Op.BatchNormalization b when !b.relu() -> fuseBatchNormalization(before, b, node);
                    case Op.Add a when !a.relu() -> fuseAdd(before, node);
                    case null, default -> {}
                }
            }
        }
        List<Node> nodes = new ArrayList<>();
        for (Node node : graph.nodes()) {
            if (!removed.contains(node)) nodes.add(replaced.getOrDefault(node, node));
        }
        return graph.withNodes(nodes);
    }

    private void fuseAdd(Node add, Node relu) {
        if (!isPrivate(add.output(0), relu)) return;
        replaced.put(relu, new Node(new Op.Add(true), add.inputs(), relu.outputs(), add.path()));
        removed.add(add);
    }

    private void fuseBatchNormalization(Node norm, Op.BatchNormalization op, Node relu) {
        Value y = norm.output(0);
        if (!isPrivate(y, relu)) return;
        // In a training graph the ReLU's gradient must lead straight into that of the batch normalization.
        Node reluBackward = null;
        Node normBackward = null;
        for (Node node : consumers.getOrDefault(relu.output(0), List.of())) {
            if (node.op() instanceof Op.ActivationBackward a
                    && a.kind() == ActivationKind.RELU
                    && node.input(0).equals(relu.output(0))) {
                reluBackward = node;
            }
        }
        for (Node node : consumers.getOrDefault(norm.input(0), List.of())) {
            if (reluBackward != null
                    && node.op() instanceof Op.BatchNormalizationBackward
                    && node.inputs().contains(reluBackward.output(0))) {
                normBackward = node;
            }
        }
        if (reluBackward != null && (normBackward == null || !isPrivate(reluBackward.output(0), normBackward))) return;

        Op.BatchNormalization fused =
                new Op.BatchNormalization(op.epsilon(), op.training(), op.scale(), op.shift(), true);
        Value mask = new Value(nextId++, "", y.type(), Value.Role.COMPUTED);
        List<Value> outputs = new ArrayList<>(norm.outputs());
        outputs.set(0, relu.output(0));
        outputs.add(mask);
        replaced.put(norm, new Node(fused, norm.inputs(), outputs, norm.path()));
        removed.add(relu);
        if (normBackward != null) {
            List<Value> inputs = new ArrayList<>(normBackward.inputs());
            inputs.set(inputs.indexOf(reluBackward.output(0)), reluBackward.input(1));
            inputs.add(mask);
            replaced.put(
                    normBackward,
                    new Node(
                            new Op.BatchNormalizationBackward(fused),
                            inputs,
                            normBackward.outputs(),
                            normBackward.path()));
            removed.add(reluBackward);
        }
    }

    /** Whether {@code reader} alone reads {@code v}. */
    private boolean isPrivate(Value v, Node reader) {
        return !graph.isVisible(v) && consumers.get(v).equals(List.of(reader));
    }
}
