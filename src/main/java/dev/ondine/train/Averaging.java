package dev.ondine.train;

/** Which average of the weights is kept beside the newest ones. It takes no part in training; it often generalizes better. */
public sealed interface Averaging {
    /** No average: the weights are used as they are. */
    static Averaging none() {
        return new None();
    }

    /** An exponential moving average: after each step, average = decay·average + (1 − decay)·weights. */
    static Averaging ema(double decay) {
        return new Ema(decay);
    }

    /** The plain average of the weights after each epoch, from a certain one on. */
    static Averaging swa(int from) {
        return new Swa(from);
    }

    /** No average. */
    record None() implements Averaging {}

    /**
     * An exponential moving average, beginning with the weights after the first step; that of {@code torch.optim.swa_utils.get_ema_multi_avg_fn}.
     * Running statistics are averaged with the weights. A decay of 0.999 remembers the last thousand steps or so.
     */
    record Ema(double decay) implements Averaging {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Ema {
            if (!(decay > 0 && decay < 1)) {
                throw new IllegalArgumentException("the decay of an average lies between 0 and 1, not " + decay);
            }
        }
    }

    /**
     * Stochastic weight averaging (Izmailov and others 2018). The statistics of batch normalization are estimated anew for the averaged
     * weights, on the training data, when training is over.
     *
     * @param from the first epoch whose weights are taken, from 1
     */
    record Swa(int from) implements Averaging {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Swa {
            if (from < 1) throw new IllegalArgumentException("the first epoch to average is 1 or later, not " + from);
        }
    }
}
