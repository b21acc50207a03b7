package dev.ondine.train;

import dev.ondine.train.UpdateTarget.Slice;
import java.lang.foreign.MemorySegment;

/**
 * LAMB out of the passes that there are. The gradients are not needed any more once the moments have taken them in, so their block holds
 * the direction, whose norms are wanted before anybody can go along it.
 */
final class LambUpdate implements Update {
    private final Optimizer.Lamb lamb;
    private final UpdateTarget target;
    private final Ranges ranges;
    private final double[] rates;
    private final double[] decay;
    private final boolean[] adapts;
    private final SliceNorms weights;
    private final SliceNorms directions;

    LambUpdate(Optimizer.Lamb lamb, UpdateTarget target) {
        this.lamb = lamb;
        this.target = target;
        UpdateTarget.Parts parts = target.each(lamb.weightDecay());
        this.ranges = parts.ranges;
        this.rates = parts.rate;
        this.weights = new SliceNorms(target.slices());
        this.directions = new SliceNorms(target.slices());
        int n = target.slices().size();
        this.adapts = new boolean[n];
        this.decay = new double[n];
        for (int i = 0; i < n; i++) {
            Slice slice = target.slices().get(i);
            adapts[i] = slice.isWeight();
            decay[i] = slice.weightDecay().orElse(adapts[i] ? lamb.weightDecay() : 0);
        }
    }

    @Override
    public void step(double rate, long step) {
        MemorySegment w = target.weights();
        MemorySegment u = target.gradients();
        double bias1 = 1 - Math.pow(lamb.beta1(), step);
        float rootBias2 = (float) Math.sqrt(1 - Math.pow(lamb.beta2(), step));
        // The moments; w = w·1 − 0·…
        set(0, 1, 0);
        adam(w, u, (float) (1 - lamb.beta1()), (float) lamb.beta2(), (float) (1 - lamb.beta2()), rootBias2);
        // The direction, u = u·0 + 1/bias1·m/(√v/rootBias2 + ε); the moments stay: m + 0·…, v·1 + 0·…
        set(0, 0, -1 / bias1);
        adam(u, w, 0, 1, 0, rootBias2);
        // u = u + decay·w
        for (int i = 0; i < rates.length; i++) ranges.set(i, -decay[i], 0, 1);
        descend(u, w);
        weights.measure(w, target.team());
        directions.measure(u, target.team());
        for (int i = 0; i < rates.length; i++) {
            double length = weights.norm(i);
            double step1 = directions.norm(i);
            double trust = adapts[i] && length > 0 && step1 > 0 ? length / step1 : 1;
            ranges.set(i, rate * rates[i] * trust, 0, 1);
        }
        descend(w, u);
    }

    private void set(double a, double b, double c) {
        for (int i = 0; i < rates.length; i++) ranges.set(i, a, b, c);
    }

    private void adam(MemorySegment w, MemorySegment g, float blend1, float beta2, float blend2, float rootBias2) {
        target.kernels()
                .adam(
                        w,
                        g,
                        target.state().get(0),
                        target.state().get(1),
                        ranges,
                        blend1,
                        beta2,
                        blend2,
                        (float) lamb.epsilon(),
                        rootBias2,
                        target.team());
    }

    /** w = w − a·g. */
    private void descend(MemorySegment w, MemorySegment g) {
        target.kernels().sgd(w, g, MemorySegment.NULL, ranges, 0, false, false, target.team());
    }
}
