package dev.ondine.train;

import java.lang.foreign.MemorySegment;
import java.util.List;

/** An optimizer made ready for certain blocks. A step allocates nothing; coefficients are computed in double precision. */
interface Update {
    /**
     * One update.
     *
     * @param rate the learning rate of this step
     * @param step which step this is, the first being 1
     */
    void step(double rate, long step);

    /**
     * Says that somebody else has set the weights, as is done before the first step. What was gathered of gradients goes on, what of the
     * weights begins anew.
     */
    default void edited() {}

    static Update of(Optimizer optimizer, UpdateTarget target) {
        return switch (optimizer) {
            case Optimizer.Sgd sgd -> sgd(sgd, target);
            case Optimizer.Adam adam -> adam(adam, target);
            case Optimizer.RmsProp rms -> rmsProp(rms, target);
            case Optimizer.Lars lars -> new LarsUpdate(lars, target);
            case Optimizer.Lamb lamb -> new LambUpdate(lamb, target);
            case Optimizer.Muon muon -> new MuonUpdate(muon, target);
            case Optimizer.Lookahead lookahead -> lookahead(lookahead, target);
        };
    }

    private static Update sgd(Optimizer.Sgd o, UpdateTarget t) {
        UpdateTarget.Parts parts = t.merged(o.weightDecay());
        MemorySegment velocity =
                o.momentum() == 0 ? MemorySegment.NULL : t.state().getFirst();
        return (rate, _) -> {
            for (int i = 0; i < parts.rate.length; i++) {
                parts.ranges.set(i, rate * parts.rate[i], parts.weightDecay[i], 1);
            }
            t.kernels()
                    .sgd(
                            t.weights(),
                            t.gradients(),
                            velocity,
                            parts.ranges,
                            (float) o.momentum(),
                            o.nesterov(),
                            false,
                            t.team());
        };
    }

    private static Update adam(Optimizer.Adam o, UpdateTarget t) {
        UpdateTarget.Parts parts = t.merged(o.weightDecay());
        return (rate, step) -> {
            double bias1 = 1 - Math.pow(o.beta1(), step);
            for (int i = 0; i < parts.rate.length; i++) {
                double own = rate * parts.rate[i];
                double decay = parts.weightDecay[i];
                parts.ranges.set(i, o.decoupled() ? 0 : decay, o.decoupled() ? 1 - own * decay : 1, own / bias1);
            }
            t.kernels()
                    .adam(
                            t.weights(),
                            t.gradients(),
                            t.state().get(0),
                            t.state().get(1),
                            parts.ranges,
                            (float) (1 - o.beta1()),
                            (float) o.beta2(),
                            (float) (1 - o.beta2()),
                            (float) o.epsilon(),
                            (float) Math.sqrt(1 - Math.pow(o.beta2(), step)),
                            t.team());
        };
    }

    private static Update rmsProp(Optimizer.RmsProp o, UpdateTarget t) {
        UpdateTarget.Parts parts = t.merged(o.weightDecay());
        List<MemorySegment> state = t.state();
        MemorySegment mean = o.centered() ? state.get(1) : MemorySegment.NULL;
        MemorySegment velocity = o.momentum() == 0 ? MemorySegment.NULL : state.getLast();
        return (rate, _) -> {
            for (int i = 0; i < parts.rate.length; i++) {
                parts.ranges.set(i, rate * parts.rate[i], parts.weightDecay[i], 0);
            }
            t.kernels()
                    .rmsProp(
                            t.weights(),
                            t.gradients(),
                            state.getFirst(),
                            mean,
                            velocity,
                            parts.ranges,
                            (float) o.alpha(),
                            (float) (1 - o.alpha()),
                            (float) o.epsilon(),
                            (float) o.momentum(),
                            t.team());
        };
    }

    /** The fast weights are the model's; the slow ones are the last block of the state. */
    private static Update lookahead(Optimizer.Lookahead o, UpdateTarget t) {
        Update fast = of(o.inner(), t.withState(t.state().subList(0, t.state().size() - 1)));
        MemorySegment slow = t.state().getLast();
        BlockMath math = new BlockMath();
        return new Update() {
            @Override
            public void step(double rate, long step) {
                fast.step(rate, step);
                if (step % o.every() == 0) {
                    math.blend(slow, t.weights(), (float) o.alpha(), t.team());
                    t.weights().copyFrom(slow);
                }
            }

            @Override
            public void edited() {
                slow.copyFrom(t.weights());
            }
        };
    }
}
