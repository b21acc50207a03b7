package dev.ondine.io.onnx;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Passes;
import dev.ondine.graph.Value;
import dev.ondine.nn.Context;
import dev.ondine.nn.Initializer;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterRole;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/**
 * A network from an ONNX file (versions of the operators from 6 on). It is a {@link Layer}: {@code Model.of(network,
 * network.sampleShape(), 0)} is a model that begins with the file's weights, and is run, trained, saved and exported as any other. In
 * training its batch normalizations take the statistics of the batch, and move the running ones; dropout drops. Initializers are the
 * parameters, under their names; those of batch normalizations are called {@code weight}, {@code bias}, {@code running_mean} and
 * {@code running_var} behind the name of the layer. Tensors that stand in nodes are not learned.
 *
 * <p>The file is mapped until {@link #close}; close it after the models that were made of it, which build their graphs from it. It is
 * checked when it is opened, except for the shapes, which depend on those of the inputs.
 */
public final class OnnxNetwork implements Layer, AutoCloseable {
    /** What may stand behind a classifier's last layer. */
    private static final Set<String> BEHIND = Set.of("Softmax", "LogSoftmax", "Identity", "Flatten", "Reshape", "Cast");

    private final ModelFile file;
    private final List<NodeView> order;
    private final Arena arena;
    /** The value that is the output, or that a new last layer reads. */
    private final String last;
    /** What the new last layer tells apart; 0 if the file's own is kept. */
    private final int classes;

    private OnnxNetwork(ModelFile file, List<NodeView> order, Arena arena, String last, int classes) {
        this.file = file;
        this.order = order;
        this.arena = arena;
        this.last = last;
        this.classes = classes;
    }

    /**
     * Opens a file.
     *
     * @throws OnnxException if it is damaged, breaks the format, or uses operators that are not supported: all of them are named
     * @throws IOException if it cannot be read
     */
    public static OnnxNetwork open(Path path) throws IOException {
        Arena arena = Arena.ofShared();
        try {
            ModelFile file = ModelFile.read(path, arena);
            return new OnnxNetwork(
                    file,
                    GraphImport.order(file),
                    arena,
                    file.outputs().getFirst().name(),
                    0);
        } catch (IOException | RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /**
     * The network of a checkpoint that {@link #structure} was kept in: its parameters are zeros, to be loaded from there. As a layer
     * only, without a {@link #graph} of its own.
     *
     * @param checkpoint for messages
     * @throws OnnxException if the structure is damaged
     */
    public static OnnxNetwork ofStructure(Path checkpoint, byte[] structure) throws IOException {
        ModelFile file = ModelFile.readStructure(checkpoint, MemorySegment.ofArray(structure));
        return new OnnxNetwork(
                file,
                GraphImport.order(file),
                Arena.ofShared(),
                file.outputs().getFirst().name(),
                0);
    }

    /**
     * The network without the numbers of its parameters, for a checkpoint that has those: an ONNX file with holes.
     *
     * @param sample the shape of one sample
     * @throws ModelException if the network does not take it
     */
    public byte[] structure(Shape sample) {
        Set<String> kept = new HashSet<>();
        while (true) {
            byte[] bytes = NetworkStructure.of(file, kept).toByteArray();
            try (OnnxNetwork network = ofStructure(file.path(), bytes)) {
                Model.specs(network.classes == classes ? network : network.withClasses(classes), sample);
                return bytes;
            } catch (AbsentException e) {
                // Something that is computed with while the graph is built.
                if (!kept.add(e.tensor())) throw e;
            } catch (IOException e) {
                throw new AssertionError("the file was in order when it was opened", e);
            }
        }
    }

    /**
     * This classifier with another last layer, for so many classes: {@code head.weight} and {@code head.bias} begin anew, all else stays.
     * What stands behind the last layer in the file, softmax as a rule, is left out: the output is logits. As a layer only;
     * {@link #graph} is that of the file. It shares the file with this one.
     *
     * @throws OnnxException if the first output does not come from a Gemm or a MatMul by a weight
     */
    public OnnxNetwork withClasses(int classes) throws OnnxException {
        if (classes < 1) throw new IllegalArgumentException("at least one class is told apart, not " + classes);
        Map<String, NodeView> producers = new HashMap<>();
        for (NodeView n : order) for (String output : n.outputs()) producers.put(output, n);
        String value = file.outputs().getFirst().name();
        while (true) {
            NodeView n = producers.get(value);
            boolean weighted = n != null
                    && n.inputs().size() > 1
                    && file.initializers().containsKey(n.inputs().get(1));
            if (weighted && (n.type().equals("Gemm") || n.type().equals("MatMul"))) {
                value = n.inputs().getFirst();
                break;
            }
            boolean passes = n != null
                    && (BEHIND.contains(n.type()) || n.type().equals("Add") && weighted)
                    && !n.inputs().isEmpty();
            if (!passes) {
                throw new OnnxException(file.path() + ": the last layer is not known: the output comes from "
                        + (n == null ? "no node" : n) + ", not from a Gemm or a MatMul by a weight");
            }
            value = n.inputs().getFirst();
        }
        return new OnnxNetwork(file, GraphImport.order(file, List.of(value)), arena, value, classes);
    }

    /** The names of the inputs, without initializers. */
    public List<String> inputs() {
        return file.inputs().stream().map(ModelFile.Port::name).toList();
    }

    /** The names of its outputs, in the order of the file. */
    public List<String> outputs() {
        return file.outputs().stream().map(ModelFile.Port::name).toList();
    }

    /** The extents of an input's axes, -1 where the file leaves one open; null if it says nothing. */
    public long[] dims(String input) {
        for (ModelFile.Port p : file.inputs()) {
            if (p.name().equals(input))
                return p.dims() == null ? null : p.dims().clone();
        }
        throw new IllegalArgumentException(file.path() + " has no input " + Quoted.of(input) + "; it has " + inputs());
    }

    /** Whether an input takes whole numbers, tokens say. As float32 they are exact up to 2²⁴, as bfloat16 up to 2⁸ only. */
    public boolean isWhole(String input) {
        return file.inputs().stream()
                .anyMatch(p -> p.name().equals(input) && p.type().isWhole());
    }

    /** The version of ONNX's operators that the file is written for. */
    public int opset() {
        return file.opset();
    }

    /** Text that is kept in the file. */
    public Map<String, String> metadata() {
        return Map.copyOf(file.metadata());
    }

    /** The number of samples that the file is made for, if it is fixed. */
    public OptionalLong batch() {
        long[] dims = single().dims();
        return dims != null && dims.length > 0 && dims[0] > 0 ? OptionalLong.of(dims[0]) : OptionalLong.empty();
    }

    /**
     * The shape of one sample, without the batch.
     *
     * @throws OnnxException if the file has several inputs, or leaves more than the batch open
     */
    public Shape sampleShape() throws OnnxException {
        ModelFile.Port port = single();
        long[] dims = port.dims();
        boolean fixed = dims != null && dims.length > 0;
        for (int i = 1; fixed && i < dims.length; i++) fixed = dims[i] > 0;
        if (!fixed || file.inputs().size() != 1) {
            throw new OnnxException(file.path() + ": a sample's shape is not known: it has the inputs " + inputs()
                    + (fixed ? "" : ", of shapes that it leaves open") + "; give the shape");
        }
        return Shape.of(Arrays.copyOfRange(dims, 1, dims.length));
    }

    private ModelFile.Port single() {
        if (file.inputs().isEmpty()) throw new ModelException("", file.path() + " has no inputs");
        return file.inputs().getFirst();
    }

    /** The first output for the only input. */
    @Override
    public Value build(Context context, Value x) {
        if (file.inputs().size() != 1) {
            throw new ModelException(context.path(), file.path() + " has the inputs " + inputs() + ", not one");
        }
        GraphImport in = new GraphImport(file, new Layered(context));
        in.input(single(), x);
        in.build(order);
        Value y = in.output(last);
        return classes == 0
                ? y
                : context.child("head", Layers.linear(Math.toIntExact(y.shape().dim(-1)), classes), y);
    }

    /**
     * A graph for evaluation with all inputs and outputs by their names.
     *
     * @param graph what is computed
     * @param tensors the values of its parameters and buffers by name, which live until the network is closed
     */
    public record Built(Graph graph, Map<String, Tensor> tensors) {}

    /**
     * Builds the graph for inputs of these shapes. Inputs of whole numbers are float32, too, exact up to 2²⁴: see {@link #isWhole}.
     *
     * @throws ModelException naming the nodes whose operands or attributes are not supported or do not fit each other
     */
    public Built graph(Map<String, Shape> shapes) {
        GraphBuilder builder = new GraphBuilder();
        Bare store = new Bare(builder);
        GraphImport in = new GraphImport(file, store);
        for (ModelFile.Port port : file.inputs()) {
            Shape shape = shapes.get(port.name());
            if (shape == null) {
                throw new IllegalArgumentException(
                        file.path() + " has an input " + Quoted.of(port.name()) + ", for which nothing is given");
            }
            in.input(port, builder.input(port.name(), DataType.FLOAT32, shape));
        }
        in.build(classes == 0 ? order : allNodes());
        for (ModelFile.Port port : file.outputs()) builder.output(port.name(), in.output(port.name()));
        return new Built(Passes.done("imported", builder.build()), store.tensors);
    }

    private List<NodeView> allNodes() {
        try {
            return GraphImport.order(file);
        } catch (OnnxException e) {
            throw new AssertionError("the file was in order when it was opened", e);
        }
    }

    /** A constant as float32, aligned; it lives as long as the file is open. */
    private Tensor tensor(Constant c) {
        if (!arena.scope().isAlive()) throw new IllegalStateException(file.path() + " was closed; open it again");
        if (c.isAbsent()) throw new AbsentException(c.name());
        boolean asItIs =
                c.type() == ElementType.FLOAT && !c.transposed() && c.raw().isNative();
        if (asItIs && c.raw().address() % Tensor.ALIGNMENT == 0)
            return Tensor.view(c.raw(), DataType.FLOAT32, c.shape());
        Tensor tensor = Tensor.allocate(arena, DataType.FLOAT32, c.shape());
        copy(c, tensor.segment());
        return tensor;
    }

    private static void copy(Constant c, MemorySegment memory) {
        if (c.isAbsent()) {
            memory.fill((byte) 0);
            return;
        }
        if (c.type() == ElementType.FLOAT && !c.transposed()) {
            memory.copyFrom(c.raw());
        } else {
            for (long i = 0; i < c.elements(); i++) memory.setAtIndex(JAVA_FLOAT, i, (float) c.number(i));
        }
    }

    /** Parameters that a model keeps. */
    private static final class Layered implements ParameterStore {
        private final Context context;

        Layered(Context context) {
            this.context = context;
        }

        @Override
        public GraphBuilder graph() {
            return context.graph();
        }

        @Override
        public boolean tracksStatistics() {
            return context.tracksStatistics();
        }

        @Override
        public Value parameter(String name, Constant values, ParameterRole role) {
            return context.parameter(name, values.shape(), given(values), role);
        }

        @Override
        public Value buffer(String name, Constant values) {
            context.declareBuffer(name, DataType.FLOAT32, values.shape(), given(values));
            return context.buffer(name);
        }

        @Override
        public void counter(String path) {
            context.declareBuffer(
                    path + ".num_batches_tracked", DataType.INT64, Shape.of(), new Initializer.Constant(0));
        }

        @Override
        public Value dropout(Value x, float probability) {
            return Layers.dropout(probability).build(context, x);
        }

        private Initializer given(Constant values) {
            return new Initializer.Given(memory -> copy(values, memory));
        }
    }

    /** Parameters of a graph without a model. */
    private final class Bare implements ParameterStore {
        private final GraphBuilder graph;
        private final Map<String, Tensor> tensors = new LinkedHashMap<>();

        Bare(GraphBuilder graph) {
            this.graph = graph;
        }

        @Override
        public GraphBuilder graph() {
            return graph;
        }

        @Override
        public boolean tracksStatistics() {
            return false;
        }

        @Override
        public Value parameter(String name, Constant values, ParameterRole role) {
            tensors.put(name, tensor(values));
            return graph.parameter(name, values.shape());
        }

        @Override
        public Value buffer(String name, Constant values) {
            tensors.put(name, tensor(values));
            return graph.buffer(name, values.shape());
        }

        @Override
        public void counter(String path) {}

        @Override
        public Value dropout(Value x, float probability) {
            return x;
        }
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) arena.close();
    }
}
