package dev.ondine.graph;

import dev.ondine.tensor.DataType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Turns a graph that {@link MixedPrecision} made into one of float32 alone that computes the same numbers: what was bfloat16 is rounded
 * to it ({@link Op.Round}) where it is produced. For processors without bfloat16.
 */
public final class EmulateBfloat16 {
    private final Graph graph;
    private final Map<Value, Value> replaced = new HashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    private int nextId;

    private EmulateBfloat16(Graph graph) {
        this.graph = graph;
        this.nextId = graph.nextId();
    }

    /** The graph in float32. */
    public static Graph apply(Graph graph) {
        return Passes.done("bfloat16 emulated", new EmulateBfloat16(graph).run());
    }

    private Graph run() {
        for (Node node : graph.nodes()) {
            List<Value> operands =
                    node.inputs().stream().map(v -> replaced.getOrDefault(v, v)).toList();
            if (node.op() instanceof Op.Convert) {
                convert(node, operands.getFirst());
            } else {
                compute(node, operands);
            }
        }
        return graph.withNodes(nodes);
    }

    private void convert(Node node, Value from) {
        Value to = node.output(0);
        if (to.type().dataType() == DataType.BFLOAT16) {
            round(from, to, node.path());
        } else if (graph.isVisible(to)) {
            // The caller reads it under this id.
            nodes.add(new Node(new Op.Reshape(to.shape()), List.of(from), List.of(to), node.path()));
        } else {
            replaced.put(to, from);
        }
    }

    private void compute(Node node, List<Value> operands) {
        List<Value> results = new ArrayList<>(node.outputs());
        Value y = results.getFirst();
        if (y.type().dataType() != DataType.BFLOAT16) {
            nodes.add(new Node(node.op(), operands, results, node.path()));
            return;
        }
        Value exact = y.as(DataType.FLOAT32);
        if (isClosed(node.op())) {
            replaced.put(y, exact);
            results.set(0, exact);
            nodes.add(new Node(node.op(), operands, results, node.path()));
        } else {
            Value unrounded = new Value(nextId++, "", exact.type(), Value.Role.COMPUTED);
            results.set(0, unrounded);
            nodes.add(new Node(node.op(), operands, results, node.path()));
            round(unrounded, y, node.path());
        }
    }

    private void round(Value from, Value to, String path) {
        Value rounded = to.as(DataType.FLOAT32);
        replaced.put(to, rounded);
        nodes.add(new Node(new Op.Round(DataType.BFLOAT16), List.of(from), List.of(rounded), path));
    }

    /** Whether an operation on bfloat16 numbers yields such numbers by itself: it only moves or chooses them. */
    private static boolean isClosed(Op op) {
        return switch (op) {
            case Op.Concat _, Op.Slice _, Op.SliceBackward _, Op.Reshape _, Op.Transpose _ -> true;
            case Op.Expand _ -> true;
            case Op.Binary(BinaryKind kind) -> kind != BinaryKind.SUBTRACT && kind != BinaryKind.DIVIDE;
            case Op.Activation(ActivationKind kind, var _) -> kind == ActivationKind.RELU;
            case Op.ActivationBackward(ActivationKind kind, var _) -> kind == ActivationKind.RELU;
            case Op.Resampling r -> r.kind() == Op.ResamplingKind.NEAREST;
            case Op.Pooling p -> p.kind() == Op.PoolingKind.MAX;
            default -> false;
        };
    }
}
