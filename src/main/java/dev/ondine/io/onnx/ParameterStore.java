package dev.ondine.io.onnx;

import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Value;
import dev.ondine.nn.ParameterRole;

/** Takes the tensors of an imported network while its graph is built, under names that are unique. */
interface ParameterStore {
    GraphBuilder graph();

    /** Whether batch normalization takes the statistics of the batch, and running averages follow them. */
    boolean tracksStatistics();

    Value parameter(String name, Constant values, ParameterRole role);

    /** Something that is not learned. */
    Value buffer(String name, Constant values);

    /** The count of batches beside the running statistics of {@code path}. */
    void counter(String path);

    /** Dropped in training, as it is otherwise. */
    Value dropout(Value x, float probability);
}
