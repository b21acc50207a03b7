package dev.ondine.train;

import dev.ondine.train.UpdateTarget.Slice;
import java.lang.foreign.MemorySegment;

/** One pass for the norms of weights, one for those of gradients, and SGD's with a weight of its own for each layer's gradient. */
final class LarsUpdate implements Update {
    private final Optimizer.Lars lars;
    private final UpdateTarget target;
    private final UpdateTarget.Parts parts;
    private final boolean[] adapts;
    private final double[] decay;
    private final SliceNorms weights;
    private final SliceNorms gradients;

    LarsUpdate(Optimizer.Lars lars, UpdateTarget target) {
        this.lars = lars;
        this.target = target;
        this.parts = target.each(lars.weightDecay());
        this.weights = new SliceNorms(target.slices());
        this.gradients = new SliceNorms(target.slices());
        int n = target.slices().size();
        this.adapts = new boolean[n];
        this.decay = new double[n];
        for (int i = 0; i < n; i++) {
            Slice slice = target.slices().get(i);
            adapts[i] = slice.isWeight();
            decay[i] = slice.weightDecay().orElse(adapts[i] ? lars.weightDecay() : 0);
        }
    }

    @Override
    public void step(double rate, long step) {
        weights.measure(target.weights(), target.team());
        gradients.measure(target.gradients(), target.team());
        for (int i = 0; i < adapts.length; i++) {
            double w = weights.norm(i);
            double g = gradients.norm(i);
            boolean measurable = adapts[i] && w > 0 && g > 0;
            double trust = measurable ? lars.trust() * w / (g + decay[i] * w) : 1;
            boolean still = lars.momentum() == 0;
            parts.ranges.set(i, rate * parts.rate[i] * (still ? trust : 1), decay[i], trust);
        }
        target.kernels()
                .sgd(
                        target.weights(),
                        target.gradients(),
                        lars.momentum() == 0
                                ? MemorySegment.NULL
                                : target.state().getFirst(),
                        parts.ranges,
                        (float) lars.momentum(),
                        false,
                        false,
                        target.team());
    }
}
