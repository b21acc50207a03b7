package dev.ondine.nn;

import dev.ondine.graph.Graph;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * Batch normalization (Ioffe and Szegedy 2015), made by {@link Layers#batchNorm1d}, {@link Layers#batchNorm2d} and
 * {@link Layers#batchNorm3d}: y = γ·(x − μ)/√(σ² + ε) + β for each channel.
 *
 * <p>In training μ and σ² are the mean and the biased variance over batch and space; the running statistics then move towards them:
 * {@code running = (1 − momentum)·running + momentum·batch}, the running variance taking the unbiased variance, as in PyTorch. In
 * evaluation μ and σ² are the running statistics.
 *
 * <p>Input and output (N, {@code features}, space…); {@code spatial} is 0 for {@code batchNorm1d}, which takes (N, C) and (N, C, L).
 * Parameters: {@code weight} (γ, ones) and {@code bias} (β, zeros); buffers {@code running_mean} (zeros), {@code running_var} (ones)
 * and {@code num_batches_tracked}.
 *
 * @param epsilon default 1e-5
 * @param momentum weight of the new value in the running average, default 0.1; NaN for the cumulative average
 * @param scale whether γ is learned; default true
 * @param shift whether β is learned; default true
 */
public record BatchNorm(int spatial, int features, float epsilon, float momentum, boolean scale, boolean shift)
        implements Layer {

    public BatchNorm {
        if (features < 1) throw new IllegalArgumentException("features must be at least 1, not " + features);
        if (!(epsilon > 0)) throw new IllegalArgumentException("epsilon must be positive, not " + epsilon);
        if (momentum < 0 || momentum > 1) {
            throw new IllegalArgumentException("momentum must lie in [0, 1], not " + momentum);
        }
    }

    BatchNorm(int spatial, int features) {
        this(spatial, features, 1e-5f, 0.1f, true, true);
    }

    public BatchNorm epsilon(double epsilon) {
        return new BatchNorm(spatial, features, (float) epsilon, momentum, scale, shift);
    }

    /** The weight of the new value, PyTorch's way: 0.1 is {@code decay(0.9)}. */
    public BatchNorm momentum(double momentum) {
        return new BatchNorm(spatial, features, epsilon, (float) momentum, scale, shift);
    }

    /** The weight of the old value, Keras' and ONNX' way: 0.9 is {@code momentum(0.1)}. */
    public BatchNorm decay(double decay) {
        return momentum(1 - decay);
    }

    /** The running statistics are the plain averages over all batches so far ({@code momentum=None} in PyTorch). */
    public BatchNorm cumulative() {
        return new BatchNorm(spatial, features, epsilon, Float.NaN, scale, shift);
    }

    /** Whether γ and β are learned; without, they are 1 and 0. */
    public BatchNorm affine(boolean affine) {
        return new BatchNorm(spatial, features, epsilon, momentum, affine, affine);
    }

    @Override
    public Value build(Context context, Value x) {
        int rank = x.shape().rank();
        if (spatial == 0 ? rank != 2 && rank != 3 : rank != spatial + 2) {
            throw new ModelException(
                    context.path(),
                    "batch normalization over " + (spatial == 0 ? "(N, C) or (N, C, L)" : spatial + " spatial axes")
                            + " does not take an input of shape " + x.shape());
        }
        if (x.shape().dim(1) != features) {
            throw new ModelException(
                    context.path(),
                    "batch normalization of " + features + " features does not take an input of shape " + x.shape()
                            + " with " + x.shape().dim(1) + " channels");
        }
        Shape channels = Shape.of(features);
        List<Value> affine = new ArrayList<>();
        if (scale) affine.add(context.parameter("weight", channels, new Initializer.Constant(1)));
        if (shift) affine.add(context.parameter("bias", channels, new Initializer.Constant(0)));
        context.declareBuffer("running_mean", DataType.FLOAT32, channels, new Initializer.Constant(0));
        context.declareBuffer("running_var", DataType.FLOAT32, channels, new Initializer.Constant(1));
        context.declareBuffer("num_batches_tracked", DataType.INT64, Shape.of(), new Initializer.Constant(0));

        List<Value> operands = new ArrayList<>(List.of(x));
        if (!context.training()) {
            operands.add(context.buffer("running_mean"));
            operands.add(context.buffer("running_var"));
        }
        operands.addAll(affine);
        Op op = new Op.BatchNormalization(epsilon, context.training(), scale, shift, false);
        List<Value> results = context.graph().addAll(op, operands);
        if (context.training()) {
            long count = x.shape().elements() / features;
            context.graph()
                    .statistic(new Graph.Statistic(context.path(), results.get(1), results.get(2), count, momentum));
        }
        return results.getFirst();
    }
}
