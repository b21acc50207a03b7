package dev.ondine.train;

/** What becomes of the learning rate over time: a factor for each moment, a pure function of the epoch. */
public sealed interface Schedule {
    /**
     * What the optimizer's learning rate is multiplied with.
     *
     * @param epoch how many epochs are done, with fractions
     */
    double factor(double epoch);

    static Schedule constant() {
        return new Constant();
    }

    /** Multiplied with {@code gamma} after every {@code every} epochs. */
    static Schedule step(double every, double gamma) {
        return new Step(every, gamma);
    }

    /** Half a cosine from 1 to 0 over {@code epochs} (Loshchilov and Hutter 2017). */
    static Schedule cosine(double epochs) {
        return new Cosine(epochs, 0);
    }

    /** Rises from nearly 0 over the first {@code epochs}, then goes on as this schedule does, whose clock is not delayed. */
    default Schedule warmup(double epochs) {
        return epochs == 0 ? this : new Warmup(epochs, this);
    }

    /** The same rate for ever. */
    record Constant() implements Schedule {
        @Override
        public double factor(double epoch) {
            return 1;
        }
    }

    /** gamma^⌊epoch/every⌋. */
    record Step(double every, double gamma) implements Schedule {
        public Step {
            if (!(every > 0))
                throw new IllegalArgumentException("a step schedule needs a positive period, not " + every);
            if (!(gamma > 0)) throw new IllegalArgumentException("gamma must be positive, not " + gamma);
        }

        @Override
        public double factor(double epoch) {
            return Math.pow(gamma, Math.floor(epoch / every));
        }
    }

    /** floor + (1 − floor)·(1 + cos(π·epoch/epochs))/2; floor after the end. */
    record Cosine(double epochs, double floor) implements Schedule {
        public Cosine {
            if (!(epochs > 0)) throw new IllegalArgumentException("a cosine schedule needs epochs, not " + epochs);
            if (!(floor >= 0 && floor <= 1))
                throw new IllegalArgumentException("floor must lie in [0, 1], not " + floor);
        }

        @Override
        public double factor(double epoch) {
            double done = Math.min(1, epoch / epochs);
            return floor + (1 - floor) * (1 + Math.cos(Math.PI * done)) / 2;
        }
    }

    /** Linear over the first epochs. The very first step has a thousandth of the rate, not none. */
    record Warmup(double epochs, Schedule then) implements Schedule {
        public Warmup {
            if (!(epochs > 0)) throw new IllegalArgumentException("a warm-up needs epochs, not " + epochs);
        }

        @Override
        public double factor(double epoch) {
            return then.factor(epoch) * (epoch < epochs ? Math.max(1e-3, epoch / epochs) : 1);
        }
    }
}
