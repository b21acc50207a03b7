package dev.ondine.nn;

import dev.ondine.graph.Value;

/**
 * A part of a network: data that knows which operations it stands for. The layers here are records; one's own layer is another
 * implementation, made of other layers or straight of operations.
 *
 * <p>A layer has no state. Its parameters are declared through {@link Context#parameter} while it is being built into a graph, and live
 * in the {@link Model}.
 */
@FunctionalInterface
public interface Layer {
    /**
     * Adds this layer's operations to the graph that is being built.
     *
     * @param x the layer's input
     * @return the layer's output
     * @throws dev.ondine.graph.ModelException naming this layer's path, if the input does not fit
     */
    Value build(Context context, Value x);
}
