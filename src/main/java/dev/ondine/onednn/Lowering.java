package dev.ondine.onednn;

import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.PlanReport.Attempt;
import dev.ondine.backend.StatisticsLayout;
import dev.ondine.backend.Team;
import dev.ondine.graph.Fold;
import dev.ondine.graph.Graph;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Node;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Attributes;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.OneDnnException;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Reorders;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Turns the nodes of a graph into steps and decides every layout on the way.
 *
 * <p>A value lies first where its node put it; a node that wants it in another layout gets a copy, made by a reorder and shared by all who
 * want the same. Activations flow in the layouts of {@link LayoutPolicy}; a parameter lies in the layout that the primitive of
 * its gradient wants, or without gradients in that of its first reader, see {@link ParameterBlock}.
 */
final class Lowering {
    final Graph graph;
    final Arena arena;
    final LayoutPolicy layouts;
    final Attributes attributes;
    final long seed;
    final Team team;
    final boolean training;
    final Optional<OwnKernels> own;
    final Rematerialization again;
    private final ParameterBlock parameters;
    private final List<StepSpec> steps = new ArrayList<>();
    private final List<StepSpec> prologue = new ArrayList<>();
    private final boolean folding;
    private final Set<Value> constantValues;
    private final Map<Value, List<Slot>> slots = new HashMap<>();
    /** What a value of another data type is made of; it has slots only where somebody read it. */
    private final Map<Value, Value> converted = new HashMap<>();

    /** Other values' memory seen with other axes. Who cannot read that gets a copy; there is none before somebody wants it. */
    private final Map<Value, View> views = new HashMap<>();

    /** @param copy the layout of the first copy, if its reader has no wish of its own */
    record View(Slot slot, MemoryDescriptor copy) {}

    private final Map<Value, Value> parameterOfGradient = new HashMap<>();
    private final Map<Value, PrimitiveDescriptor> forwards = new HashMap<>();
    private final Map<Value, OwnNormalization> ownForwards = new HashMap<>();
    private final Set<Value> moved = new HashSet<>();
    /** Nodes whose results an earlier node's step makes. */
    private final Set<Node> done = new HashSet<>();

    final Readers readers;
    private final Overwriting overwriting;
    private final List<Slot> pinned = new ArrayList<>();
    /** Where the batch statistics must be after a run. */
    private final Map<Value, Slot> statisticSlots = new LinkedHashMap<>();

    private Buffer statistics;
    private final Map<Slot, Consumer<Tensor>> constants = new HashMap<>();
    private final List<String> warnings = new ArrayList<>();
    private final KernelChoice kernels;
    private List<StepSpec> target = steps;
    private final IdentityHashMap<StepSpec, List<Attempt>> slow = new IdentityHashMap<>();
    private final boolean ownLayouts;
    private final Set<Value> settledInputs = new HashSet<>();
    private final List<StepSpec> loads = new ArrayList<>();
    private final List<StepSpec> fetches = new ArrayList<>();
    private Node node;
    private int temporaries;

    /**
     * @param folding whether what depends on parameters and buffers only becomes the plan's prologue
     * @param tuner chooses among kernels; {@code null} to take the first that will do
     * @param own Ondine's own kernels, if they are to be used where they can be
     * @param again which activations are made again for the gradient
     */
    Lowering(
            Graph graph,
            Arena arena,
            ParameterBlock parameters,
            PlanOptions options,
            boolean folding,
            Team team,
            Tuner tuner,
            Optional<OwnKernels> own,
            Rematerialization again) {
        this.own = own;
        this.again = again;
        this.ownLayouts = options.ownLayouts();
        this.graph = graph;
        this.arena = arena;
        this.parameters = parameters;
        this.seed = options.seed();
        this.team = team;
        this.kernels = new KernelChoice(arena, tuner);
        this.layouts = new LayoutPolicy(arena);
        this.attributes = Attributes.create(arena);
        this.training = !graph.gradients().isEmpty();
        this.folding = folding && !training;
        this.constantValues = this.folding ? Fold.constants(graph) : Set.of();
        for (Value p : graph.parameters()) {
            Value gradient = graph.gradients().get(p);
            if (gradient != null) parameterOfGradient.putIfAbsent(gradient, p);
        }
        this.readers = new Readers(graph);
        this.overwriting = new Overwriting(readers, slots, views, converted, this::isConstant);
    }

    /** Lowers every node; afterwards the steps and the slots of all values are known. */
    void run() {
        try {
            place();
        } catch (OneDnnException | IllegalArgumentException e) {
            String what = node == null ? "this graph" : node.op().toString();
            throw new ModelException(path(), "the native backend cannot run " + what + ": " + e.getMessage(), e);
        }
    }

    /** The block of all batch statistics, and in it the place of each. */
    private void placeStatistics() {
        StatisticsLayout layout = StatisticsLayout.of(graph);
        if (layout.count() == 0) return;
        MemoryDescriptor whole = layouts.plain(Shape.of(layout.floats()), DataType.FLOAT32);
        statistics = new Buffer("statistics", whole.size());
        pin(new Slot(statistics, whole));
        for (int i = 0; i < layout.count(); i++) {
            Graph.Statistic s = graph.statistics().get(i);
            statistic(s.mean(), layout.mean(i));
            statistic(s.variance(), layout.variance(i));
        }
    }

    private void statistic(Value v, long start) {
        MemoryDescriptor layout = plain(v);
        Buffer part = statistics.part(start * Float.BYTES, layout.size());
        statisticSlots.put(v, new Slot(part, layout));
    }

    private void place() {
        placeStatistics();
        for (List<Value> given : List.of(graph.inputs(), graph.buffers())) {
            for (Value v : given) pinned(v, plain(v));
        }
        for (Node n : graph.nodes()) {
            target = isConstant(n.output(0)) ? prologue : steps;
            if (!done.contains(n)) lower(n);
        }
        node = null;
        target = steps;
        for (Value v : graph.outputs().values()) pin(ownLayouts ? fetched(v) : inPlain(v));
        statisticSlots.forEach((v, wanted) -> {
            Slot made = inPlain(v);
            if (made.buffer() != wanted.buffer()) reorder(made, wanted);
        });
        graph.gradients().forEach((p, g) -> {
            if (p.role() == Value.Role.PARAMETER) storeGradient(p, g);
        });
        parameters.settle(this, folding ? prologue : steps);
        keepConstants();
        // A prologue may run at any time.
        if (prologue.isEmpty()) {
            Set<Buffer> results = new HashSet<>();
            for (Value v : graph.outputs().values())
                results.add(plainSlot(v).buffer().root());
            Staging.release(steps, loads, fetches, results, pinned);
        } else {
            for (StepSpec fetch : fetches) fetch.reads().forEach(this::pin);
        }
    }

    /** What the prologue makes and the steps read stays from run to run. */
    private void keepConstants() {
        Set<Buffer> made = new HashSet<>();
        for (StepSpec step : prologue)
            for (Slot slot : step.writes()) made.add(slot.buffer().root());
        for (StepSpec step : steps) {
            for (Slot slot : step.reads()) if (made.contains(slot.buffer().root())) pin(slot);
        }
    }

    /** Whether a value is the same in every run until parameters or buffers are changed. */
    private boolean isConstant(Value v) {
        return folding
                && switch (v.role()) {
                    case PARAMETER, BUFFER -> true;
                    case INPUT -> false;
                    case COMPUTED -> constantValues.contains(v);
                };
    }

    /** Lowers a node as if it stood in the graph now. */
    void lower(Node n) {
        node = n;
        OpLowering.lower(this, n);
    }

    /** A value between the parts of a node; no other value has its id. */
    Value temporary(Node of) {
        return new Value(--temporaries, "", of.output(0).type(), Value.Role.COMPUTED);
    }

    // ---- where values lie

    /** The layout in which a value lies now: the first that it had. Of a parameter, row-major; of a converted value, its origin's. */
    MemoryDescriptor layout(Value v) {
        if (v.role() == Value.Role.PARAMETER) return plain(v);
        List<Slot> known = slots.getOrDefault(v, List.of());
        if (!known.isEmpty()) return known.getFirst().layout();
        if (views.containsKey(v)) return views.get(v).copy();
        return layout(converted.get(v)).isPlain()
                ? plain(v)
                : layouts.preferred(v.shape(), v.type().dataType());
    }

    /** Says that a value is another one converted: nothing happens until a reader says in which layout it wants it. */
    void convert(Value v, Value from) {
        converted.put(v, from);
    }

    /** Every layout in which a value lies already. */
    List<MemoryDescriptor> knownLayouts(Value v) {
        List<Slot> known = slots.getOrDefault(v, List.of());
        if (known.isEmpty() && (converted.containsKey(v) || views.containsKey(v))) return List.of(layout(v));
        return known.stream().map(Slot::layout).toList();
    }

    /** What a value was, before it was converted to another data type: an input, a parameter, a result of a node. */
    Value origin(Value v) {
        Value from = v;
        while (converted.containsKey(from)) from = converted.get(from);
        return from;
    }

    /** A value in the layout that it has. */
    Slot in(Value v) {
        return in(v, layout(v));
    }

    /** A value in a certain layout: where it lies so already, or a copy, for which it is also converted if need be. */
    Slot in(Value v, MemoryDescriptor wanted) {
        List<Slot> known = slots.computeIfAbsent(v, _ -> new ArrayList<>());
        Value origin = origin(v);
        boolean firstOfInput = origin.role() == Value.Role.INPUT && settledInputs.add(origin);
        for (Slot slot : known) {
            if (slot.layout().equals(wanted)) return slot;
        }
        Slot copy = new Slot(new Buffer(v + "'", wanted.size()), wanted);
        if (ownLayouts && firstOfInput) {
            // The input's own layout is its first reader's; others that want another convert it in every run.
            pin(copy);
            loads.add(reorderStep(slots.get(origin).getFirst(), copy));
            known.addFirst(copy);
            return copy;
        }
        Value from = converted.getOrDefault(v, v);
        if (from.role() == Value.Role.PARAMETER) {
            Slot slot = parameters.read(from, wanted, copy, (folding ? prologue : steps).size());
            known.add(slot);
            return slot;
        }
        Slot source = known.isEmpty() ? seen(from) : known.getFirst();
        if (from.equals(v) && source.layout().equals(wanted)) return define(v, source);
        List<StepSpec> current = target;
        if (isConstant(v)) target = prologue;
        reorder(source, copy);
        target = current;
        known.add(copy);
        return copy;
    }

    /** A value where it lies, which may be a part of another's memory, or that with its axes exchanged. */
    Slot seen(Value v) {
        boolean copied = !slots.getOrDefault(v, List.of()).isEmpty();
        return views.containsKey(v) && !copied ? views.get(v).slot() : in(v);
    }

    /** Says that a result of the current node is a part of memory that is there already, or that with its axes exchanged. */
    void view(Value v, Slot slot, MemoryDescriptor copy) {
        views.put(v, new View(slot, copy));
    }

    /** The place of a value that is about to be changed there: copies of what it was until now are forgotten. */
    Slot changed(Value v) {
        Slot slot = in(v);
        slots.get(v).removeIf(other -> !other.equals(slot));
        return slot;
    }

    /** Whether a value lies where its node put it, and nowhere else. */
    boolean isWhereItWasMade(Value v) {
        return slots.getOrDefault(v, List.of()).size() == 1 && !moved.contains(v);
    }

    /** Says that a value lies elsewhere from here on, where the current step writes it: what was its place has its last reader. */
    Slot move(Value v, MemoryDescriptor layout) {
        Slot slot = new Slot(new Buffer(v + "'", layout.size()), layout);
        slots.put(v, new ArrayList<>(List.of(slot)));
        moved.add(v);
        return slot;
    }

    /** A value row-major, as Java reads it. */
    Slot inPlain(Value v) {
        return in(v, plain(v));
    }

    /** An output row-major and of its own data type, made after the run of what the run left. */
    private Slot fetched(Value v) {
        MemoryDescriptor plain = plain(v);
        List<Slot> known = slots.getOrDefault(v, List.of());
        for (Slot slot : known) {
            if (slot.layout().equals(plain)) return slot;
        }
        Slot source = known.isEmpty() ? seen(converted.getOrDefault(v, v)) : known.getFirst();
        Slot copy = new Slot(new Buffer(v + "'", plain.size()), plain);
        fetches.add(reorderStep(source, copy));
        return define(v, copy);
    }

    MemoryDescriptor plain(Value v) {
        return layouts.plain(v.shape(), v.type().dataType());
    }

    /** The place of a result of the current node, in the layout that its primitive writes. */
    Slot out(Value v, MemoryDescriptor layout) {
        Value parameter = parameterOfGradient.get(v);
        if (parameter != null) return define(v, parameters.gradient(parameter, layout));
        Slot statistic = statisticSlots.get(v);
        if (statistic != null && statistic.layout().equals(layout)) return define(v, statistic);
        return define(v, new Slot(new Buffer(v.toString(), layout.size()), layout));
    }

    /** Says that a result of the current node lies in memory that is there already. */
    Slot define(Value v, Slot slot) {
        slots.computeIfAbsent(v, _ -> new ArrayList<>()).add(slot);
        return slot;
    }

    /** A slot whose contents are set once, before the first run. */
    void constant(Slot slot, float value) {
        constants.put(slot, tensor -> tensor.fill(value));
    }

    /** Numbers that are set once, before the first run; row-major. */
    Slot constant(Shape shape, float[] values) {
        return constant(shape, DataType.FLOAT32, values);
    }

    /** As {@link #constant(Shape, float[])}, rounded to a data type. */
    Slot constant(Shape shape, DataType type, float[] values) {
        MemoryDescriptor layout = layouts.plain(shape, type);
        Slot slot = new Slot(new Buffer("constant", layout.size()), layout);
        pin(slot);
        constants.put(slot, tensor -> tensor.copyFrom(values));
        return slot;
    }

    /** As {@link #out}, for what the caller writes or reads, and for constants. */
    Slot pinned(Value v, MemoryDescriptor layout) {
        Slot slot = define(v, new Slot(new Buffer(v.toString(), layout.size()), layout));
        pin(slot);
        return slot;
    }

    private void pin(Slot slot) {
        slot.buffer().pin();
        pinned.add(slot);
    }

    /** The layout in which a parameter's gradient must be made, if it is settled already; otherwise oneDNN may choose. */
    Optional<MemoryDescriptor> gradientLayout(Value gradient) {
        Value parameter = parameterOfGradient.get(gradient);
        return parameter == null ? Optional.empty() : parameters.settled(parameter);
    }

    /** As {@link ParameterBlock#settle(Value, MemoryDescriptor)}. */
    boolean settle(Value parameter, MemoryDescriptor wanted) {
        return parameters.settle(parameter, wanted);
    }

    boolean isParameterGradient(Value v) {
        return parameterOfGradient.containsKey(v);
    }

    private void storeGradient(Value parameter, Value gradient) {
        Slot wanted = parameters.gradientSlot(parameter, plain(parameter));
        List<Slot> known = slots.getOrDefault(gradient, List.of());
        if (known.isEmpty()) known = List.of(in(gradient));
        if (known.stream().noneMatch(s -> s.buffer().root() == wanted.buffer().root())) {
            reorder(known.getFirst(), wanted);
        }
    }

    // ---- steps

    /** Adds a primitive to the plan, with a scratchpad if it needs one. */
    void emit(
            PrimitiveDescriptor descriptor,
            Map<Arg, Slot> inputs,
            Map<Arg, Slot> outputs,
            StepSpec.InPlace... inPlace) {
        StepSpec.Primitive step = primitive(descriptor, inputs, outputs, List.of(inPlace));
        target.add(step);
        if (descriptor.isReference()) {
            warnings.add((node == null ? "" : node.path() + ": ") + "runs oneDNN's slow reference loop: " + descriptor);
            slow.put(step, kernels.attempts(descriptor));
        }
    }

    private StepSpec.Primitive primitive(
            PrimitiveDescriptor descriptor,
            Map<Arg, Slot> inputs,
            Map<Arg, Slot> outputs,
            Collection<StepSpec.InPlace> inPlace) {
        MemoryDescriptor scratchpad = descriptor.query(Arg.SCRATCHPAD);
        Map<Arg, Slot> written = new LinkedHashMap<>(outputs);
        if (scratchpad.size() > 0) {
            written.put(Arg.SCRATCHPAD, new Slot(new Buffer("scratchpad", scratchpad.size()), scratchpad));
        }
        return new StepSpec.Primitive(Optional.ofNullable(node), descriptor, inputs, written, inPlace);
    }

    /** Adds a loop in Java to the plan. */
    void emitKernel(
            String name, List<Slot> reads, List<Slot> writes, List<StepSpec.InPlace> inPlace, Supplier<Step> bind) {
        target.add(new StepSpec.Kernel(Optional.ofNullable(node), name, reads, writes, inPlace, bind));
    }

    /** Says that the current step makes a later node's results, too. */
    void make(Node later) {
        done.add(later);
    }

    /**
     * Adds a kernel of Ondine's own in C to the plan, with scratch memory if it needs some.
     *
     * @param of the node whose work it does
     */
    void emitOwn(
            Node of,
            String name,
            String implementation,
            Map<Arg, Slot> inputs,
            Map<Arg, Slot> outputs,
            long scratchBytes,
            List<StepSpec.InPlace> inPlace,
            BiFunction<Map<Arg, Slot>, Map<Arg, Slot>, Step> bind) {
        Map<Arg, Slot> written = new LinkedHashMap<>(outputs);
        if (scratchBytes > 0) {
            MemoryDescriptor layout =
                    layouts.plain(Shape.of(Math.ceilDiv(scratchBytes, Float.BYTES)), DataType.FLOAT32);
            written.put(Arg.SCRATCHPAD, new Slot(new Buffer("scratchpad", layout.size()), layout));
        }
        target.add(new StepSpec.Own(Optional.of(of), name, implementation, inputs, written, inPlace, bind));
    }

    /** Copies from one layout to another, as a step of its own. */
    void reorder(Slot from, Slot to) {
        Slot src = withRank(from, to);
        Slot dst = withRank(to, src);
        emit(reorder(src.layout(), dst.layout()), Map.of(Arg.SRC, src), Map.of(Arg.DST, dst));
    }

    /** As {@link #reorder(Slot, Slot)}, in the middle of the steps: for parameters, whose layout is settled last. */
    StepSpec reorderStep(Slot from, Slot to) {
        Slot src = withRank(from, to);
        Slot dst = withRank(to, src);
        return primitive(reorder(src.layout(), dst.layout()), Map.of(Arg.SRC, src), Map.of(Arg.DST, dst), List.of());
    }

    /**
     * oneDNN counts the groups of grouped weights as an axis of their own, everybody else does not. Row-major memory is the same either
     * way: described with the axes of the other side of a reorder, it can be copied.
     */
    private Slot withRank(Slot slot, Slot other) {
        if (slot.layout().rank() == other.layout().rank() || !slot.layout().isPlain()) return slot;
        MemoryDescriptor layout = MemoryDescriptor.plain(
                arena, other.layout().dims(), slot.layout().dataType());
        return new Slot(slot.buffer(), layout);
    }

    private PrimitiveDescriptor reorder(MemoryDescriptor from, MemoryDescriptor to) {
        return Reorders.of(from, to, attributes).create(arena);
    }

    /** As {@link KernelChoice#first}. */
    PrimitiveDescriptor choose(List<PrimitiveRequest> requests) {
        return kernels.first(requests);
    }

    /**
     * As {@link #choose(List)}; of a plan that is tuned the fastest instead of the first, counting the reorders that it needs: of
     * operands into the layouts that it wants, of results into those that the network flows in.
     */
    PrimitiveDescriptor choose(List<PrimitiveRequest> requests, Map<Arg, Value> operands, Map<Arg, Value> results) {
        return kernels.fastest(requests, d -> {
            List<Tuner.Conversion> conversions = new ArrayList<>();
            operands.forEach((arg, v) -> {
                MemoryDescriptor wanted = d.query(arg);
                if (!knownLayouts(v).contains(wanted)) conversions.add(new Tuner.Conversion(layout(v), wanted));
            });
            results.forEach((arg, v) -> {
                MemoryDescriptor made = d.query(arg);
                if (!made.equals(preferred(v))) conversions.add(new Tuner.Conversion(made, preferred(v)));
            });
            return conversions;
        });
    }

    private MemoryDescriptor preferred(Value v) {
        return layouts.preferred(v.shape(), v.type().dataType());
    }

    /**
     * Adds a primitive whose result is an activation. In a plan that is tuned it ends in the layout that the network flows in, whatever
     * the kernel makes; the tuner counted the reorder.
     */
    void emit(PrimitiveDescriptor descriptor, Map<Arg, Slot> inputs, Arg result, Value v) {
        MemoryDescriptor made = descriptor.query(result);
        if (!kernels.areTuned() || made.equals(preferred(v))) {
            emit(descriptor, inputs, Map.of(result, out(v, made)));
            return;
        }
        Slot first = new Slot(new Buffer(v + "'", made.size()), made);
        emit(descriptor, inputs, Map.of(result, first));
        reorder(first, out(v, preferred(v)));
        define(v, first);
    }

    /** Remembers the forward primitive whose workspace a value is, for its backward primitive. */
    void rememberForward(Value workspace, PrimitiveDescriptor forward) {
        forwards.put(workspace, forward);
    }

    PrimitiveDescriptor forwardOf(Value workspace) {
        return forwards.get(workspace);
    }

    /** Remembers a normalization by its results, so that its gradient is made by a kernel of Ondine's own as well. */
    void rememberOwn(OwnNormalization normalization) {
        for (Value v : normalization.forward().outputs()) ownForwards.put(v, normalization);
        ownForwards.put(normalization.result(), normalization);
    }

    /** The normalization that a value is a result of: a statistic, what it leaves, or y before that. */
    Optional<OwnNormalization> ownOf(Value result) {
        return Optional.ofNullable(ownForwards.get(result));
    }

    /** As {@link Overwriting#isPossible}. */
    boolean mayBeOverwritten(Value v, Node reader) {
        return overwriting.isPossible(v, reader);
    }

    private String path() {
        return node == null ? "" : node.path();
    }

    List<StepSpec> steps() {
        return steps;
    }

    /** What runs once for every change of the parameters and buffers. */
    List<StepSpec> prologue() {
        return prologue;
    }

    /** Where the values lie that are the same in every run, computed or given: by value, every place. */
    Map<Value, List<Slot>> constantSlots() {
        Map<Value, List<Slot>> constant = new LinkedHashMap<>();
        for (Node n : graph.nodes()) {
            for (Value v : n.outputs()) if (isConstant(v) && slots.containsKey(v)) constant.put(v, slots.get(v));
        }
        for (List<Value> given : List.of(graph.parameters(), graph.buffers())) {
            for (Value v : given) if (isConstant(v) && slots.containsKey(v)) constant.put(v, slots.get(v));
        }
        return constant;
    }

    /** What {@link dev.ondine.backend.Plan#load} does. */
    List<StepSpec> loads() {
        return loads;
    }

    /** What {@link dev.ondine.backend.Plan#fetch} does. */
    List<StepSpec> fetches() {
        return fetches;
    }

    /** What the caller reads or writes, and constants: memory that is never shared. */
    List<Slot> pinnedSlots() {
        return pinned;
    }

    /** The block of all batch statistics; {@code null} if there are none. */
    Buffer statistics() {
        return statistics;
    }

    /** Where a value lies row-major. */
    Slot plainSlot(Value v) {
        MemoryDescriptor plain = plain(v);
        return slots.get(v).stream()
                .filter(s -> s.layout().equals(plain))
                .findFirst()
                .orElseThrow();
    }

    Map<Slot, Consumer<Tensor>> constants() {
        return constants;
    }

    /** What was asked for, in turn, before a step was given to a reference loop. */
    IdentityHashMap<StepSpec, List<Attempt>> slow() {
        return slow;
    }

    List<String> warnings() {
        return warnings;
    }
}
