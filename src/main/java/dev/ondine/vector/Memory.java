package dev.ondine.vector;

import dev.ondine.graph.Graph;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A place for every value of a graph: its layout, and where it lies. Values that live at different times share memory (greedy by size,
 * Pisarchyk and Lee 2020); the result of an elementwise operation takes the place of an operand that nobody reads any more; a reshape
 * of what keeps its order is no copy.
 */
final class Memory {
    private static final int ALIGNMENT = 16;

    private final Graph graph;
    private final Map<Value, Place> places = new LinkedHashMap<>();
    private final Map<Value, Span> spans = new HashMap<>();
    private final float[] array;

    /** The memory of one value, or of several that follow each other in the same place. */
    private static final class Span {
        final List<Value> values = new ArrayList<>();
        int size;
        int first;
        int last;
        int offset;

        boolean overlaps(Span other) {
            return first <= other.last && other.first <= last;
        }
    }

    Memory(Graph graph, Parameters parameters) {
        this.graph = graph;
        for (int i = 0; i < parameters.count(); i++) places.put(parameters.value(i), parameters.weight(i));
        for (List<Value> given : List.of(graph.inputs(), graph.buffers())) {
            for (Value v : given) open(v, -1, checked(v, v.name(), Layout.of(v)));
        }
        for (int i = 0; i < parameters.count(); i++) {
            // A gradient that comes in its parameter's layout is written to where the optimizer's block is filled from.
            Value gradient = graph.gradients().get(parameters.value(i));
            if (gradient == null || gradient.role() != Value.Role.COMPUTED || places.containsKey(gradient)) continue;
            Node producer = producer(gradient);
            Layout layout = layout(producer, producer.outputs().indexOf(gradient));
            if (layout.equals(parameters.layout(i))) places.put(gradient, parameters.gradient(i));
        }
        lifetimes();
        array = new float[Math.addExact(pack(), Lanes.SLACK)];
        spans.forEach((v, span) -> places.get(v).bind(array, span.offset));
    }

    private Node producer(Value v) {
        return graph.nodes().stream()
                .filter(n -> n.outputs().contains(v))
                .findFirst()
                .orElseThrow();
    }

    Place place(Value v) {
        return places.get(v);
    }

    long bytes() {
        return (long) array.length * Float.BYTES;
    }

    private void lifetimes() {
        Map<Value, Integer> lastRead = new HashMap<>();
        List<Node> nodes = graph.nodes();
        for (int i = 0; i < nodes.size(); i++) {
            for (Value v : nodes.get(i).inputs()) lastRead.put(v, i);
        }
        for (Value v : spans.keySet()) close(v, lastRead);
        for (int i = 0; i < nodes.size(); i++) {
            Node node = nodes.get(i);
            for (int k = 0; k < node.outputs().size(); k++) {
                Value v = node.output(k);
                if (places.containsKey(v)) continue;
                Layout layout = checked(v, node.path(), layout(node, k));
                Value host = k > 0 ? null : host(node, i, layout);
                if (host != null) {
                    places.put(v, new Place(layout));
                    spans.get(host).values.add(v);
                    spans.put(v, spans.get(host));
                } else {
                    open(v, i, layout);
                }
                close(v, lastRead);
            }
        }
    }

    private void open(Value v, int at, Layout layout) {
        Span span = new Span();
        span.values.add(v);
        span.size = Lanes.roundUp(layout.size(), ALIGNMENT);
        span.first = at;
        span.last = at;
        spans.put(v, span);
        places.put(v, new Place(layout));
    }

    private void close(Value v, Map<Value, Integer> lastRead) {
        Span span = spans.get(v);
        span.last = Math.max(span.last, lastRead.getOrDefault(v, -1));
        // Somebody reads it after the run.
        if (graph.isVisible(v)) span.last = Integer.MAX_VALUE;
    }

    /** The operand whose memory the first result of node {@code i} may take; null if there is none. */
    private Value host(Node node, int i, Layout layout) {
        if (node.op() instanceof Op.Reshape) {
            Value x = node.input(0);
            return spans.containsKey(x) && Layout.same(places.get(x).layout, layout) ? x : null;
        }
        for (Value v : overwritten(node)) {
            Span span = spans.get(v);
            if (span == null || span.last != i) continue;
            if (Layout.same(places.get(v).layout, layout)) return v;
        }
        return null;
    }

    /** The operands that the kernel of an operation allows to be overwritten by its result, the best one first. */
    private static List<Value> overwritten(Node node) {
        return switch (node.op()) {
            case Op.Activation _, Op.Add _, Op.Multiply _ -> node.inputs();
            case Op.ActivationBackward _ -> node.inputs().reversed();
            case Op.BatchNormalization _ -> List.of(node.input(0));
            case Op.BatchNormalizationBackward b ->
                List.of(node.input(b.forward().scale() ? 4 : 3), node.input(0));
            default -> List.of();
        };
    }

    /** The layout in which the kernel of an operation, or the reference in its place, leaves result {@code k}. */
    private Layout layout(Node node, int k) {
        Value v = node.output(k);
        boolean last = k > 0 && k == node.outputs().size() - 1;
        return switch (node.op()) {
            case Op.ConvolutionBackwardWeights c
            when k == 0 ->
                ConvolutionShape.of(
                                c.forward(),
                                node.input(0).shape(),
                                c.weight(),
                                node.input(1).shape())
                        .weights();
            case Op.LinearBackwardWeights _
            when k == 0 ->
                ConvolutionShape.linear(
                                1, (int) v.shape().dim(1), (int) v.shape().dim(0))
                        .weights();
            case Op.BatchNormalization b
            when b.relu() && last ->
                new Layout.Private(2 * (int) node.input(0).shape().dim(1));
            case Op.Pooling _ when last -> new Layout.Private((int) v.shape().elements());
            case Op.Activation _, Op.ActivationBackward _, Op.Add _, Op.Multiply _ -> {
                Place a = places.get(node.input(0));
                yield a != null ? a.layout : Layout.of(v);
            }
            default -> Layout.of(v);
        };
    }

    private static Layout checked(Value v, String path, Layout layout) {
        DataType type = v.type().dataType();
        if (type != DataType.FLOAT32 && type != DataType.INT32) {
            throw new ModelException(
                    path,
                    "the vector backend computes in f32, not " + type.shortName() + ": use f32, or the onednn backend");
        }
        if (v.shape().elements() > Integer.MAX_VALUE - 1024) {
            throw new ModelException(
                    path, v.type() + " has more elements than a Java array holds: use a smaller batch");
        }
        return layout;
    }

    /** Gives every span its place; returns the floats needed. */
    private int pack() {
        List<Span> bySize = spans.values().stream()
                .distinct()
                .sorted(Comparator.comparingInt((Span s) -> s.size).reversed())
                .toList();
        List<Span> placed = new ArrayList<>(); // by offset
        long total = 0;
        for (Span span : bySize) {
            long best = -1;
            long bestGap = Long.MAX_VALUE;
            long end = 0;
            for (Span other : placed) {
                if (!other.overlaps(span)) continue;
                long gap = other.offset - end;
                if (gap >= span.size && gap < bestGap) {
                    best = end;
                    bestGap = gap;
                }
                end = Math.max(end, (long) other.offset + other.size);
            }
            long offset = best >= 0 ? best : end;
            total = Math.max(total, offset + span.size);
            if (total > Integer.MAX_VALUE - 1024) {
                throw new ModelException(
                        "", "the values need more memory than a Java array holds (8 GB): use a smaller batch");
            }
            span.offset = (int) offset;
            int at = 0;
            while (at < placed.size() && placed.get(at).offset <= span.offset) at++;
            placed.add(at, span);
        }
        return (int) total;
    }
}
