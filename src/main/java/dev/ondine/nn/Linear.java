package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.Optional;

/**
 * y = x·Wᵀ + b. Input (N, {@code in}), output (N, {@code out}); or with more axes between, (N, …, {@code in}) to
 * (N, …, {@code out}). Parameters: {@code weight} (out, in) and {@code bias} (out), both uniform in ±1/√in at first.
 *
 * @param bias default true
 * @param start how the weights begin, if not so
 * @param biasStart how the bias begins, if not so
 */
public record Linear(int in, int out, boolean bias, Optional<Initializer> start, Optional<Initializer> biasStart)
        implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public Linear {
        if (in < 1 || out < 1) {
            throw new IllegalArgumentException("a linear layer has at least one feature, not " + in + " to " + out);
        }
    }

    /** A layer from {@code in} features to {@code out}, with the usual start. */
    public Linear(int in, int out, boolean bias) {
        this(in, out, bias, Optional.empty(), Optional.empty());
    }

    /** With or without a bias. */
    public Linear bias(boolean bias) {
        return new Linear(in, out, bias, start, biasStart);
    }

    /** The weights begin with this. */
    public Linear start(Initializer start) {
        return new Linear(in, out, bias, Optional.of(start), biasStart);
    }

    /** The bias begins with this. */
    public Linear biasStart(Initializer biasStart) {
        return new Linear(in, out, bias, start, Optional.of(biasStart));
    }

    @Override
    public Value build(Context context, Value x) {
        Initializer fanIn = Initializer.fanIn(in);
        Value weight = context.parameter("weight", Shape.of(out, in), start.orElse(fanIn));
        Shape s = x.shape();
        Value rows =
                s.rank() > 2 && s.dim(-1) == in ? context.add(new Op.Reshape(Shape.of(s.elements() / in, in)), x) : x;
        Value y = bias
                ? context.add(
                        new Op.Linear(true),
                        rows,
                        weight,
                        context.parameter("bias", Shape.of(out), biasStart.orElse(fanIn)))
                : context.add(new Op.Linear(false), rows, weight);
        return rows.equals(x) ? y : context.add(new Op.Reshape(s.with(-1, out)), y);
    }
}
