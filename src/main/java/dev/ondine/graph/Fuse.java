package dev.ondine.graph;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Joins operations that the native backend runs as one:
 *
 * <ul>
 *   <li>batch normalization and the ReLU behind it, and with them their gradients;
 *   <li>an addition and the ReLU behind it (the ReLU's gradient needs the sum's result only, and stays as it is);
 *   <li>a convolution or linear layer, the addition behind it and the activation behind that, each if it is there: {@link Op.Epilogue}.
 *   <li>the sum of the gradients of slices that together are the whole: the pieces put together.
 * </ul>
 *
 * Runs after differentiation. A pair is joined only if nobody else reads what lies between: an activation whose gradient needs what
 * goes into it stays alone in a training graph.
 */
public final class Fuse {
    private final Graph graph;
    private final boolean epilogues;
    private final Map<Value, List<Node>> consumers;
    private final Map<Value, Node> producers = new HashMap<>();
    private final Map<Node, Integer> positions = new HashMap<>();
    private final Map<Node, Node> replaced = new HashMap<>();
    private final Set<Node> removed = new HashSet<>();
    private int nextId;

    private Fuse(Graph graph, boolean epilogues) {
        this.graph = graph;
        this.epilogues = epilogues;
        this.consumers = graph.consumers();
        this.nextId = graph.nextId();
        for (Node node : graph.nodes()) {
            positions.put(node, positions.size());
            for (Value v : node.outputs()) producers.put(v, node);
        }
    }

    /** A graph that computes the same with fewer operations. */
    public static Graph apply(Graph graph) {
        return Passes.done("fused", new Fuse(graph, true).run());
    }

    /** As {@link #apply}, for a backend whose convolutions and linear layers have no {@link Op.Epilogue}. */
    public static Graph applyWithoutEpilogues(Graph graph) {
        return Passes.done("fused", new Fuse(graph, false).run());
    }

    private Graph run() {
        for (Node node : graph.nodes()) {
            switch (node.op()) {
                case Op.Add a when !a.relu() && joinSlices(node) -> {}
                case Op.Add a when epilogues && !a.relu() -> fuseResidual(node);
                case Op.Activation a -> fuseActivation(a, node);
                default -> {}
            }
        }
        List<Node> nodes = new ArrayList<>();
        for (Node node : graph.nodes()) {
            if (!removed.contains(node)) nodes.add(replaced.getOrDefault(node, node));
        }
        return graph.withNodes(nodes);
    }

    private void fuseActivation(Op.Activation activation, Node node) {
        Node before = producers.get(node.input(0));
        if (before == null) return;
        boolean relu = activation.kind() == ActivationKind.RELU;
        switch (replaced.getOrDefault(before, before).op()) {
            case Op.BatchNormalization b when relu && !b.relu() -> fuseBatchNormalization(before, b, node);
            case Op.Add a when relu && !a.relu() -> fuseAdd(before, node);
            case Op.Weighted w
            when epilogues -> fuseEpilogue(before, new Op.Epilogue(w, false, Optional.of(activation)), node);
            case Op.Epilogue e
            when e.activation().isEmpty() ->
                fuseEpilogue(before, new Op.Epilogue(e.op(), e.residual(), Optional.of(activation)), node);
            default -> {}
        }
    }

    /** A sum becomes part of the layer that makes one of its operands: of the later one, when both are there. */
    private void fuseResidual(Node add) {
        if (!add.input(0).shape().equals(add.input(1).shape())) return;
        Node layer = null;
        Value residual = null;
        for (int i = 0; i < 2; i++) {
            Node candidate = producers.get(add.input(i));
            boolean fits = candidate != null
                    && candidate.op() instanceof Op.Weighted
                    && isPrivate(add.input(i), add)
                    && (layer == null || positions.get(candidate) > positions.get(layer));
            if (!fits) continue;
            layer = candidate;
            residual = add.input(1 - i);
        }
        if (layer == null) return;
        List<Value> operands = new ArrayList<>(layer.inputs());
        operands.add(residual);
        Op op = new Op.Epilogue((Op.Weighted) layer.op(), true, Optional.empty());
        replaced.put(add, new Node(op, operands, add.outputs(), layer.path()));
        removed.add(layer);
    }

    /** {@code last} was the activation; the whole takes its place. */
    private void fuseEpilogue(Node layer, Op.Epilogue op, Node last) {
        if (!isPrivate(layer.output(0), last)) return;
        Node known = replaced.getOrDefault(layer, layer);
        replaced.put(last, new Node(op, known.inputs(), last.outputs(), known.path()));
        removed.add(layer);
    }

    /**
     * Whether a sum is one of gradients of slices, each at its place among zeros, that do not overlap and leave nothing out; then the
     * pieces are put together instead. The inner sums of such a one leave gaps.
     */
    private boolean joinSlices(Node sum) {
        List<Node> slices = new ArrayList<>();
        List<Node> sums = new ArrayList<>();
        if (!collectSlices(sum, slices, sums)) return false;
        slices.sort(Comparator.comparingLong(n -> slice(n).start()));
        Op.Slice first = slice(slices.getFirst());
        long end = 0;
        for (Node node : slices) {
            Op.Slice s = slice(node);
            if (s.axis() != first.axis() || s.start() != end) return false;
            end += s.length();
        }
        if (end != sum.output(0).shape().dim(first.axis())) return false;
        List<Value> pieces = slices.stream().map(n -> n.input(0)).toList();
        replaced.put(sum, new Node(new Op.Concat(first.axis()), pieces, sum.outputs(), sum.path()));
        removed.addAll(slices);
        removed.addAll(sums);
        return true;
    }

    /** Finds the gradients of slices that a sum adds up, and the sums within it; says false if it adds up anything else. */
    private boolean collectSlices(Node sum, List<Node> slices, List<Node> sums) {
        for (Value v : sum.inputs()) {
            Node term = producers.get(v);
            if (term == null || !isPrivate(v, sum)) return false;
            if (term.op() instanceof Op.SliceBackward) {
                slices.add(term);
            } else if (term.op() instanceof Op.Add a && !a.relu() && collectSlices(term, slices, sums)) {
                sums.add(term);
            } else {
                return false;
            }
        }
        return true;
    }

    private static Op.Slice slice(Node backward) {
        return ((Op.SliceBackward) backward.op()).forward();
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
