package dev.ondine.nn;

import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Passes;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * A network with its parameters: the layers, the shape of one sample, and what was learned. Trainers and predictors compile it.
 *
 * <p>Close it when nobody uses it any more: its parameters are off-heap.
 */
public final class Model implements AutoCloseable {
    /** The name of a model's input in its graphs. */
    public static final String INPUT = "input";

    /** The name of a model's output in its graphs. */
    public static final String OUTPUT = "output";

    private final Layer network;
    private final Shape sample;
    private final Parameters parameters;

    private Model(Layer network, Shape sample, long seed) {
        this.network = network;
        this.sample = sample;
        this.parameters = new Parameters(specs(network, sample), seed);
    }

    /**
     * A model with fresh parameters.
     *
     * @param sample the shape of one sample, without the batch: (channels, height, width) for images
     * @param seed of the first values of the parameters
     * @throws ModelException naming the layer by its path, if a layer does not fit its input
     */
    public static Model of(Layer network, Shape sample, long seed) {
        return new Model(network, sample, seed);
    }

    /**
     * What a model of this network would keep, in the order of its layers, without making it.
     *
     * @param sample the shape of one sample, without the batch
     * @throws ModelException naming the layer by its path, if a layer does not fit its input
     */
    public static List<ParameterSpec> specs(Layer network, Shape sample) {
        GraphBuilder builder = new GraphBuilder();
        Context context = new Context(builder, Mode.TRAINING);
        // Two samples, so that batch normalization has something to average over whatever the shape.
        build(network, sample, context, builder, 2);
        return List.copyOf(context.specs());
    }

    /** The forward graph of a network for a batch, as {@link #graph(Mode, long, BiConsumer)} without anything behind the output. */
    public static Graph graph(Layer network, Shape sample, Mode mode, long batch) {
        GraphBuilder builder = new GraphBuilder();
        build(network, sample, new Context(builder, mode), builder, batch);
        return Passes.done("built", builder.build());
    }

    /** The layer that it was made of. */
    public Layer network() {
        return network;
    }

    /** The shape of one sample, without the batch. */
    public Shape sampleShape() {
        return sample;
    }

    /** The shape of the output for one sample, without the batch. */
    public Shape outputShape() {
        return graph(network, sample, Mode.EVALUATION, 1)
                .outputs()
                .get(OUTPUT)
                .shape()
                .tail();
    }

    /** The parameters, buffers and their values. */
    public Parameters parameters() {
        return parameters;
    }

    /**
     * The forward graph for a batch, with the input {@link #INPUT} and the output {@link #OUTPUT}.
     *
     * @param head adds more behind the output, a loss say
     */
    public Graph graph(Mode mode, long batch, BiConsumer<GraphBuilder, Value> head) {
        GraphBuilder builder = new GraphBuilder();
        head.accept(builder, build(network, sample, new Context(builder, mode), builder, batch));
        return Passes.done("built", builder.build());
    }

    private static Value build(Layer network, Shape sample, Context context, GraphBuilder builder, long batch) {
        Value x = builder.input(INPUT, DataType.FLOAT32, sample.prepend(batch));
        Value y;
        try {
            y = network.build(context, x);
        } catch (ModelException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            throw new ModelException("", e.getMessage(), e);
        }
        builder.output(OUTPUT, y);
        return y;
    }

    @Override
    public void close() {
        parameters.close();
    }
}
