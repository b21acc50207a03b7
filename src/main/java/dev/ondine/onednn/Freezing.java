package dev.ondine.onednn;

import dev.ondine.backend.FrozenWeights;
import dev.ondine.backend.FrozenWeights.Packed;
import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.MemoryDescriptor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Binds what a plan's runs read of parameters and buffers to {@link FrozenWeights}, and leaves of the prologue only what makes the
 * forms that are not there yet. What only the prologue reads is read where the source has it.
 */
final class Freezing {
    private final Lowering lowering;
    private final FrozenWeights weights;
    private final Map<Value, Node> producers = new HashMap<>();
    private final Map<Value, String> expressions = new HashMap<>();
    /** The buffers that runs read. */
    private final Set<Buffer> read = Collections.newSetFromMap(new IdentityHashMap<>());
    /** What has its memory. */
    private final Set<Buffer> bound = Collections.newSetFromMap(new IdentityHashMap<>());

    private final Set<Buffer> missing = Collections.newSetFromMap(new IdentityHashMap<>());
    private long bytes;

    private Freezing(Lowering lowering, FrozenWeights weights) {
        this.lowering = lowering;
        this.weights = weights;
        for (Node node : lowering.graph.nodes()) {
            for (Value v : node.outputs()) producers.put(v, node);
        }
    }

    /**
     * What became of a plan's constants.
     *
     * @param prologue what has to run once, now
     * @param bytes of all packed forms that the plan reads
     */
    record Frozen(List<StepSpec> prologue, long bytes) {}

    /** To be called when the lowering is done and before memory is planned. */
    static Frozen apply(Lowering lowering, ParameterBlock parameters, FrozenWeights weights) {
        Freezing freezing = new Freezing(lowering, weights);
        freezing.findRead();
        freezing.bindGiven(parameters);
        freezing.bindMade();
        return new Frozen(freezing.needed(), freezing.bytes);
    }

    private void findRead() {
        for (StepSpec step : lowering.steps()) {
            for (Slot slot : step.reads()) read.add(slot.buffer().root());
        }
        for (StepSpec step : lowering.fetches()) {
            for (Slot slot : step.reads()) read.add(slot.buffer().root());
        }
        Graph graph = lowering.graph;
        for (Value v : graph.outputs().values())
            read.add(lowering.plainSlot(v).buffer().root());
    }

    /** Parameters and buffers themselves: a copy for the runs, or the source's own memory for the prologue. */
    private void bindGiven(ParameterBlock parameters) {
        for (Value v : lowering.graph.parameters()) bindGiven(v, parameters.buffer(v));
        for (Value v : lowering.graph.buffers())
            bindGiven(v, lowering.plainSlot(v).buffer());
    }

    private void bindGiven(Value v, Buffer buffer) {
        MemorySegment source = weights.source(v).segment();
        if (!read.contains(buffer.root())) {
            buffer.bindExternally(source.asReadOnly());
        } else {
            Packed packed = packed(expression(v) + " " + lowering.plain(v).describe(), source.byteSize());
            if (!packed.filled()) packed.memory().copyFrom(source);
            buffer.bindExternally(packed.memory());
        }
        bound.add(buffer.root());
    }

    /** What the prologue makes of them for the runs. */
    private void bindMade() {
        lowering.constantSlots().forEach((v, slots) -> {
            for (Slot slot : slots) {
                MemoryDescriptor layout = slot.layout();
                // An opaque layout does not say what it is: nobody else can be sure to want the same.
                boolean shared = !layout.tag().equals("opaque");
                bindMade(slot, shared ? expression(v) + " " + layout.describe() : null);
            }
        });
        for (StepSpec step : lowering.prologue()) {
            for (Slot slot : step.writes()) bindMade(slot, null);
        }
    }

    private void bindMade(Slot slot, String key) {
        Buffer buffer = slot.buffer().root();
        if (!read.contains(buffer) || !bound.add(buffer)) return;
        Packed packed = packed(key == null ? "unshared " + weights.count() : key, buffer.bytes());
        if (!packed.filled()) missing.add(buffer);
        buffer.bindExternally(packed.memory());
    }

    private Packed packed(String key, long size) {
        Packed packed = weights.packed(key, size);
        bytes += size;
        return packed;
    }

    /** What a value is, by name if it is given, else by all that it is computed from. */
    private String expression(Value v) {
        String known = expressions.get(v);
        if (known != null) return known;
        Node node = producers.get(v);
        String expression;
        if (node == null) {
            expression = v.role() + " " + v.name();
        } else {
            List<String> operands = node.inputs().stream().map(this::expression).toList();
            expression = formula(node.op()) + operands + "." + node.outputs().indexOf(v);
        }
        expressions.put(v, expression);
        return expression;
    }

    /** All that decides what an operation computes. A matrix is printed by its name and size only. */
    private static String formula(Op op) {
        if (!(op instanceof Op.AlongAxis(int axis, AxisMatrix m))) return op.toString();
        return "AlongAxis " + axis + Arrays.toString(m.starts()) + Arrays.toString(m.indices())
                + Arrays.toString(m.weights());
    }

    /** The steps of the prologue that make what is missing, directly or not. */
    private List<StepSpec> needed() {
        List<StepSpec> needed = new ArrayList<>();
        for (StepSpec step : lowering.prologue().reversed()) {
            boolean wanted = step.writes().stream()
                    .anyMatch(s -> missing.contains(s.buffer().root()));
            if (!wanted) continue;
            needed.add(step);
            for (Slot slot : step.reads()) missing.add(slot.buffer().root());
        }
        return needed.reversed();
    }
}
