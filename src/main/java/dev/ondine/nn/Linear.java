package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;

/**
 * y = x·Wᵀ + b. Input (N, {@code in}), output (N, {@code out}). Parameters: {@code weight} (out, in) and {@code bias} (out), both
 * uniform in ±1/√in at first.
 *
 * @param bias default true
 */
public record Linear(int in, int out, boolean bias) implements Layer {
    public Linear {
        if (in < 1 || out < 1) {
            throw new IllegalArgumentException("a linear layer has at least one feature, not " + in + " to " + out);
        }
    }

    public Linear bias(boolean bias) {
        return new Linear(in, out, bias);
    }

    @Override
    public Value build(Context context, Value x) {
        Initializer fanIn = Initializer.fanIn(in);
        Value weight = context.parameter("weight", Shape.of(out, in), fanIn);
        return bias
                ? context.add(new Op.Linear(true), x, weight, context.parameter("bias", Shape.of(out), fanIn))
                : context.add(new Op.Linear(false), x, weight);
    }
}
