package dev.ondine.nn;

import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a {@link Layer} builds itself with: the graph, the mode, its place in the model, and the parameters that it declares. */
public final class Context {
    private final GraphBuilder graph;
    private final Mode mode;
    private final Map<String, ParameterSpec> specs = new LinkedHashMap<>();
    private int dropouts;
    private boolean frozenStatistics;

    Context(GraphBuilder graph, Mode mode) {
        this.graph = graph;
        this.mode = mode;
    }

    /** The graph, to add operations to: {@code context.graph().add(new Op.Activation(…), x)}. */
    public GraphBuilder graph() {
        return graph;
    }

    /** Whether the graph is for training: batch statistics and dropout, and not as in evaluation. */
    public boolean training() {
        return mode == Mode.TRAINING;
    }

    /** Whether batch normalization takes the statistics of the batch and running averages follow them: in training, unless they are frozen. */
    public boolean tracksStatistics() {
        return training() && !frozenStatistics;
    }

    /** Builds a layer in which no running statistics change, whatever the mode: {@link BatchNorm#frozen(Layer)}. */
    Value withFrozenStatistics(Layer layer, Value x) {
        boolean outside = frozenStatistics;
        frozenStatistics = true;
        try {
            return layer.build(this, x);
        } finally {
            frozenStatistics = outside;
        }
    }

    /** The path of the layer that is being built, as its parameters' names begin. */
    public String path() {
        return graph.path();
    }

    /** Builds a child under a name of its own; parameters in it are called {@code <path>.<name>.weight} and so on. */
    public Value child(String name, Layer layer, Value x) {
        graph.enter(name);
        try {
            return layer.build(this, x);
        } catch (ModelException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            throw new ModelException(graph.path(), e.getMessage(), e);
        } finally {
            graph.leave();
        }
    }

    /** Adds an operation that has one result; that result. */
    public Value add(Op op, Value... operands) {
        return graph.add(op, operands);
    }

    /** A learned parameter of this layer, float32: a bias if it is called so, else a weight. */
    public Value parameter(String name, Shape shape, Initializer initializer) {
        return parameter(name, shape, initializer, name.equals("bias") ? ParameterRole.BIAS : ParameterRole.WEIGHT);
    }

    /** A learned parameter of this layer, float32, with a certain role. */
    public Value parameter(String name, Shape shape, Initializer initializer, ParameterRole role) {
        declare(name, DataType.FLOAT32, shape, initializer, true, role);
        return graph.parameter(graph.path(name), shape);
    }

    /** Something that this layer keeps but that is not learned; if it is float32, {@link #buffer} reads it in a graph. */
    public void declareBuffer(String name, DataType type, Shape shape, Initializer initializer) {
        declare(name, type, shape, initializer, false, ParameterRole.WEIGHT);
    }

    /** The value of a declared float32 buffer of this layer. */
    public Value buffer(String name) {
        ParameterSpec spec = specs.get(graph.path(name));
        return graph.buffer(spec.name(), spec.shape());
    }

    static List<Integer> list(int... numbers) {
        return Arrays.stream(numbers).boxed().toList();
    }

    /** A number that tells this dropout layer from the others of the model. */
    long nextDropout() {
        return dropouts++;
    }

    /** Everything that was declared, in order. */
    Collection<ParameterSpec> specs() {
        return specs.values();
    }

    private void declare(
            String name, DataType type, Shape shape, Initializer initializer, boolean learned, ParameterRole role) {
        ParameterSpec spec = new ParameterSpec(graph.path(name), type, shape, initializer, learned, role);
        if (specs.putIfAbsent(spec.name(), spec) != null) {
            throw new ModelException(
                    graph.path(),
                    "'" + spec.name()
                            + "' is declared by two layers, which would share it: give one of them a name of its own");
        }
    }
}
