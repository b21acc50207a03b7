package dev.ondine.backend;

import java.util.Optional;

/**
 * How a graph is compiled.
 *
 * @param threads on which the native backend runs; at least 1
 * @param seed of the random operations (dropout)
 * @param precision in which activations are computed and kept; float32 unless another is asked for
 * @param sharedParameters another plan of the same parameters, whose weights and gradients, and so their layout, this one uses: for
 *     the same network at another batch size. It must outlive this plan.
 * @param folding whether parameters and buffers are taken as constants, for inference: batch normalization with given statistics is
 *     folded into the weights before it, and what depends on nothing else is computed by {@link Plan#prepare} and not in every run.
 *     Without effect on a graph with gradients and on backends that compute everything in every run. Default false
 * @param ownLayouts whether inputs and outputs keep the layout and data type in which the plan computes from one run to the next, so
 *     that a run converts none of them: {@link Plan#load} and {@link Plan#fetch} do. For operations that are measured alone, as they
 *     run in the middle of a network. Default false
 * @param frozen the values of parameters and buffers, for good: implies {@code folding}. Such a plan keeps no parameters of its own, only
 *     what its runs read, packed once and shared with every other plan compiled with the same. Its parameters and buffers can
 *     be neither read nor written
 */
public record PlanOptions(
        int threads,
        long seed,
        Precision precision,
        Optional<Plan> sharedParameters,
        boolean folding,
        boolean ownLayouts,
        Optional<FrozenWeights> frozen) {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public PlanOptions {
        if (frozen.isPresent() && sharedParameters.isPresent()) {
            throw new IllegalArgumentException(
                    "a plan cannot both share another plan's parameters and have frozen ones");
        }
        if (threads < 1) throw new IllegalArgumentException("threads must be at least 1, not " + threads);
    }

    /** So many threads, and otherwise what is usual. */
    public static PlanOptions threads(int threads) {
        return new PlanOptions(threads, 0, Precision.FLOAT32, Optional.empty(), false, false, Optional.empty());
    }

    /** What random operations draw by. */
    public PlanOptions seed(long seed) {
        return new PlanOptions(threads, seed, precision, sharedParameters, folding, ownLayouts, frozen);
    }

    /** What activations and the operands of kernels are stored in. */
    public PlanOptions precision(Precision precision) {
        return new PlanOptions(threads, seed, precision, sharedParameters, folding, ownLayouts, frozen);
    }

    /** With the parameters of another plan instead of a block of its own. */
    public PlanOptions sharing(Plan plan) {
        return new PlanOptions(threads, seed, precision, Optional.of(plan), folding, ownLayouts, frozen);
    }

    /** Whether batch normalizations are folded into the weights before them. */
    public PlanOptions folding(boolean folding) {
        return new PlanOptions(threads, seed, precision, sharedParameters, folding, ownLayouts, frozen);
    }

    /** Whether inputs and outputs stay in the plan's own layouts from run to run: see {@link Plan#load}. */
    public PlanOptions ownLayouts(boolean ownLayouts) {
        return new PlanOptions(threads, seed, precision, sharedParameters, folding, ownLayouts, frozen);
    }

    /** With weights that were packed once for all plans. */
    public PlanOptions frozen(FrozenWeights weights) {
        return new PlanOptions(threads, seed, precision, sharedParameters, true, ownLayouts, Optional.of(weights));
    }
}
