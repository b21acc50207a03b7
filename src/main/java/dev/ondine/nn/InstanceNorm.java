package dev.ondine.nn;

import dev.ondine.graph.ModelException;
import dev.ondine.graph.Value;

/**
 * Instance normalization (Ulyanov et al. 2016), made by {@link Layers#instanceNorm1d}, {@link Layers#instanceNorm2d} and
 * {@link Layers#instanceNorm3d}: y = γ·(x − μ)/√(σ² + ε) + β, μ and σ² (the biased variance) over all of space of one channel of one
 * sample. It is {@link GroupNorm} with as many groups as channels. The same in training and evaluation, as PyTorch's without running
 * statistics, which is its default.
 *
 * <p>Input and output (N, {@code features}, space…). Parameters: {@code weight} (γ, ones) and {@code bias} (β, zeros), if there are any.
 *
 * @param spatial how many spatial axes
 * @param epsilon default 1e-5
 * @param affine whether γ and β are learned; default false, as in PyTorch
 */
public record InstanceNorm(int spatial, int features, float epsilon, boolean affine) implements Layer {

    public InstanceNorm {
        if (features < 1) throw new IllegalArgumentException("features must be at least 1, not " + features);
        Checks.epsilon(epsilon);
    }

    InstanceNorm(int spatial, int features) {
        this(spatial, features, 1e-5f, false);
    }

    public InstanceNorm epsilon(double epsilon) {
        return new InstanceNorm(spatial, features, (float) epsilon, affine);
    }

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
        return new GroupNorm(features, features, epsilon, affine, affine).build(context, x);
    }
}
