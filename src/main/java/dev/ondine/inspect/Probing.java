package dev.ondine.inspect;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.TensorType;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/** A network's graphs, changed so that they can be looked into. */
final class Probing {
    private Probing() {}

    /** The graph with nothing dropped: evaluation and training then differ in batch normalization alone. */
    static Graph withoutDropout(Graph graph) {
        return graph.withNodes(graph.nodes().stream()
                .map(node -> node.op() instanceof Op.Dropout d
                        ? new Node(new Op.Dropout(0, d.salt()), node.inputs(), node.outputs(), node.path())
                        : node)
                .toList());
    }

    /** The batch normalizations of an evaluation's graph that have running statistics. */
    static List<Node> normalizations(Graph graph) {
        return graph.nodes().stream()
                .filter(node -> node.op() instanceof Op.BatchNormalization op
                        && !op.training()
                        && node.input(1).role() == Value.Role.BUFFER)
                .toList();
    }

    /** The graph with further outputs: of each batch normalization with a ReLU behind it the sum of what comes out of that, by channel. */
    static Graph withActivity(Graph graph) {
        Map<Value, List<Node>> consumers = graph.consumers();
        List<Node> nodes = new ArrayList<>(graph.nodes());
        SequencedMap<String, Value> outputs = new LinkedHashMap<>(graph.outputs());
        int id = nextId(graph);
        for (Node norm : normalizations(graph)) {
            Optional<Value> behind = rectified(norm.output(0), consumers);
            if (behind.isEmpty()) continue;
            Shape shape = behind.get().shape();
            long[] dims = new long[shape.rank()];
            for (int i = 0; i < dims.length; i++) dims[i] = i == 1 ? shape.dim(1) : 1;
            Shape sums = Shape.of(dims);
            Value sum = new Value(id++, "", TensorType.float32(sums), Value.Role.COMPUTED);
            nodes.add(new Node(new Op.ReduceSum(sums), List.of(behind.get()), List.of(sum), norm.path()));
            outputs.put(activity(norm.path()), sum);
        }
        return new Graph(
                nodes,
                graph.inputs(),
                graph.parameters(),
                graph.buffers(),
                outputs,
                graph.gradients(),
                graph.statistics());
    }

    /** The name of the output with the sums behind a layer. */
    static String activity(String path) {
        return "activity of " + path;
    }

    /** What the ReLU behind a value gives, with a shortcut added between them or not; nothing if that is not what follows. */
    private static Optional<Value> rectified(Value value, Map<Value, List<Node>> consumers) {
        List<Node> next = consumers.getOrDefault(value, List.of());
        if (next.size() != 1) return Optional.empty();
        Node node = next.getFirst();
        return switch (node.op()) {
            case Op.Activation a
            when a.kind() == ActivationKind.RELU || a.kind() == ActivationKind.RELU6 -> Optional.of(node.output(0));
            case Op.Add _ -> rectified(node.output(0), consumers);
            default -> Optional.empty();
        };
    }

    private static int nextId(Graph graph) {
        int next = 0;
        for (List<Value> declared : List.of(graph.inputs(), graph.parameters(), graph.buffers())) {
            for (Value v : declared) next = Math.max(next, v.id() + 1);
        }
        for (Node node : graph.nodes()) for (Value v : node.outputs()) next = Math.max(next, v.id() + 1);
        return next;
    }
}
