package dev.ondine.nn;

import dev.ondine.graph.ModelException;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Layer normalization (Ba et al. 2016), made by {@link Layers#layerNorm}: y = γ·(x − μ)/√(σ² + ε) + β, μ and σ² (the biased variance) over
 * the last axes of each sample, or of each position of it. The same in training and evaluation.
 *
 * <p>Input and output (…, {@code shape}). Parameters, both of that shape: {@code weight} (γ, ones) and {@code bias} (β, zeros).
 *
 * @param shape the last axes of the input, those that are normalized over
 * @param epsilon default 1e-5
 * @param scale whether γ is learned; default true
 * @param shift whether β is learned; default true
 */
public record LayerNorm(List<Integer> shape, float epsilon, boolean scale, boolean shift) implements Layer {

    /** Checks its components; an exception says which is wrong, and what it may be. */
    public LayerNorm {
        shape = List.copyOf(shape);
        if (shape.isEmpty())
            throw new IllegalArgumentException("layer normalization takes the extent of one axis at least");
        for (int extent : shape) {
            if (extent < 1) throw new IllegalArgumentException("the normalized axes must be at least 1, not " + shape);
        }
        Checks.epsilon(epsilon);
    }

    LayerNorm(int... shape) {
        this(Arrays.stream(shape).boxed().toList(), 1e-5f, true, true);
    }

    /** Another number that is added to the variance, so that its root can be divided by. */
    public LayerNorm epsilon(double epsilon) {
        return new LayerNorm(shape, (float) epsilon, scale, shift);
    }

    /** Whether γ and β are learned ({@code elementwise_affine} in PyTorch); without, they are 1 and 0. */
    public LayerNorm affine(boolean affine) {
        return new LayerNorm(shape, epsilon, affine, affine);
    }

    /** Whether β is learned ({@code bias} in PyTorch). */
    public LayerNorm shift(boolean shift) {
        return new LayerNorm(shape, epsilon, scale, shift);
    }

    @Override
    public Value build(Context context, Value x) {
        Shape normalized = Shape.of(shape.stream().mapToLong(Integer::longValue).toArray());
        long[] dims = x.shape().dims();
        int axes = shape.size();
        // The first axis is the batch: normalizing over it would mix samples.
        if (axes >= dims.length
                || !normalized.equals(Shape.of(Arrays.copyOfRange(dims, dims.length - axes, dims.length)))) {
            throw new ModelException(
                    context.path(),
                    "layer normalization over " + normalized + " does not take an input of shape " + x.shape()
                            + ": its last axes, behind the batch, must be these");
        }
        List<Value> operands = new ArrayList<>(List.of(x));
        if (scale)
            operands.add(context.parameter("weight", normalized, new Initializer.Constant(1), ParameterRole.SCALE));
        if (shift)
            operands.add(context.parameter("bias", normalized, new Initializer.Constant(0), ParameterRole.SHIFT));
        return context.add(new Op.LayerNormalization(axes, epsilon, scale, shift), operands.toArray(Value[]::new));
    }
}
