package dev.ondine.io.onnx;

import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.io.onnx.proto.NodeProto;
import dev.ondine.nn.ParameterRole;
import dev.ondine.tensor.Shape;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Builds the graph of an ONNX file for given shapes of its inputs. What depends on shapes and constants only is computed on the way;
 * everything else becomes operations. The file was checked by {@link #order} before.
 */
final class GraphImport {
    /** Nodes that one message names. */
    private static final int MOST_NAMED = 50;

    private final ModelFile file;
    private final ParameterStore store;
    private final TensorReader tensors;
    private final Map<String, Constant> constants = new HashMap<>();
    private final Map<String, Value> values = new HashMap<>();
    private final Map<Constant, Value> parameters = new HashMap<>();
    private final Map<Constant, Constant> matrices = new HashMap<>();
    private final Set<String> taken = new HashSet<>();
    private final WholeNumbers wholes = new WholeNumbers();
    private NodeView node;
    /** What is being built: names of what it needs begin so. */
    private String place = "";

    GraphImport(ModelFile file, ParameterStore store) {
        this.file = file;
        this.store = store;
        this.tensors = new TensorReader(file.path(), null, new Budget(file.path()));
        constants.putAll(file.initializers());
    }

    /**
     * The nodes that the outputs need, in an order in which each finds what it reads.
     *
     * @throws OnnxException if a value is missing or given twice, if nodes wait for each other, or for all operations that are not
     *     supported at once
     */
    static List<NodeView> order(ModelFile file) throws OnnxException {
        return order(file, file.outputs().stream().map(ModelFile.Port::name).toList());
    }

    /** The nodes that these values need. */
    static List<NodeView> order(ModelFile file, List<String> wanted) throws OnnxException {
        Map<String, NodeView> producers = new HashMap<>();
        for (NodeProto proto : file.nodes()) {
            NodeView node = new NodeView(proto);
            for (String output : node.outputs()) {
                if (!output.isEmpty() && producers.put(output, node) != null) {
                    throw new OnnxException(file.path() + ": " + Quoted.of(output) + " is computed by two nodes");
                }
            }
        }
        Set<String> known = new HashSet<>(file.initializers().keySet());
        for (ModelFile.Port port : file.inputs()) known.add(port.name());
        Set<NodeView> done = new HashSet<>();
        Set<NodeView> open = new HashSet<>();
        List<NodeView> order = new ArrayList<>();
        // Depth first, with a stack of its own: a file decides how deep.
        Deque<NodeView> stack = new ArrayDeque<>();
        for (String output : wanted) {
            if (known.contains(output)) continue;
            stack.push(producer(file, producers, output, "is an output"));
            while (!stack.isEmpty()) {
                NodeView node = stack.peek();
                if (done.contains(node)) {
                    stack.pop();
                    continue;
                }
                open.add(node);
                boolean ready = true;
                for (String input : node.inputs()) {
                    if (input.isEmpty() || known.contains(input)) continue;
                    NodeView before = producer(file, producers, input, "is read by " + node);
                    if (done.contains(before)) continue;
                    if (open.contains(before)) {
                        throw new OnnxException(file.path() + ": a cycle: " + node + " and " + before
                                + " wait for each other's results");
                    }
                    stack.push(before);
                    ready = false;
                }
                if (!ready) continue;
                stack.pop();
                open.remove(node);
                done.add(node);
                order.add(node);
            }
        }
        List<String> unsupported = order.stream()
                .filter(n -> !n.isStandard() || !Operators.isKnown(n.type()))
                .map(NodeView::toString)
                .toList();
        if (!unsupported.isEmpty()) {
            int shown = Math.min(unsupported.size(), MOST_NAMED);
            throw new OnnxException(file.path() + ": " + unsupported.size() + " nodes are not supported: "
                    + String.join(", ", unsupported.subList(0, shown)) + (shown < unsupported.size() ? ", …" : ""));
        }
        return order;
    }

    private static NodeView producer(ModelFile file, Map<String, NodeView> producers, String name, String use)
            throws OnnxException {
        NodeView producer = producers.get(name);
        if (producer == null) {
            throw new OnnxException(file.path() + ": " + Quoted.of(name) + " " + use
                    + ", and neither an input, an initializer nor a node gives it");
        }
        return producer;
    }

    /** Gives an input its value. */
    void input(ModelFile.Port port, Value value) {
        values.put(port.name(), value);
        if (port.type().isWhole()) wholes.add(value);
    }

    /**
     * Builds the nodes.
     *
     * @throws ModelException naming all nodes whose operands or attributes are not supported or do not fit, but for those that read
     *     what such a node gives
     */
    void build(List<NodeView> order) {
        Set<String> missing = new HashSet<>();
        List<String> problems = new ArrayList<>();
        Exception first = null;
        for (NodeView n : order) {
            if (n.inputs().stream().anyMatch(missing::contains)) {
                missing.addAll(n.outputs());
                continue;
            }
            node = n;
            place = n.name();
            try {
                translate(n);
            } catch (IllegalArgumentException | IndexOutOfBoundsException | ArithmeticException | IOException e) {
                if (first == null) first = e;
                problems.add("node " + n + ": " + e.getMessage());
                missing.addAll(n.outputs());
                if (problems.size() == MOST_NAMED) break;
            }
        }
        if (first == null) return;
        String all = problems.size() == 1
                ? problems.getFirst()
                : "these nodes are not supported, or do not fit what they read:\n  " + String.join("\n  ", problems)
                        + (problems.size() == MOST_NAMED ? "\n  …" : "");
        throw new ModelException("", file.path() + ": " + all, first);
    }

    private void translate(NodeView n) throws IOException {
        boolean whole = n.inputs().stream().map(values::get).anyMatch(v -> v != null && wholes.contains(v));
        WholeNumbers.requireAllowed(n, whole);
        Operators.translate(this, n);
        if (!whole || !WholeNumbers.keeps(n)) return;
        for (String output : n.outputs()) {
            Value v = values.get(output);
            if (v != null) wholes.add(v);
        }
    }

    /** The value of an output, constants included. */
    Value output(String name) {
        Value v = values.get(name);
        if (v != null) return v;
        Constant c = constants.get(name);
        if (c == null)
            throw new ModelException("", file.path() + ": the output " + Quoted.of(name) + " is not computed");
        // There may have been no node at all.
        place = name;
        try {
            return materialize(c, ParameterRole.WEIGHT);
        } catch (IllegalArgumentException e) {
            throw new ModelException("", file.path() + ": the output " + Quoted.of(name) + ": " + e.getMessage(), e);
        }
    }

    // ---- what translators use

    GraphBuilder graph() {
        return store.graph();
    }

    ParameterStore store() {
        return store;
    }

    WholeNumbers wholes() {
        return wholes;
    }

    TensorReader tensors() {
        return tensors;
    }

    int opset() {
        return file.opset();
    }

    Value add(Op op, Value... operands) {
        return addAll(op, List.of(operands)).getFirst();
    }

    /** Adds an operation under the node's name. */
    List<Value> addAll(Op op, List<Value> operands) {
        store.graph().enter(place);
        try {
            return store.graph().addAll(op, operands);
        } finally {
            store.graph().leave();
        }
    }

    /** Whether the node has this operand. */
    boolean has(int i) {
        return i < node.inputs().size() && !node.inputs().get(i).isEmpty();
    }

    /** The operand if it is known already; else null. */
    Constant known(int i) {
        return has(i) ? constants.get(node.inputs().get(i)) : null;
    }

    boolean allKnown() {
        for (int i = 0; i < node.inputs().size(); i++) if (has(i) && known(i) == null) return false;
        return true;
    }

    /** An operand that must be known. */
    Constant constant(int i, String what) {
        Constant c = known(i);
        if (c == null) {
            throw new IllegalArgumentException(
                    has(i) ? "its " + what + " depend on the data, which is not supported" : "it has no " + what);
        }
        return c;
    }

    /** A list of whole numbers that is an attribute in older versions, an operand in newer ones; null if it is neither. */
    long[] list(String attribute, int operand) {
        if (node.has(attribute)) return node.wholes(attribute);
        return has(operand) ? constant(operand, attribute).wholes() : null;
    }

    /** A shape that was written for the batch that the file is made for, for the batch that the graph is built for. */
    long[] batched(long[] dims, long[] target) {
        long[] declared =
                file.inputs().isEmpty() ? null : file.inputs().getFirst().dims();
        if (declared == null || declared.length == 0 || target == null || target.length == 0) return target;
        Value input = values.get(file.inputs().getFirst().name());
        long made = declared[0];
        long now = input.shape().dim(0);
        if (made < 1 || made == now || target[0] != made || dims[0] % now != 0) return target;
        long[] changed = target.clone();
        changed[0] = now;
        return changed;
    }

    /** The second operand of two: before version 7 it was aligned at an axis of the first that an attribute gives. */
    Value aligned(Value a, Value b) {
        if (opset() >= 7 || !node.flag("broadcast") || !node.has("axis")) return b;
        int axis = axis(node.whole("axis", 0), a.shape().rank());
        long[] dims = new long[a.shape().rank() - axis];
        Arrays.fill(dims, 1);
        System.arraycopy(b.shape().dims(), 0, dims, 0, b.shape().rank());
        return add(new Op.Reshape(Shape.of(dims)), b);
    }

    /** An operand in the graph. */
    Value value(int i) {
        return value(i, ParameterRole.WEIGHT);
    }

    Value value(int i, ParameterRole role) {
        if (!has(i)) throw new IllegalArgumentException("operand " + i + " is missing");
        Value v = values.get(node.inputs().get(i));
        if (v != null) return v;
        Constant c = constants.get(node.inputs().get(i));
        if (c == null)
            throw new IllegalArgumentException("operand " + i + " is not computed by the operations read here");
        return materialize(c, role);
    }

    Shape shape(int i) {
        Value v = values.get(node.inputs().get(i));
        return v != null ? v.shape() : constants.get(node.inputs().get(i)).shape();
    }

    /** A constant in the graph: a number as it is, tensors from initializers as parameters, computed ones as buffers. */
    Value materialize(Constant c, ParameterRole role) {
        if (c.elements() == 0) throw new IllegalArgumentException("a tensor without elements is not computed with");
        Value known = parameters.get(c);
        if (known != null) return known;
        Value v;
        if (c.elements() == 1) {
            v = add(new Op.Fill((float) c.number(0), c.shape()));
        } else if (!c.name().isEmpty() && c.isFloat()) {
            v = store.parameter(unique(c.name()), c, role);
        } else {
            v = store.buffer(unique(place + ".constant"), c);
        }
        parameters.put(c, v);
        return v;
    }

    /** A parameter that stays one even if it is a single number: a weight, a bias. */
    Value parameter(Constant c, ParameterRole role) {
        Value known = parameters.get(c);
        if (known == null) {
            known = store.parameter(unique(c.name().isEmpty() ? place + ".weight" : c.name()), c, role);
            parameters.put(c, known);
        }
        return known;
    }

    /** A matrix with rows and columns exchanged, under the same name. */
    Constant transposed(Constant w) {
        Constant known = matrices.get(w);
        if (known != null) return known;
        Constant exchanged = w.transpose();
        matrices.put(w, exchanged);
        // Exchanged once more it is the same tensor again.
        matrices.put(exchanged, w);
        return exchanged;
    }

    /** A weight or bias: a parameter if it is known, else what computes it. */
    Value weight(int i, ParameterRole role) {
        Constant c = known(i);
        return c == null ? value(i) : parameter(c, role);
    }

    /** This name, or one like it if another parameter is called so. */
    String unique(String name) {
        String base = name.isEmpty() ? "constant" : name;
        String free = base;
        for (int i = 1; !taken.add(free); i++) free = base + "_" + i;
        return free;
    }

    void result(Value v) {
        result(0, v);
    }

    void result(int i, Value v) {
        if (i < node.outputs().size()) values.put(node.outputs().get(i), v);
    }

    void result(Constant c) {
        if (!node.outputs().isEmpty()) constants.put(node.outputs().getFirst(), c);
    }

    /** Hands an operand on as the result, known or not. */
    void pass(int i) {
        Constant c = known(i);
        if (c != null) result(c);
        else result(value(i));
    }

    /** An axis from the first on. */
    static int axis(long axis, int rank) {
        long a = axis < 0 ? axis + rank : axis;
        if (a < 0 || a >= rank) {
            throw new IllegalArgumentException("axis " + axis + " does not exist in a tensor of " + rank + " axes");
        }
        return (int) a;
    }

    static int[] axes(long[] axes, int rank) {
        return Arrays.stream(axes)
                .mapToInt(a -> axis(a, rank))
                .distinct()
                .sorted()
                .toArray();
    }

    static List<Integer> ints(long[] values) {
        List<Integer> list = new ArrayList<>(values.length);
        for (long v : values) list.add(Math.toIntExact(v));
        return list;
    }
}
