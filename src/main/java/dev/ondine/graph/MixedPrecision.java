package dev.ondine.graph;

import dev.ondine.tensor.DataType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Makes activations and their gradients bfloat16, as Micikevicius et al. 2018 and Kalamkar et al. 2019 train: operations read bfloat16
 * operands, weights included, sum in float32 and round once when they store.
 *
 * <p>float32 stay inputs, parameters, buffers and everything that the caller reads: the gradients of parameters, batch statistics,
 * outputs. Scale, shift and bias are read as they are. Losses, softmax and dropout compute in float32, and a convolution or linear layer
 * whose result they read gives it to them unrounded. What is computed from parameters and their gradients alone (a penalty, a sum of
 * two gradients) stays float32, too. Where types meet there is an {@link Op.Convert}, one for all readers of a value, right before the
 * first of them.
 *
 * <p>Runs after {@link Differentiate}, {@link Fold} and {@link Fuse}. Visible values keep their ids and types.
 */
public final class MixedPrecision {
    private final Graph graph;
    private final Map<Value, List<Node>> consumers;
    /** Values that are activations or gradients of such, whatever their type is. */
    private final Set<Value> activations = new HashSet<>();

    private final Set<Node> narrowNodes = new HashSet<>();
    /** Values that somebody reads as float32 whose producer could give them unrounded. */
    private final Set<Value> wantedWide = new HashSet<>();

    private final Map<Value, Value> narrow = new HashMap<>();
    private final Map<Value, Value> wide = new HashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    private int nextId;
    private String path = "";

    private MixedPrecision(Graph graph) {
        this.graph = graph;
        this.consumers = graph.consumers();
        this.nextId = graph.nextId();
    }

    /** The graph in mixed precision. Its own values are all float32 (or class indices) yet. */
    public static Graph apply(Graph graph) {
        return Passes.done("mixed precision", new MixedPrecision(graph).run());
    }

    private Graph run() {
        for (Value v : graph.inputs()) if (v.type().dataType().isFloat()) activations.add(v);
        for (Node node : graph.nodes()) classify(node);
        for (Node node : graph.nodes().reversed()) {
            Value y = node.output(0);
            if (graph.isVisible(y) || readers(y).anyMatch(this::wantsWide)) wantedWide.add(y);
        }
        for (List<Value> given : List.of(graph.inputs(), graph.parameters(), graph.buffers())) {
            for (Value v : given) wide.put(v, v);
        }
        for (Node node : graph.nodes()) {
            path = node.path();
            if (isMove(node.op())) move(node);
            else if (narrowNodes.contains(node)) narrow(node);
            else wide(node);
        }
        return graph.withNodes(nodes);
    }

    private Stream<Node> readers(Value v) {
        return consumers.getOrDefault(v, List.of()).stream();
    }

    private boolean wantsWide(Node reader) {
        return isMove(reader.op()) ? wantedWide.contains(reader.output(0)) : !narrowNodes.contains(reader);
    }

    // ---- which operations compute on bfloat16

    private void classify(Node node) {
        if (node.inputs().stream().noneMatch(activations::contains)) return;
        switch (kind(node.op())) {
            case FLOAT32 -> {
                if (!isLoss(node.op())) activations.add(node.output(0));
            }
            case SUM -> narrowNodes.add(node);
            case PRODUCT, ELEMENTWISE, MOVE -> {
                narrowNodes.add(node);
                activations.add(node.output(0));
            }
        }
    }

    private enum Kind {
        /** Computes on float32 only. */
        FLOAT32,
        /** bfloat16 operands, a float32 result that is no activation: gradients of parameters, sums of many. */
        SUM,
        /** bfloat16 operands; the result can be had as either. */
        PRODUCT,
        /** bfloat16 in and out. */
        ELEMENTWISE,
        /** Nothing is computed: the result has the operands' type. */
        MOVE
    }

    private static Kind kind(Op op) {
        return switch (op) {
            case Op.Convolution _, Op.ConvolutionBackwardData _, Op.Linear _, Op.LinearBackwardData _ -> Kind.PRODUCT;
            case Op.TransposedConvolution _, Op.MatMul _ -> Kind.PRODUCT;
            case Op.ConvolutionBackwardWeights _, Op.LinearBackwardWeights _, Op.ReduceSum _ -> Kind.SUM;
            case Op.BatchNormalization _, Op.BatchNormalizationBackward _ -> Kind.ELEMENTWISE;
            case Op.GhostBatchNormalization _, Op.GhostBatchNormalizationBackward _ -> Kind.ELEMENTWISE;
            case Op.RenormalizationFactors _ -> Kind.FLOAT32;
            case Op.LayerNormalization _, Op.LayerNormalizationBackward _ -> Kind.ELEMENTWISE;
            case Op.Pooling _, Op.PoolingBackward _, Op.Resampling _, Op.ResamplingBackward _ -> Kind.ELEMENTWISE;
            case Op.AlongAxis _, Op.PRelu _, Op.PReluBackward _ -> Kind.FLOAT32;
            case Op.Activation _, Op.ActivationBackward _, Op.Add _, Op.Multiply _ -> Kind.ELEMENTWISE;
            case Op.Binary _ -> Kind.ELEMENTWISE;
            case Op.Unary _, Op.UnaryBackward _ -> Kind.FLOAT32;
            case Op.Expand _ -> Kind.MOVE;
            case Op.Concat _, Op.Slice _, Op.SliceBackward _, Op.Reshape _, Op.Transpose _ -> Kind.MOVE;
            case Op.Dropout _, Op.Softmax _, Op.SoftmaxBackward _ -> Kind.FLOAT32;
            case Op.CrossEntropy _, Op.CrossEntropyBackward _ -> Kind.FLOAT32;
            case Op.SoftCrossEntropy _, Op.SoftCrossEntropyBackward _ -> Kind.FLOAT32;
            case Op.PointwiseLoss _, Op.PointwiseLossBackward _ -> Kind.FLOAT32;
            case Op.Fill _, Op.Convert _, Op.Round _ -> Kind.FLOAT32;
            // Of parameters alone: folded in float32, and rounded once by whoever reads the result.
            case Op.FoldedWeights _ -> Kind.FLOAT32;
            case Op.Epilogue _ -> throw new IllegalArgumentException("bfloat16 is for graphs without epilogues");
        };
    }

    private static boolean isMove(Op op) {
        return kind(op) == Kind.MOVE;
    }

    private static boolean isLoss(Op op) {
        return op instanceof Op.CrossEntropy || op instanceof Op.SoftCrossEntropy || op instanceof Op.PointwiseLoss;
    }

    // ---- the nodes anew

    private void wide(Node node) {
        nodes.add(new Node(node.op(), node.inputs().stream().map(this::asWide).toList(), node.outputs(), node.path()));
        for (Value v : node.outputs()) wide.put(v, v);
    }

    private void narrow(Node node) {
        List<Value> operands = new ArrayList<>();
        for (int i = 0; i < node.inputs().size(); i++) {
            operands.add(readsNarrow(node, i) ? asNarrow(node.input(i)) : asWide(node.input(i)));
        }
        Kind kind = kind(node.op());
        boolean wideResult = kind == Kind.SUM || kind == Kind.PRODUCT && wantedWide.contains(node.output(0));
        add(node, operands, !wideResult);
    }

    private void move(Node node) {
        boolean isNarrow = node.inputs().stream().anyMatch(narrow::containsKey);
        add(
                node,
                node.inputs().stream()
                        .map(v -> isNarrow ? asNarrow(v) : asWide(v))
                        .toList(),
                isNarrow);
    }

    /** Whether an operand is read as bfloat16: activations and weights are; statistics, scale, shift and bias are not. */
    private static boolean readsNarrow(Node node, int operand) {
        return switch (node.op()) {
            case Op.Convolution _, Op.TransposedConvolution _, Op.Linear _ -> operand < 2;
            case Op.BatchNormalization _, Op.GhostBatchNormalization _, Op.LayerNormalization _ -> operand == 0;
            case Op.Pooling _, Op.PoolingBackward _ -> operand == 0;
            case Op.GhostBatchNormalizationBackward _ ->
                operand == 0 || operand == node.inputs().size() - 1;
            case Op.BatchNormalizationBackward b ->
                operand == 0 || operand == (b.forward().scale() ? 4 : 3);
            case Op.LayerNormalizationBackward l ->
                operand == 0 || operand == (l.forward().scale() ? 4 : 3);
            default -> true;
        };
    }

    /** Adds a node whose first result is bfloat16 or not. Others (statistics, gradients of scale and shift, masks) are float32. */
    private void add(Node node, List<Value> operands, boolean isNarrow) {
        List<Value> results = new ArrayList<>(node.outputs());
        for (Value v : results) wide.put(v, v);
        Value y = results.getFirst();
        if (!isNarrow) {
            nodes.add(new Node(node.op(), operands, results, node.path()));
            return;
        }
        boolean visible = graph.isVisible(y);
        Value rounded = (visible ? new Value(nextId++, "", y.type(), y.role()) : y).as(DataType.BFLOAT16);
        narrow.put(y, rounded);
        wide.remove(y);
        results.set(0, rounded);
        nodes.add(new Node(node.op(), operands, results, node.path()));
        if (visible) {
            nodes.add(new Node(new Op.Convert(DataType.FLOAT32), List.of(rounded), List.of(y), node.path()));
            wide.put(y, y);
        }
    }

    private Value asNarrow(Value v) {
        return narrow.computeIfAbsent(v, _ -> convert(wide.get(v), DataType.BFLOAT16));
    }

    private Value asWide(Value v) {
        if (!v.type().dataType().isFloat()) return v;
        return wide.computeIfAbsent(v, _ -> convert(narrow.get(v), DataType.FLOAT32));
    }

    private Value convert(Value from, DataType type) {
        Value to = new Value(nextId++, "", from.type().as(type), Value.Role.COMPUTED);
        nodes.add(new Node(new Op.Convert(type), List.of(from), List.of(to), path));
        return to;
    }
}
