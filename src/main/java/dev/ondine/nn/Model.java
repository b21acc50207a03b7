package dev.ondine.nn;

import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Passes;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
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
        // Two samples, so that batch normalization has something to average over whatever the shape.
        GraphBuilder builder = new GraphBuilder();
        Context context = new Context(builder, Mode.TRAINING);
        build(context, builder, 2);
        this.parameters = new Parameters(context.specs(), seed);
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

    public Layer network() {
        return network;
    }

    /** The shape of one sample, without the batch. */
    public Shape sampleShape() {
        return sample;
    }

    /** The shape of the output for one sample, without the batch. */
    public Shape outputShape() {
        return graph(Mode.EVALUATION, 1, (_, _) -> {})
                .outputs()
                .get(OUTPUT)
                .shape()
                .tail();
    }

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
        head.accept(builder, build(new Context(builder, mode), builder, batch));
        return Passes.done("built", builder.build());
    }

    private Value build(Context context, GraphBuilder builder, long batch) {
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
