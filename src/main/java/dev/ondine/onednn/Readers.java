package dev.ondine.onednn;

import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Value;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Who reads a value, and when, by the order of a graph's nodes. */
final class Readers {
    private final Graph graph;
    private final Map<Value, List<Node>> all;
    private final Map<Node, Integer> positions = new HashMap<>();
    private final Map<Value, Node> last = new HashMap<>();

    Readers(Graph graph) {
        this.graph = graph;
        this.all = graph.consumers();
        List<Node> nodes = graph.nodes();
        for (int i = 0; i < nodes.size(); i++) {
            positions.put(nodes.get(i), i);
            for (Value v : nodes.get(i).inputs()) last.put(v, nodes.get(i));
        }
    }

    /** Parts stand for a node from now on, in this order. */
    void replace(Node whole, List<Node> parts) {
        for (Node part : parts) {
            positions.put(part, positions.get(whole));
            for (Value v : part.inputs()) {
                // Until now the whole was the last reader, or nobody because the value is new, or an earlier part.
                Node before = last.get(v);
                if (before == null || before.equals(whole) || parts.contains(before)) last.put(v, part);
            }
        }
    }

    /** Whether anything reads a value or may see it. */
    boolean isRead(Value v) {
        return graph.isVisible(v) || last.containsKey(v);
    }

    /** Whether a node is the last that reads a value. */
    boolean isLast(Value v, Node reader) {
        return !graph.isVisible(v) && reader.equals(last.get(v));
    }

    /** Whether a node, one behind it, or somebody outside of the graph reads a value. */
    boolean isReadFrom(Value v, Node node) {
        Node reader = last.get(v);
        return graph.isVisible(v) || (reader != null && positions.get(reader) >= positions.get(node));
    }

    /** The node that alone reads a value, if there is one and nobody outside of the graph does. */
    Optional<Node> only(Value v) {
        List<Node> nodes = all.getOrDefault(v, List.of());
        return graph.isVisible(v) || nodes.size() != 1 ? Optional.empty() : Optional.of(nodes.getFirst());
    }

    /** Whether a node is the only one that reads a value. */
    boolean isOnly(Value v, Node reader) {
        return all.getOrDefault(v, List.of()).equals(List.of(reader));
    }
}
