package dev.ondine.nn;

import dev.ondine.graph.ModelException;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;

/**
 * Instance normalization (Ulyanov et al. 2016), made by {@link Layers#instanceNorm1d}, {@link Layers#instanceNorm2d} and
 * {@link Layers#instanceNorm3d}: y = γ·(x − μ)/√(σ² + ε) + β, μ and σ² (the biased variance) over all of space of one channel of one
 * sample. The same in training and evaluation, as PyTorch's without running statistics, which is its default.
 *
 * <p>Input and output (N, {@code features}, space…). Parameters: {@code weight} (γ, ones) and {@code bias} (β, zeros), if there are any.
 *
 * <p>It is batch normalization of a batch of one that has every sample's channels for its own, which is the same memory in the layouts
 * that networks flow in; then a scale and a shift for each channel.
 *
 * @param spatial how many spatial axes
 * @param epsilon default 1e-5
 * @param affine whether γ and β are learned; default false, as in PyTorch
 */
public record InstanceNorm(int spatial, int features, float epsilon, boolean affine) implements Layer {

    /** Checks its components; an exception says which is wrong, and what it may be. */
    public InstanceNorm {
        if (features < 1) throw new IllegalArgumentException("features must be at least 1, not " + features);
        Checks.epsilon(epsilon);
    }

    InstanceNorm(int spatial, int features) {
        this(spatial, features, 1e-5f, false);
    }

    /** Another number that is added to the variance, so that its root can be divided by. */
    public InstanceNorm epsilon(double epsilon) {
        return new InstanceNorm(spatial, features, (float) epsilon, affine);
    }

    /** With γ and β for each channel, or without. */
    public InstanceNorm affine(boolean affine) {
        return new InstanceNorm(spatial, features, epsilon, affine);
    }

    @Override
    public Value build(Context context, Value x) {
        if (x.shape().rank() != spatial + 2 || x.shape().dim(1) != features) {
            throw new ModelException(
                    context.path(),
                    "instance normalization of " + features + " features over " + spatial
                            + " spatial axes does not take an input of shape " + x.shape());
        }
        if (x.shape().elements(2, spatial + 2) == 1) {
            throw new ModelException(
                    context.path(),
                    "instance normalization takes more than one value a channel, but of the input " + x.shape()
                            + " each value would be normalized by itself, to nothing but the shift");
        }
        long all = x.shape().dim(0) * features;
        Value merged = context.add(new Op.Reshape(x.shape().with(0, 1).with(1, all)), x);
        Value normalized = context.add(new Op.BatchNormalization(epsilon, true, false, false, false), merged);
        Value y = context.add(new Op.Reshape(x.shape()), normalized);
        if (!affine) return y;
        Shape channels = Shape.of(features);
        return ChannelAffine.of(
                context,
                y,
                context.parameter("weight", channels, new Initializer.Constant(1), ParameterRole.SCALE),
                context.parameter("bias", channels, new Initializer.Constant(0), ParameterRole.SHIFT));
    }
}
