package dev.ondine.nn;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;

/**
 * What a model keeps under one name.
 *
 * @param name PyTorch's name for it: {@code layer1.0.bn1.running_mean}
 * @param learned whether an optimizer changes it; running statistics and counters are not learned
 * @param role what it does, if it is learned
 */
public record ParameterSpec(
        String name, DataType dataType, Shape shape, Initializer initializer, boolean learned, ParameterRole role) {}
