package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;

/**
 * Exponentials that sum to 1 along an axis, or their logarithms. Not before a cross-entropy loss: that takes the logits themselves.
 *
 * @param axis negative ones count from the end
 */
public record Softmax(int axis, boolean logarithm) implements Layer {
    @Override
    public Value build(Context context, Value x) {
        return context.add(new Op.Softmax(axis < 0 ? axis + x.shape().rank() : axis, logarithm), x);
    }
}
