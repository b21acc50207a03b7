package dev.ondine.graph;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** Builds a graph operation by operation, infers every shape, and says which layer is wrong if one does not fit. */
public final class GraphBuilder {
    private final List<Node> nodes = new ArrayList<>();
    private final List<Value> inputs = new ArrayList<>();
    private final List<Value> parameters = new ArrayList<>();
    private final List<Value> buffers = new ArrayList<>();
    private final SequencedMap<String, Value> outputs = new LinkedHashMap<>();
    private final SequencedMap<Value, Value> gradients = new LinkedHashMap<>();
    private final List<Graph.Statistic> statistics = new ArrayList<>();
    private final Deque<String> scopes = new ArrayDeque<>();
    private int nextId;

    /** A graph with nothing in it. */
    public GraphBuilder() {}

    /** A builder that goes on where a graph ended. */
    GraphBuilder(Graph start) {
        nodes.addAll(start.nodes());
        inputs.addAll(start.inputs());
        parameters.addAll(start.parameters());
        buffers.addAll(start.buffers());
        outputs.putAll(start.outputs());
        gradients.putAll(start.gradients());
        statistics.addAll(start.statistics());
        nextId = start.nextId();
    }

    /** Names the layer whose operations follow, below the current one; {@link #leave} ends it. */
    public void enter(String name) {
        scopes.addLast(name);
    }

    /** Ends the scope that the last {@code enter} began. */
    public void leave() {
        scopes.removeLast();
    }

    /** The path of the current layer: {@code layer1.0.conv1}; empty at the root. */
    public String path() {
        return String.join(".", scopes);
    }

    /** The path of something in the current layer: {@code layer1.0.conv1.weight}. */
    public String path(String name) {
        return scopes.isEmpty() ? name : path() + "." + name;
    }

    /** Adds an input, which is written before each run. Its name must be new. */
    public Value input(String name, DataType type, Shape shape) {
        return declare(inputs, name, new TensorType(type, shape), Value.Role.INPUT);
    }

    /** A learned value of float32; {@code name} is its full path. One name is one value, however often it is asked for. */
    public Value parameter(String name, Shape shape) {
        return declare(parameters, name, TensorType.float32(shape), Value.Role.PARAMETER);
    }

    /** A running statistic of float32; {@code name} is its full path. */
    public Value buffer(String name, Shape shape) {
        return declare(buffers, name, TensorType.float32(shape), Value.Role.BUFFER);
    }

    private Value declare(List<Value> declared, String name, TensorType type, Value.Role role) {
        for (Value v : declared) {
            if (!v.name().equals(name)) continue;
            if (!v.type().equals(type)) {
                throw new ModelException(
                        path(),
                        "'" + name + "' is declared as " + type + " but was declared as " + v.type() + " before");
            }
            return v;
        }
        Value v = new Value(nextId++, name, type, role);
        declared.add(v);
        return v;
    }

    /** Adds an operation and returns its only or first result. */
    public Value add(Op op, Value... operands) {
        return addAll(op, List.of(operands)).getFirst();
    }

    /**
     * Adds an operation and returns all of its results.
     *
     * @throws ModelException naming the current layer, if the operands do not fit
     */
    public List<Value> addAll(Op op, List<Value> operands) {
        return addAll(op, operands, path());
    }

    List<Value> addAll(Op op, List<Value> operands, String path) {
        List<TensorType> types;
        try {
            types = ShapeRules.infer(op, operands.stream().map(Value::type).toList());
        } catch (IllegalArgumentException e) {
            throw new ModelException(path, e.getMessage(), e);
        } catch (IndexOutOfBoundsException e) {
            throw new ModelException(path, op + " takes more than " + operands.size() + " operands", e);
        }
        List<Value> results = new ArrayList<>(types.size());
        for (TensorType type : types) results.add(new Value(nextId++, "", type, Value.Role.COMPUTED));
        nodes.add(new Node(op, operands, results, path));
        return results;
    }

    /** Makes a value readable after a run. */
    public void output(String name, Value value) {
        outputs.put(name, value);
    }

    /** Feeds batch statistics into the running averages of the layer at {@code path}. */
    public void statistic(Graph.Statistic statistic) {
        statistics.add(statistic);
    }

    void gradient(Value parameter, Value gradient) {
        gradients.put(parameter, gradient);
    }

    /** The graph as it is now; the builder may go on. */
    public Graph build() {
        return new Graph(nodes, inputs, parameters, buffers, outputs, gradients, statistics);
    }
}
