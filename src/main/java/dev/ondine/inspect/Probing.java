package dev.ondine.inspect;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.TensorType;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

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

    /**
     * A training's graph in which frozen layers, too, normalize with the statistics of the batch, and tell them: what that would be like
     * is asked of every layer that has running statistics.
     */
    static Graph withBatchStatistics(Graph graph) {
        List<Node> nodes = new ArrayList<>();
        List<Graph.Statistic> statistics = new ArrayList<>(graph.statistics());
        int id = nextId(graph);
        for (Node node : graph.nodes()) {
            if (!runs(node)) {
                nodes.add(node);
                continue;
            }
            Op.BatchNormalization op = (Op.BatchNormalization) node.op();
            Value x = node.input(0);
            TensorType channels = TensorType.float32(node.input(1).shape());
            Value mean = new Value(id++, "", channels, Value.Role.COMPUTED);
            Value variance = new Value(id++, "", channels, Value.Role.COMPUTED);
            List<Value> inputs = new ArrayList<>(node.inputs());
            inputs.subList(1, 3).clear();
            nodes.add(new Node(
                    new Op.BatchNormalization(op.epsilon(), true, op.scale(), op.shift(), op.relu()),
                    inputs,
                    List.of(node.output(0), mean, variance),
                    node.path()));
            long count = x.shape().elements() / channels.shape().elements();
            statistics.add(new Graph.Statistic(node.path(), mean, variance, count, 0));
        }
        return new Graph(
                nodes,
                graph.inputs(),
                graph.parameters(),
                graph.buffers(),
                graph.outputs(),
                graph.gradients(),
                statistics);
    }

    /** The batch normalizations of an evaluation's graph that have running statistics. */
    static List<Node> normalizations(Graph graph) {
        return graph.nodes().stream().filter(Probing::runs).toList();
    }

    /** Whether a node normalizes with running statistics. */
    private static boolean runs(Node node) {
        return node.op() instanceof Op.BatchNormalization op
                && !op.training()
                && node.input(1).role() == Value.Role.BUFFER;
    }

    /**
     * The graph with further outputs: of each batch normalization with a ReLU behind it the sum of what comes out of that, by channel. Of
     * two whose sum a ReLU takes, the first has it: a channel is silent once.
     */
    static Graph withActivity(Graph graph) {
        Map<Value, List<Node>> consumers = graph.consumers();
        List<Node> nodes = new ArrayList<>(graph.nodes());
        SequencedMap<String, Value> outputs = new LinkedHashMap<>(graph.outputs());
        Set<Value> taken = new HashSet<>();
        int id = nextId(graph);
        for (Node norm : normalizations(graph)) {
            Optional<Value> behind = rectified(norm.output(0), consumers);
            if (behind.isEmpty() || !taken.add(behind.get())) continue;
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
