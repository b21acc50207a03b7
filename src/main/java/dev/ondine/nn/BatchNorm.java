package dev.ondine.nn;

import dev.ondine.graph.Graph;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Op;
import dev.ondine.graph.Renormalization;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Batch normalization (Ioffe and Szegedy 2015), made by {@link Layers#batchNorm1d}, {@link Layers#batchNorm2d} and
 * {@link Layers#batchNorm3d}: y = γ·(x − μ)/√(σ² + ε) + β for each channel.
 *
 * <p>In training μ and σ² are the mean and the biased variance over batch and space; the running statistics then move towards them:
 * {@code running = (1 − momentum)·running + momentum·batch}, the running variance taking the unbiased variance, as in PyTorch. In
 * evaluation μ and σ² are the running statistics.
 *
 * <p>The batch is what is computed at once: where gradients are accumulated over micro batches, each is normalized by itself and moves
 * the running statistics once, as in PyTorch. Of weights that were averaged or changed by hand, {@code UpdateBatchNorm} estimates them
 * anew.
 *
 * <p>Input and output (N, {@code features}, space…); {@code spatial} is 0 for {@code batchNorm1d}, which takes (N, C) and (N, C, L).
 * Parameters: {@code weight} (γ, ones) and {@code bias} (β, zeros); buffers {@code running_mean} (zeros), {@code running_var} (ones)
 * and {@code num_batches_tracked}, unless statistics are not tracked.
 *
 * @param epsilon default 1e-5
 * @param momentum weight of the new value in the running average, default 0.1; NaN for the cumulative average
 * @param scale whether γ is learned; default true
 * @param shift whether β is learned; default true
 * @param initialScale what γ begins with; default 1
 * @param statistics where μ and σ² come from; default {@link Statistics#TRACKED}
 * @param ghost samples in a virtual batch, see {@link #ghost(int)}; default 0, for none
 * @param renormalization see {@link #renormalization(Renormalization)}; default nothing
 */
public record BatchNorm(
        int spatial,
        int features,
        float epsilon,
        float momentum,
        boolean scale,
        boolean shift,
        float initialScale,
        Statistics statistics,
        int ghost,
        Optional<Renormalization> renormalization)
        implements Layer {

    /** What is kept beside the parameters, by its names in PyTorch. */
    private static final String RUNNING_MEAN = "running_mean";

    private static final String RUNNING_VARIANCE = "running_var";
    private static final String BATCHES = "num_batches_tracked";

    /** Where mean and variance come from. */
    public enum Statistics {
        /** Those of the batch in training, which running averages follow; the running averages in evaluation. */
        TRACKED,
        /** Those of the batch, in evaluation too; nothing is kept. {@code track_running_stats=False} in PyTorch. */
        OF_BATCH,
        /**
         * The running averages, in training too; they never change, and are constants to the gradient. What {@code eval()} does to a
         * module of PyTorch whose γ and β go on learning.
         */
        FROZEN
    }

    /** Checks its components; an exception says which is wrong, and what it may be. */
    public BatchNorm {
        if (features < 1) throw new IllegalArgumentException("features must be at least 1, not " + features);
        Checks.epsilon(epsilon);
        if (momentum < 0 || momentum > 1) {
            throw new IllegalArgumentException("momentum must lie in [0, 1], not " + momentum);
        }
        if (!Float.isFinite(initialScale)) {
            throw new IllegalArgumentException("γ must begin with a finite number, not " + initialScale);
        }
        if (ghost < 0) throw new IllegalArgumentException("a virtual batch has at least one sample, not " + ghost);
        if (statistics != Statistics.TRACKED && (ghost > 0 || renormalization.isPresent())) {
            throw new IllegalArgumentException(
                    "virtual batches and renormalization are for batch statistics that running averages follow, not"
                            + " for "
                            + statistics);
        }
        if (ghost > 0 && renormalization.isPresent()) {
            throw new IllegalArgumentException(
                    "virtual batches make statistics noisier, renormalization corrects them: choose one of the two");
        }
        if (!scale && initialScale != 1) {
            throw new IllegalArgumentException("γ is not learned and stays 1: it cannot begin with " + initialScale);
        }
    }

    BatchNorm(int spatial, int features) {
        this(spatial, features, 1e-5f, 0.1f, true, true, 1, Statistics.TRACKED, 0, Optional.empty());
    }

    private BatchNorm with(float newEpsilon, float newMomentum) {
        return new BatchNorm(
                spatial,
                features,
                newEpsilon,
                newMomentum,
                scale,
                shift,
                initialScale,
                statistics,
                ghost,
                renormalization);
    }

    private BatchNorm with(boolean newScale, boolean newShift, float newInitialScale) {
        return new BatchNorm(
                spatial,
                features,
                epsilon,
                momentum,
                newScale,
                newShift,
                newInitialScale,
                statistics,
                ghost,
                renormalization);
    }

    private BatchNorm with(Statistics newStatistics, int newGhost, Optional<Renormalization> newRenormalization) {
        return new BatchNorm(
                spatial,
                features,
                epsilon,
                momentum,
                scale,
                shift,
                initialScale,
                newStatistics,
                newGhost,
                newRenormalization);
    }

    /** Another number that is added to the variance, so that its root can be divided by. */
    public BatchNorm epsilon(double epsilon) {
        return with((float) epsilon, momentum);
    }

    /** The weight of the new value, PyTorch's way: 0.1 is {@code decay(0.9)}. */
    public BatchNorm momentum(double momentum) {
        if (Double.isNaN(momentum)) {
            throw new IllegalArgumentException("momentum must lie in [0, 1]; for a plain average take cumulative()");
        }
        return with(epsilon, (float) momentum);
    }

    /** The weight of the old value, Keras' and ONNX' way: 0.9 is {@code momentum(0.1)}. */
    public BatchNorm decay(double decay) {
        return momentum(1 - decay);
    }

    /** The running statistics are the plain averages over all batches so far ({@code momentum=None} in PyTorch). */
    public BatchNorm cumulative() {
        return with(epsilon, Float.NaN);
    }

    /** Whether γ and β are learned; without, they are 1 and 0. */
    public BatchNorm affine(boolean affine) {
        return scale(affine).shift(affine);
    }

    /** Whether γ is learned; without, it is 1. */
    public BatchNorm scale(boolean scale) {
        return with(scale, shift, scale ? initialScale : 1);
    }

    /** Whether β is learned; without, it is 0. */
    public BatchNorm shift(boolean shift) {
        return with(scale, shift, initialScale);
    }

    /**
     * What γ begins with. Zero in the last batch norm of a residual block's body makes the block begin as the identity (Goyal et al.
     * 2017); {@link Residual#withZeroLast} does that to a whole network.
     */
    public BatchNorm initialScale(double scale) {
        return with(this.scale, shift, (float) scale);
    }

    /** Where mean and variance come from. */
    public BatchNorm statistics(Statistics statistics) {
        return with(statistics, ghost, renormalization);
    }

    /** {@link Statistics#TRACKED}, or {@link Statistics#OF_BATCH}: PyTorch's {@code track_running_stats}. */
    public BatchNorm trackRunningStats(boolean track) {
        return statistics(track ? Statistics.TRACKED : Statistics.OF_BATCH);
    }

    /** {@link Statistics#FROZEN}. */
    public BatchNorm frozen() {
        return statistics(Statistics.FROZEN);
    }

    /**
     * A network in which every batch norm with running statistics is {@link Statistics#FROZEN}, wherever it stands: how a network that
     * was trained on many images goes on learning from few, whose own statistics would be poor ones. Parameters have the same names as
     * without, γ and β go on learning, and dropout still drops.
     */
    public static Layer frozen(Layer network) {
        return (context, x) -> context.withFrozenStatistics(network, x);
    }

    /**
     * Ghost batch norm (Hoffer et al. 2017): in training the batch is divided into virtual batches of so many neighbouring samples, each
     * normalized by itself, which keeps the noise of small batches in large ones. The running statistics move with each virtual batch in
     * turn, and {@code num_batches_tracked} counts each, as if a module of PyTorch had seen them one after another. A batch that is not
     * larger than a virtual one is normalized as it is; another must be a multiple. 0 for none.
     */
    public BatchNorm ghost(int samples) {
        return with(statistics, samples, renormalization);
    }

    /**
     * Batch renormalization (Ioffe 2017): in training each batch is corrected towards the running statistics, within limits,
     * γ·((x − μ)/σ·r + d) + β, so that training and evaluation agree though batches are small or their samples alike. r and d are
     * constants to the gradient. The limits may rise with the steps. σ is √(variance + ε), the running one that of {@code running_var}:
     * what is kept and what evaluation does is as without.
     */
    public BatchNorm renormalization(Renormalization limits) {
        return with(statistics, ghost, Optional.of(limits));
    }

    @Override
    public Value build(Context context, Value x) {
        requireFits(context, x);
        Shape channels = Shape.of(features);
        Value gamma = scale
                ? context.parameter("weight", channels, new Initializer.Constant(initialScale), ParameterRole.SCALE)
                : null;
        Value beta =
                shift ? context.parameter("bias", channels, new Initializer.Constant(0), ParameterRole.SHIFT) : null;
        if (statistics != Statistics.OF_BATCH) {
            context.declareBuffer(RUNNING_MEAN, DataType.FLOAT32, channels, new Initializer.Constant(0));
            context.declareBuffer(RUNNING_VARIANCE, DataType.FLOAT32, channels, new Initializer.Constant(1));
            context.declareBuffer(BATCHES, DataType.INT64, Shape.of(), new Initializer.Constant(0));
        }
        boolean ofBatch = switch (statistics) {
            case TRACKED -> context.tracksStatistics();
            case OF_BATCH -> true;
            case FROZEN -> false;
        };
        if (!ofBatch) return givenStatistics(context, x, gamma, beta);
        if (renormalization.isPresent()) return renormalized(context, x, gamma, beta, renormalization.get());
        long batch = x.shape().dim(0);
        return ghost > 0 && batch > ghost
                ? virtualBatches(context, x, gamma, beta, batch)
                : batchStatistics(context, x, gamma, beta);
    }

    private Value givenStatistics(Context context, Value x, Value gamma, Value beta) {
        List<Value> operands = operands(gamma, beta, x, context.buffer(RUNNING_MEAN), context.buffer(RUNNING_VARIANCE));
        return context.graph()
                .addAll(new Op.BatchNormalization(epsilon, false, scale, shift, false), operands)
                .getFirst();
    }

    private Value batchStatistics(Context context, Value x, Value gamma, Value beta) {
        List<Value> results = context.graph()
                .addAll(new Op.BatchNormalization(epsilon, true, scale, shift, false), operands(gamma, beta, x));
        track(context, x.shape().elements() / features, results.get(1), results.get(2));
        return results.getFirst();
    }

    private Value virtualBatches(Context context, Value x, Value gamma, Value beta, long batch) {
        if (batch % ghost != 0) {
            throw new ModelException(
                    context.path(),
                    "a batch of " + batch + " cannot be divided into virtual batches of " + ghost
                            + ": choose a multiple of " + ghost);
        }
        int ghosts = Math.toIntExact(batch / ghost);
        List<Value> results = context.graph()
                .addAll(new Op.GhostBatchNormalization(ghosts, epsilon, scale, shift), operands(gamma, beta, x));
        for (int g = 0; g < ghosts; g++) {
            track(context, x.shape().elements() / features / ghosts, results.get(1 + 2 * g), results.get(2 + 2 * g));
        }
        return results.getFirst();
    }

    /** γ·(x̂·r + d) + β = (γ·r)·x̂ + (γ·d + β): another scale and shift of what is normalized plainly. */
    private Value renormalized(Context context, Value x, Value gamma, Value beta, Renormalization limits) {
        List<Value> plain =
                context.graph().addAll(new Op.BatchNormalization(epsilon, true, false, false, false), List.of(x));
        track(context, x.shape().elements() / features, plain.get(1), plain.get(2));
        List<Value> factors = context.graph()
                .addAll(
                        new Op.RenormalizationFactors(epsilon, limits),
                        List.of(
                                plain.get(1),
                                plain.get(2),
                                context.buffer(RUNNING_MEAN),
                                context.buffer(RUNNING_VARIANCE)));
        Value factor = factors.get(0);
        Value offset = factors.get(1);
        if (gamma != null) {
            factor = context.add(new Op.Multiply(), gamma, factor);
            offset = context.add(new Op.Multiply(), gamma, offset);
        }
        if (beta != null) offset = context.add(new Op.Add(false), offset, beta);
        return ChannelAffine.of(context, plain.getFirst(), factor, offset);
    }

    private static List<Value> operands(Value gamma, Value beta, Value... first) {
        List<Value> operands = new ArrayList<>(List.of(first));
        if (gamma != null) operands.add(gamma);
        if (beta != null) operands.add(beta);
        return operands;
    }

    private void requireFits(Context context, Value x) {
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
    }

    /** @param count values that each channel was averaged over; nothing is kept if statistics are not tracked */
    private void track(Context context, long count, Value mean, Value variance) {
        if (statistics != Statistics.TRACKED) return;
        context.graph().statistic(new Graph.Statistic(context.path(), mean, variance, count, momentum));
    }
}
