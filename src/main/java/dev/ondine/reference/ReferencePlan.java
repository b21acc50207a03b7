package dev.ondine.reference;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.StatisticsLayout;
import dev.ondine.graph.Graph;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A {@link ReferenceInterpreter} behind the memory that a {@link Plan} shows: a run converts inputs, parameters and
 * buffers to double, computes, and converts outputs, gradients and statistics back. Nothing is fused.
 *
 * <p>Parameters lie in their blocks in row-major order, each start on a multiple of 16 elements. Synchronized: a plan
 * that is closed by another thread ends its run first.
 */
public final class ReferencePlan implements Plan {
    private final Graph graph;
    private final ReferenceInterpreter interpreter;
    private final Arena arena = Arena.ofShared();
    private final Map<String, Tensor> inputs = new LinkedHashMap<>();
    private final Map<String, Tensor> outputs = new LinkedHashMap<>();
    private final Map<String, Tensor> buffers = new LinkedHashMap<>();
    private final ParameterBlock block;
    private final ReferencePlan shared;
    private final MemorySegment weights;
    private final MemorySegment gradients;
    private final Vector[] parameterVectors;
    private final Vector[] gradientVectors;
    private final MemorySegment statistics;
    private final Vector[] means;
    private final Vector[] variances;
    private final Port[] given;
    private final Port[] results;
    private long nativeBytes;
    private volatile boolean closed;

    /** A tensor that the caller sees and the array that is computed with. */
    private record Port(Tensor tensor, double[] array) {}

    /** Floats in one of the plan's segments, from {@code offset} on, and the array that is computed with. */
    private record Vector(MemorySegment segment, long offset, double[] array) {}

    ReferencePlan(Graph graph, PlanOptions options) {
        this.graph = graph;
        block = new ParameterBlock(graph.parameters());
        shared = shared(options);
        interpreter = new ReferenceInterpreter(graph, options.seed());
        try {
            for (Value v : graph.inputs()) inputs.put(v.name(), allocate(v, v.name()));
            for (Value v : graph.buffers()) buffers.put(v.name(), allocate(v, v.name()));
            graph.outputs().forEach((name, v) -> outputs.put(name, allocate(v, name)));
            weights = shared != null ? shared.weights() : allocate(block.total());
            gradients = gradientBlock();
            given = Stream.of(graph.inputs(), graph.buffers())
                    .flatMap(List::stream)
                    .map(v -> new Port(
                            v.role() == Value.Role.INPUT ? inputs.get(v.name()) : buffers.get(v.name()),
                            interpreter.array(v)))
                    .toArray(Port[]::new);
            results = graph.outputs().entrySet().stream()
                    .map(e -> new Port(outputs.get(e.getKey()), interpreter.array(e.getValue())))
                    .toArray(Port[]::new);
            parameterVectors = IntStream.range(0, block.count())
                    .mapToObj(i -> new Vector(weights, block.offset(i), interpreter.array(block.parameter(i))))
                    .toArray(Vector[]::new);
            gradientVectors = gradients.byteSize() == 0
                    ? new Vector[0]
                    : IntStream.range(0, block.count()).mapToObj(this::gradient).toArray(Vector[]::new);
            StatisticsLayout layout = StatisticsLayout.of(graph);
            statistics = allocate(layout.floats());
            means = IntStream.range(0, layout.count())
                    .mapToObj(i ->
                            statistic(layout.mean(i), graph.statistics().get(i).mean()))
                    .toArray(Vector[]::new);
            variances = IntStream.range(0, layout.count())
                    .mapToObj(i -> statistic(
                            layout.variance(i), graph.statistics().get(i).variance()))
                    .toArray(Vector[]::new);
        } catch (Throwable e) {
            arena.close();
            throw e;
        }
    }

    private ReferencePlan shared(PlanOptions options) {
        if (options.sharedParameters().isEmpty()) return null;
        if (!(options.sharedParameters().get() instanceof ReferencePlan other)) {
            throw new IllegalArgumentException(
                    "the reference backend shares parameters only with plans of its own, not with a "
                            + options.sharedParameters().get().getClass().getName());
        }
        other.requireOpen();
        block.requireSame(other.block);
        return other;
    }

    /**
     * The other plan's gradients, or own ones if it has none (it only evaluates, say), or none if this graph has none.
     */
    private MemorySegment gradientBlock() {
        if (graph.gradients().keySet().stream().noneMatch(v -> v.role() == Value.Role.PARAMETER)) {
            return MemorySegment.NULL;
        }
        return shared != null && shared.gradients().byteSize() > 0 ? shared.gradients() : allocate(block.total());
    }

    /** A parameter without a gradient in this graph gets zeros, whatever a plan that shares the block left there. */
    private Vector gradient(int index) {
        Value parameter = block.parameter(index);
        Value gradient = graph.gradients().get(parameter);
        double[] array = gradient != null
                ? interpreter.array(gradient)
                : new double[(int) parameter.shape().elements()];
        return new Vector(gradients, block.offset(index), array);
    }

    private Vector statistic(long start, Value v) {
        return new Vector(statistics, start, interpreter.array(v));
    }

    private Tensor allocate(Value v, String name) {
        DataType type = v.type().dataType();
        if (type != DataType.FLOAT32 && type != DataType.INT32) {
            throw new ModelException(
                    name,
                    "the reference backend takes and gives f32 and s32, not " + type.shortName() + ": convert it");
        }
        nativeBytes += v.shape().elements() * type.bytes();
        return Tensor.allocate(arena, type, v.shape());
    }

    private MemorySegment allocate(long floats) {
        nativeBytes += floats * Float.BYTES;
        return arena.allocate(floats * Float.BYTES, Tensor.ALIGNMENT);
    }

    private void requireOpen() {
        if (closed) throw new IllegalStateException("the plan is closed; compile the graph again");
        if (shared != null && shared.closed) {
            throw new IllegalStateException(
                    "the plan whose parameters this plan shares is closed; close this plan first");
        }
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
        return weights;
    }

    @Override
    public synchronized MemorySegment gradients() {
        requireOpen();
        return gradients;
    }

    @Override
    public synchronized void pack(int index, MemorySegment rowMajor, MemorySegment into) {
        copy(index, rowMajor, 0, into, block.offset(index));
    }

    @Override
    public synchronized void unpack(int index, MemorySegment from, MemorySegment rowMajor) {
        copy(index, from, block.offset(index), rowMajor, 0);
    }

    private void copy(int index, MemorySegment from, long fromOffset, MemorySegment to, long toOffset) {
        requireOpen();
        long elements = block.parameter(index).shape().elements();
        MemorySegment.copy(from, fromOffset * Float.BYTES, to, toOffset * Float.BYTES, elements * Float.BYTES);
    }

    @Override
    public synchronized long offset(int index) {
        requireOpen();
        return block.offset(index);
    }

    @Override
    public synchronized long extent(int index) {
        requireOpen();
        return block.extent(index);
    }

    @Override
    public synchronized MemorySegment statistics() {
        requireOpen();
        return statistics;
    }

    /** Nothing: every run computes everything. */
    @Override
    public synchronized void prepare() {
        requireOpen();
    }

    @Override
    public synchronized void run(long step) {
        requireOpen();
        for (Port p : given) read(p.tensor, p.array);
        for (Vector v : parameterVectors) read(v.segment, v.offset, v.array);
        interpreter.run(step);
        for (Port p : results) write(p.array, p.tensor);
        for (Vector v : gradientVectors) write(v.array, v.segment, v.offset);
        for (Vector v : means) write(v.array, v.segment, v.offset);
        for (Vector v : variances) write(v.array, v.segment, v.offset);
    }

    private static void read(Tensor tensor, double[] array) {
        if (tensor.dataType() == DataType.INT32) {
            for (int i = 0; i < array.length; i++) array[i] = tensor.getIntAt(i);
        } else {
            read(tensor.segment(), 0, array);
        }
    }

    private static void write(double[] array, Tensor tensor) {
        if (tensor.dataType() == DataType.INT32) {
            for (int i = 0; i < array.length; i++) tensor.setIntAt(i, (int) array[i]);
        } else {
            write(array, tensor.segment(), 0);
        }
    }

    private static void read(MemorySegment segment, long offset, double[] array) {
        for (int i = 0; i < array.length; i++) array[i] = segment.getAtIndex(JAVA_FLOAT, offset + i);
    }

    private static void write(double[] array, MemorySegment segment, long offset) {
        for (int i = 0; i < array.length; i++) segment.setAtIndex(JAVA_FLOAT, offset + i, (float) array[i]);
    }

    @Override
    public synchronized long memory() {
        requireOpen();
        return nativeBytes + heapBytes();
    }

    private long heapBytes() {
        Stream<Value> given =
                Stream.of(graph.inputs(), graph.parameters(), graph.buffers()).flatMap(List::stream);
        Stream<Value> computed = graph.nodes().stream().flatMap(n -> n.outputs().stream());
        return Stream.concat(given, computed)
                .mapToLong(v -> v.shape().elements() * Double.BYTES)
                .sum();
    }

    @Override
    public synchronized String print() {
        requireOpen();
        return "reference backend: scalar Java, double precision, row-major, one thread\n"
                + graph.print()
                + String.format(
                        Locale.ROOT,
                        "parameters %d elements in a block of %d; memory %,d bytes native, %,d bytes heap\n",
                        graph.parameters().stream()
                                .mapToLong(v -> v.shape().elements())
                                .sum(),
                        block.total(),
                        nativeBytes,
                        heapBytes());
    }

    /** Frees the native memory. Waits for a run in another thread to end. */
    @Override
    public synchronized void close() {
        if (closed) return;
        closed = true;
        arena.close();
    }
}
