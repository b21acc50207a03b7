package dev.ondine.nn;

import dev.ondine.graph.ModelException;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;

/**
 * Group normalization (Wu and He 2018), made by {@link Layers#groupNorm}: y = γ·(x − μ)/√(σ² + ε) + β, μ and σ² (the biased variance) over
 * {@code features/groups} neighbouring channels and all of space of one sample, γ and β for each channel. The same in training and
 * evaluation, and for any batch.
 *
 * <p>Input and output (N, {@code features}, space…). Parameters: {@code weight} (γ, ones) and {@code bias} (β, zeros).
 *
 * <p>A group is a row of row-major memory, so that this is layer normalization without γ and β, seen in another shape, and then a scale
 * and a shift for each channel: both run in oneDNN's kernels forward and backward. Its own primitive has nothing but a reference loop
 * for the gradient.
 *
 * @param groups how many groups the channels are divided into
 * @param epsilon default 1e-5
 * @param scale whether γ is learned; default true
 * @param shift whether β is learned; default true
 */
public record GroupNorm(int groups, int features, float epsilon, boolean scale, boolean shift) implements Layer {

    /** Checks its components; an exception says which is wrong, and what it may be. */
    public GroupNorm {
        if (groups < 1 || features < 1 || features % groups != 0) {
            throw new IllegalArgumentException("groups = " + groups + " must divide the " + features + " channels");
        }
        Checks.epsilon(epsilon);
    }

    GroupNorm(int groups, int features) {
        this(groups, features, 1e-5f, true, true);
    }

    /** Another number that is added to the variance, so that its root can be divided by. */
    public GroupNorm epsilon(double epsilon) {
        return new GroupNorm(groups, features, (float) epsilon, scale, shift);
    }

    /** Whether γ and β are learned; without, they are 1 and 0. */
    public GroupNorm affine(boolean affine) {
        return new GroupNorm(groups, features, epsilon, affine, affine);
    }

    /** Whether γ is learned. */
    public GroupNorm scale(boolean scale) {
        return new GroupNorm(groups, features, epsilon, scale, shift);
    }

    /** Whether β is learned. */
    public GroupNorm shift(boolean shift) {
        return new GroupNorm(groups, features, epsilon, scale, shift);
    }

    @Override
    public Value build(Context context, Value x) {
        if (x.shape().rank() < 2 || x.shape().dim(1) != features) {
            throw new ModelException(
                    context.path(),
                    "group normalization of " + features + " features does not take an input of shape " + x.shape());
        }
        Shape rows = Shape.of(
                x.shape().dim(0) * groups, x.shape().elements(1, x.shape().rank()) / groups);
        Value normalized =
                context.add(new Op.LayerNormalization(1, epsilon, false, false), context.add(new Op.Reshape(rows), x));
        Value y = context.add(new Op.Reshape(x.shape()), normalized);
        Shape channels = Shape.of(features);
        Value gamma =
                scale ? context.parameter("weight", channels, new Initializer.Constant(1), ParameterRole.SCALE) : null;
        Value beta =
                shift ? context.parameter("bias", channels, new Initializer.Constant(0), ParameterRole.SHIFT) : null;
        return ChannelAffine.of(context, y, gamma, beta);
    }
}
