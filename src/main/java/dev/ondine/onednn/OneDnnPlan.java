package dev.ondine.onednn;

import dev.ondine.backend.FrozenWeights;
import dev.ondine.backend.NativeMemory;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanReport;
import dev.ondine.backend.Team;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Execution;
import dev.ondine.onednn.api.Memory;
import dev.ondine.onednn.api.OpenMp;
import dev.ondine.onednn.api.Primitive;
import dev.ondine.onednn.api.Stream;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A flat list of bound steps over planned memory. */
public final class OneDnnPlan implements Plan {
    private final Graph graph;
    private final Arena arena;
    private final ParameterBlock parameters;
    private final List<StepSpec> prologueSpecs;
    private final List<StepSpec> specs;
    private final List<String> warnings;
    private final Step[] prologue;
    private final PlanReporter reporter;
    /** Made when somebody asks: it takes as long as a step of a small network. */
    private PlanReport report;

    private final Step[] loads;
    private final Step[] steps;
    private final Step[] fetches;
    private final int threads;
    private final Team team;
    private final long arenaBytes;
    private final Optional<FrozenWeights> frozen;
    private final long frozenBytes;
    private final Map<String, Tensor> inputs = new LinkedHashMap<>();
    private final Map<String, Tensor> outputs = new LinkedHashMap<>();
    private final Map<String, Tensor> buffers = new LinkedHashMap<>();
    private final MemorySegment statistics;
    private boolean prepared;
    private volatile boolean closed;

    OneDnnPlan(Lowering lowering, Arena arena, ParameterBlock parameters, int threads, Optional<FrozenWeights> frozen) {
        this.frozen = frozen;
        this.graph = lowering.graph;
        this.arena = arena;
        this.parameters = parameters;
        this.specs = List.copyOf(lowering.steps());
        this.warnings = List.copyOf(lowering.warnings());
        this.threads = threads;
        this.team = lowering.team;
        Optional<Freezing.Frozen> made = frozen.map(weights -> Freezing.apply(lowering, parameters, weights));
        this.frozenBytes = made.map(Freezing.Frozen::bytes).orElse(0L);
        this.prologueSpecs = made.map(Freezing.Frozen::prologue).orElse(List.copyOf(lowering.prologue()));
        List<StepSpec> all = new ArrayList<>(prologueSpecs);
        all.addAll(lowering.loads());
        all.addAll(specs);
        all.addAll(lowering.fetches());
        this.arenaBytes = MemoryPlanner.plan(all, lowering.pinnedSlots(), parameters::reserved);
        Collection<Buffer> places = MemoryPlanner.buffers(all, lowering.pinnedSlots());
        long touched = Math.max(
                parameters.bytesInArena(),
                MemoryPlanner.usedBefore(all.size() - lowering.fetches().size(), places));
        MemorySegment memory = NativeMemory.allocate(arena, arenaBytes, touched, team);
        for (Buffer buffer : places) buffer.materialize(memory);
        if (parameters.gradientsInArena()) parameters.bindGradients(memory.asSlice(0, parameters.bytesInArena()));
        lowering.constants()
                .forEach((slot, fill) -> fill.accept(Tensor.view(
                        slot.buffer().segment(),
                        slot.layout().dataType(),
                        Shape.of(slot.layout().dims()))));

        this.reporter = new PlanReporter(lowering, parameters, arenaBytes, threads);

        Stream stream = Stream.create(arena);
        Step[] once = bind(prologueSpecs, stream);
        this.loads = bind(lowering.loads(), stream);
        this.steps = bind(specs, stream);
        this.fetches = bind(lowering.fetches(), stream);

        for (Value v : graph.inputs()) inputs.put(v.name(), view(lowering, v));
        for (Value v : graph.buffers()) buffers.put(v.name(), view(lowering, v));
        graph.outputs().forEach((name, v) -> outputs.put(name, view(lowering, v)));
        this.statistics = graph.statistics().isEmpty()
                ? MemorySegment.NULL
                : lowering.statistics().segment();
        if (made.isPresent()) {
            // For good: nothing of it is kept but what it made.
            for (Step s : once) s.run(0);
            prepared = true;
        }
        this.prologue = made.isPresent() ? new Step[0] : once;
    }

    private void requireThawed() {
        requireOpen();
        if (frozen.isPresent()) {
            throw new IllegalStateException(
                    "this plan was compiled with frozen weights: it keeps no parameters or buffers"
                            + " of its own that could be read or written");
        }
    }

    private static Tensor view(Lowering lowering, Value v) {
        return Tensor.view(lowering.plainSlot(v).buffer().segment(), v.type().dataType(), v.shape());
    }

    private Step[] bind(List<StepSpec> specs, Stream stream) {
        Step[] bound = new Step[specs.size()];
        for (int i = 0; i < bound.length; i++) bound[i] = bind(specs.get(i), stream);
        return bound;
    }

    private Step bind(StepSpec spec, Stream stream) {
        return switch (spec) {
            case StepSpec.Kernel kernel -> kernel.bind().get();
            case StepSpec.Own own -> own.bind().apply(own.inputs(), own.outputs());
            case StepSpec.Primitive p -> {
                Map<Arg, Memory> arguments = new LinkedHashMap<>();
                p.inputs().forEach((arg, slot) -> arguments.put(arg, memory(slot)));
                p.outputs().forEach((arg, slot) -> arguments.put(arg, memory(slot)));
                yield new PrimitiveStep(
                        Execution.of(arena, Primitive.create(arena, p.descriptor()), stream, arguments));
            }
        };
    }

    private Memory memory(Slot slot) {
        return Memory.of(arena, slot.layout(), slot.buffer().segment());
    }

    @Override
    public Graph graph() {
        requireOpen();
        return graph;
    }

    @Override
    public void run(long step) {
        run(steps, step, true);
    }

    @Override
    public void load() {
        run(loads, 0, false);
    }

    @Override
    public void fetch() {
        run(fetches, 0, false);
    }

    /** @param prepare whether what depends on the parameters alone must be up to date */
    private void run(Step[] sequence, long step, boolean prepare) {
        synchronized (parameters.lock()) {
            requireOpen();
            OpenMp.setThreads(threads);
            if (prepare && !prepared) runPrologue();
            for (Step s : sequence) s.run(step);
        }
    }

    @Override
    public void prepare() {
        synchronized (parameters.lock()) {
            requireOpen();
            if (frozen.isPresent()) return;
            OpenMp.setThreads(threads);
            runPrologue();
        }
    }

    private void runPrologue() {
        for (Step s : prologue) s.run(0);
        prepared = true;
    }

    @Override
    public long[] profile(long step) {
        synchronized (parameters.lock()) {
            requireOpen();
            OpenMp.setThreads(threads);
            if (!prepared) runPrologue();
            long[] nanos = new long[steps.length];
            for (int i = 0; i < steps.length; i++) {
                long start = System.nanoTime();
                steps[i].run(step);
                nanos[i] = System.nanoTime() - start;
            }
            return nanos;
        }
    }

    /** The name of each step: layer and implementation. */
    public List<String> stepNames() {
        return specs.stream().map(OneDnnPlan::name).toList();
    }

    /** What runs slower than it should, and why: operations for which oneDNN has nothing but its reference loops. */
    public List<String> warnings() {
        return warnings;
    }

    @Override
    public Tensor input(String name) {
        return named(inputs, name, "input");
    }

    @Override
    public Tensor output(String name) {
        return named(outputs, name, "output");
    }

    @Override
    public Tensor buffer(String name) {
        requireThawed();
        prepared = false;
        return named(buffers, name, "buffer");
    }

    private Tensor named(Map<String, Tensor> tensors, String name, String what) {
        requireOpen();
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException(
                    "the plan has no " + what + " '" + name + "'; there are " + tensors.keySet());
        }
        return tensor;
    }

    @Override
    public MemorySegment weights() {
        requireThawed();
        prepared = false;
        return parameters.weights();
    }

    @Override
    public MemorySegment gradients() {
        requireOpen();
        return parameters.gradients();
    }

    @Override
    public void pack(int index, MemorySegment rowMajor, MemorySegment block) {
        synchronized (parameters.lock()) {
            requireThawed();
            OpenMp.setThreads(threads);
            parameters.pack(index, rowMajor, block);
            prepared = false;
        }
    }

    @Override
    public void unpack(int index, MemorySegment block, MemorySegment rowMajor) {
        synchronized (parameters.lock()) {
            requireThawed();
            OpenMp.setThreads(threads);
            parameters.unpack(index, block, rowMajor);
        }
    }

    @Override
    public long offset(int index) {
        requireOpen();
        return parameters.offset(index);
    }

    @Override
    public long extent(int index) {
        requireOpen();
        return parameters.extent(index);
    }

    @Override
    public MemorySegment statistics() {
        requireOpen();
        return statistics;
    }

    @Override
    public Team team() {
        requireOpen();
        return team;
    }

    @Override
    public long memory() {
        requireOpen();
        return arenaBytes
                + frozenBytes
                + parameters.weights().byteSize()
                + (parameters.gradientsInArena() ? 0 : parameters.gradients().byteSize());
    }

    @Override
    public Optional<PlanReport> report() {
        synchronized (parameters.lock()) {
            requireOpen();
            if (report == null) report = reporter.report();
            return Optional.of(report);
        }
    }

    /** What runs once for every change of parameters and buffers, as it was planned. */
    List<StepSpec> prologueSpecs() {
        return prologueSpecs;
    }

    /** The steps as they were planned. */
    List<StepSpec> specs() {
        return specs;
    }

    /** What {@link #run} runs, in order. Only to be run under the parameters' lock and while the plan is open. */
    List<Step> steps() {
        return List.of(steps);
    }

    long arenaBytes() {
        return arenaBytes;
    }

    ParameterBlock parameterBlock() {
        return parameters;
    }

    @Override
    public String print() {
        requireOpen();
        StringBuilder text = new StringBuilder();
        text.append(specs.size())
                .append(" steps, arena ")
                .append(arenaBytes)
                .append(" bytes, parameters ")
                .append(parameters.weights().byteSize())
                .append(" bytes, gradients ")
                .append(parameters.gradients().byteSize())
                .append(" bytes\n");
        for (StepSpec spec : prologueSpecs) text.append(line("once", spec));
        for (int i = 0; i < specs.size(); i++) text.append(line(Integer.toString(i), specs.get(i)));
        for (String warning : warnings) text.append("warning: ").append(warning).append('\n');
        return text.toString();
    }

    private static String line(String number, StepSpec spec) {
        return String.format("%4s  %-60s %s -> %s%n", number, name(spec), spec.reads(), spec.writes());
    }

    private static String name(StepSpec spec) {
        String what = switch (spec) {
            case StepSpec.Kernel k -> k.name() + " java";
            case StepSpec.Own o -> o.name() + " " + o.implementation();
            case StepSpec.Primitive p ->
                p.descriptor().primitive() + " " + p.descriptor().implementation();
        };
        return spec.path().isEmpty() ? what : spec.path() + " " + what;
    }

    private void requireOpen() {
        if (closed) throw new IllegalStateException("this plan is closed");
    }

    @Override
    public void close() {
        synchronized (parameters.lock()) {
            if (closed) return;
            arena.close();
            closed = true;
            frozen.ifPresent(FrozenWeights::released);
        }
    }
}
