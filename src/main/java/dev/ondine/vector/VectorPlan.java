package dev.ondine.vector;

import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.StatisticsLayout;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A list of kernels over planned heap memory, with row-major native tensors at its ends. Synchronized: a plan that is closed by
 * another thread ends its run first.
 */
public final class VectorPlan implements Plan {
    private final Graph graph;
    private final Arena arena = Arena.ofShared();
    private final Optional<VectorPlan> shared;
    private final Parameters parameters;
    private final boolean ownLayouts;
    private final Team team;
    private final Workspace workspace;
    private final Memory memory;
    private final List<Lowering.Step> steps;
    private final Lowering.Run[] runs;
    private final List<Port> given = new ArrayList<>();
    private final List<Port> results = new ArrayList<>();
    private final List<Reorder> gradients = new ArrayList<>();
    private final Map<String, Tensor> inputs = new LinkedHashMap<>();
    private final Map<String, Tensor> outputs = new LinkedHashMap<>();
    private final Map<String, Tensor> buffers = new LinkedHashMap<>();
    private final MemorySegment statistics;
    private long portBytes;
    private volatile boolean closed;

    VectorPlan(Graph graph, PlanOptions options) {
        this.graph = graph;
        this.ownLayouts = options.ownLayouts();
        shared = options.sharedParameters().map(VectorPlan::mine);
        shared.ifPresent(VectorPlan::requireOpen);
        Team own = null;
        try {
            parameters = new Parameters(graph, shared.map(s -> s.parameters), arena);
            memory = new Memory(graph, parameters);
            team = own = new Team(options.threads());
            workspace = new Workspace(options.threads());
            steps = Lowering.lower(graph, team, workspace, memory, options.seed());
            workspace.allocate();
            runs = steps.stream().map(Lowering.Step::run).toArray(Lowering.Run[]::new);

            Port.Staging staging = new Port.Staging();
            for (Value v : graph.inputs()) inputs.put(v.name(), port(v, staging, given));
            for (Value v : graph.buffers()) buffers.put(v.name(), port(v, staging, given));
            graph.outputs().forEach((name, v) -> outputs.put(name, port(v, staging, results)));
            StatisticsLayout layout = StatisticsLayout.of(graph);
            statistics = arena.allocate(layout.floats() * Float.BYTES, Tensor.ALIGNMENT);
            portBytes += statistics.byteSize();
            for (int i = 0; i < layout.count(); i++) {
                Graph.Statistic s = graph.statistics().get(i);
                statistic(s.mean(), StatisticsLayout.slice(statistics, layout.mean(i), s), staging);
                statistic(s.variance(), StatisticsLayout.slice(statistics, layout.variance(i), s), staging);
            }
            staging.allocate();
            if (parameters.gradientBlock.byteSize() > 0) {
                for (int i = 0; i < parameters.count(); i++) gradient(i);
            }
        } catch (Throwable e) {
            if (own != null) own.close();
            arena.close();
            throw e;
        }
    }

    private static VectorPlan mine(Plan plan) {
        if (plan instanceof VectorPlan p) return p;
        throw new IllegalArgumentException(
                "the vector backend shares parameters only with plans of its own, not with a "
                        + plan.getClass().getName());
    }

    private Tensor port(Value v, Port.Staging staging, List<Port> ports) {
        Tensor tensor = Tensor.allocate(arena, v.type().dataType(), v.shape());
        portBytes += tensor.segment().byteSize();
        ports.add(new Port(tensor, memory.place(v), team, staging));
        return tensor;
    }

    private void statistic(Value v, MemorySegment to, Port.Staging staging) {
        results.add(new Port(Tensor.view(to, v.type().dataType(), v.shape()), memory.place(v), team, staging));
    }

    /** Sees to it that a gradient gets to where the block is filled from; zeros for a parameter that has none in this graph. */
    private void gradient(int index) {
        Place to = parameters.gradient(index);
        Value gradient = graph.gradients().get(parameters.value(index));
        Place from = gradient == null ? new Place(to.layout) : memory.place(gradient);
        if (gradient == null) from.bind(new float[to.size()], 0);
        if (from != to) gradients.add(new Reorder(team, from, to));
    }

    private void requireOpen() {
        if (closed) throw new IllegalStateException("the plan is closed; compile the graph again");
        if (shared.isPresent() && shared.get().closed) {
            throw new IllegalStateException(
                    "the plan whose parameters this plan shares is closed; close this plan first");
        }
    }

    /** Nothing: every run takes parameters and buffers as they are. */
    @Override
    public synchronized void prepare() {
        requireOpen();
    }

    @Override
    public synchronized void run(long step) {
        requireOpen();
        if (!ownLayouts) read();
        parameters.load();
        for (Lowering.Run r : runs) r.run(step);
        for (int i = 0; i < gradients.size(); i++) gradients.get(i).run();
        parameters.store();
        if (!ownLayouts) write();
    }

    @Override
    public synchronized void load() {
        requireOpen();
        if (ownLayouts) read();
    }

    @Override
    public synchronized void fetch() {
        requireOpen();
        if (ownLayouts) write();
    }

    private void read() {
        for (int i = 0; i < given.size(); i++) given.get(i).read();
    }

    private void write() {
        for (int i = 0; i < results.size(); i++) results.get(i).write();
    }

    /** How long each step takes, in nanoseconds, in one run; as many numbers as there are {@link #stepNames}. */
    @Override
    public synchronized long[] profile(long step) {
        requireOpen();
        if (!ownLayouts) read();
        parameters.load();
        long[] nanos = new long[runs.length];
        for (int i = 0; i < runs.length; i++) {
            long start = System.nanoTime();
            runs[i].run(step);
            nanos[i] = System.nanoTime() - start;
        }
        return nanos;
    }

    /** The name of each step: layer and kernel. */
    public List<String> stepNames() {
        return steps.stream()
                .map(s -> s.path().isEmpty() ? s.kernel() : s.path() + " " + s.kernel())
                .toList();
    }

    /** Where a value of {@link #graph} lies. */
    Place place(Value v) {
        return memory.place(v);
    }

    @Override
    public synchronized Graph graph() {
        requireOpen();
        return graph;
    }

    @Override
    public synchronized Tensor input(String name) {
        return find("input", inputs, name);
    }

    @Override
    public synchronized Tensor output(String name) {
        return find("output", outputs, name);
    }

    @Override
    public synchronized Tensor buffer(String name) {
        return find("buffer", buffers, name);
    }

    private Tensor find(String what, Map<String, Tensor> tensors, String name) {
        requireOpen();
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException(
                    "no " + what + " is called '" + name + "'; there are " + tensors.keySet());
        }
        return tensor;
    }

    @Override
    public synchronized MemorySegment weights() {
        requireOpen();
        return parameters.weightBlock;
    }

    @Override
    public synchronized MemorySegment gradients() {
        requireOpen();
        return parameters.gradientBlock;
    }

    @Override
    public synchronized void pack(int index, MemorySegment rowMajor, MemorySegment block) {
        requireOpen();
        parameters.pack(index, rowMajor, block);
    }

    @Override
    public synchronized void unpack(int index, MemorySegment block, MemorySegment rowMajor) {
        requireOpen();
        parameters.unpack(index, block, rowMajor);
    }

    @Override
    public synchronized long offset(int index) {
        requireOpen();
        return parameters.offset(index);
    }

    @Override
    public synchronized long extent(int index) {
        requireOpen();
        return parameters.extent(index);
    }

    @Override
    public synchronized MemorySegment statistics() {
        requireOpen();
        return statistics;
    }

    @Override
    public synchronized long memory() {
        requireOpen();
        return parameters.bytes() + memory.bytes() + workspace.bytes() + portBytes;
    }

    @Override
    public synchronized String print() {
        requireOpen();
        StringBuilder text = new StringBuilder(String.format(
                Locale.ROOT,
                "vector backend: %d threads, vectors of %d floats; %d steps, values %,d bytes, parameters %,d bytes\n",
                team.members(),
                Lanes.COUNT,
                steps.size(),
                memory.bytes(),
                parameters.bytes()));
        List<String> names = stepNames();
        for (int i = 0; i < names.size(); i++) text.append(String.format("%4d  %s\n", i, names.get(i)));
        return text.toString();
    }

    /** Frees the memory and ends the threads. Waits for a run in another thread to end. */
    @Override
    public synchronized void close() {
        if (closed) return;
        closed = true;
        team.close();
        arena.close();
    }
}
