package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.Arrays;

/**
 * A branch of a residual block that is left out at random (Huang et al. 2016): in training its result becomes 0 for each sample with the
 * given probability and is divided by 1 − probability for the others (torchvision's {@code StochasticDepth}, mode {@code row}); in
 * evaluation it is what the branch gives. Any shape (N, …). Repeatable: the same seed and step leave out the same samples.
 *
 * <pre>{@code
 * new Residual(new StochasticDepth(branch, 0.1f), Optional.empty(), Optional.empty())
 * }</pre>
 *
 * <p>In bfloat16 the factor 1/(1 − probability) is rounded to bfloat16.
 *
 * @param branch its parameters are named as if it stood here itself
 * @param probability 0 for the first block of a network as a rule, growing with depth
 */
public record StochasticDepth(Layer branch, float probability) implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public StochasticDepth {
        if (!(probability >= 0 && probability <= 1)) {
            throw new IllegalArgumentException(
                    "the probability of stochastic depth must lie in [0, 1], not " + probability);
        }
    }

    @Override
    public Value build(Context context, Value x) {
        Value y = branch.build(context, x);
        long salt = context.nextDropout();
        if (!context.training() || probability == 0) return y;
        Value kept = context.add(new Op.Dropout(probability, salt), ones(context, y.shape(), 1));
        // A number a sample and channel is what backends multiply fast, a number a sample is not.
        if (y.shape().rank() > 2) kept = context.add(new Op.Multiply(), ones(context, y.shape(), 2), kept);
        return context.add(new Op.Multiply(), y, kept);
    }

    /** Ones of a shape's first axes. */
    private static Value ones(Context context, Shape shape, int axes) {
        long[] dims = shape.dims().clone();
        Arrays.fill(dims, axes, dims.length, 1);
        return context.add(new Op.Fill(1, Shape.of(dims)));
    }
}
