package dev.ondine.nn;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;

/**
 * An elementwise function; any shape.
 *
 * @param alpha slope of {@code LEAKY_RELU} left of 0, scale of {@code ELU}; ignored by the others
 */
public record Activation(ActivationKind kind, float alpha) implements Layer {
    @Override
    public Value build(Context context, Value x) {
        return context.add(new Op.Activation(kind, alpha), x);
    }
}
