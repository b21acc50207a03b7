package dev.ondine.train;

import java.util.Arrays;

/**
 * What becomes of the learning rate over time: a factor for each moment, a pure function of the epoch. The formulas are PyTorch's; where
 * PyTorch counts calls of {@code step()}, here the epoch with its fraction is asked for, which is a call for each step; {@link #perEpoch} is one
 * for each epoch. What depends on measurements is {@link ReduceOnPlateau}.
 */
public sealed interface Schedule {
    /**
     * What the optimizer's learning rate is multiplied with.
     *
     * @param epoch how many epochs are done, with fractions
     */
    double factor(double epoch);

    /** The learning rate of the optimizer, always. */
    static Schedule constant() {
        return new Constant();
    }

    /** Multiplied with {@code gamma} after every {@code every} epochs. */
    static Schedule step(double every, double gamma) {
        return new Step(every, gamma);
    }

    /** Multiplied with {@code gamma} after each of these epochs. */
    static Schedule multiStep(double gamma, double... epochs) {
        return new MultiStep(gamma, epochs);
    }

    /** Multiplied with {@code gamma} in the course of every epoch. */
    static Schedule exponential(double gamma) {
        return new Exponential(gamma);
    }

    /** Half a cosine from 1 to 0 over {@code epochs} (Loshchilov and Hutter 2017). */
    static Schedule cosine(double epochs) {
        return new Cosine(epochs, 0);
    }

    /** Half a cosine from 1 to 0 over {@code first} epochs, then anew over {@code growth} times as many, and so on. */
    static Schedule cosineRestarts(double first, double growth) {
        return new CosineRestarts(first, growth, 0);
    }

    /** Up from a 25th to 1 and down to nearly nothing, within {@code epochs} (Smith and Topin 2018). */
    static Schedule oneCycle(double epochs) {
        return new OneCycle(epochs, 0.3, 25, 1e4, 0);
    }

    /** Rises linearly from a thousandth over the first {@code epochs}, then goes on as this schedule does, whose clock is not delayed. */
    default Schedule warmup(double epochs) {
        return epochs == 0 ? this : new Warmup(epochs, this);
    }

    /** The same, changed only when an epoch begins. */
    default Schedule perEpoch() {
        return new PerEpoch(this);
    }

    private static void require(boolean right, String expected, double actual) {
        if (!right) throw new IllegalArgumentException(expected + ", not " + actual);
    }

    private static void requireGamma(double gamma) {
        require(gamma > 0 && gamma < Double.POSITIVE_INFINITY, "gamma must be positive", gamma);
    }

    private static double cosine(double from, double to, double share) {
        return to + (from - to) * (1 + Math.cos(Math.PI * share)) / 2;
    }

    /** The same rate for ever. */
    record Constant() implements Schedule {
        @Override
        public double factor(double epoch) {
            return 1;
        }
    }

    /** gamma^⌊epoch/every⌋; StepLR. */
    record Step(double every, double gamma) implements Schedule {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Step {
            require(every > 0, "a step schedule needs a positive period", every);
            requireGamma(gamma);
        }

        @Override
        public double factor(double epoch) {
            return Math.pow(gamma, Math.floor(epoch / every));
        }
    }

    /** gamma^(milestones that are reached); MultiStepLR. */
    record MultiStep(double gamma, double... milestones) implements Schedule {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public MultiStep {
            requireGamma(gamma);
            milestones = milestones.clone();
            for (int i = 0; i < milestones.length; i++) {
                require(
                        milestones[i] > (i == 0 ? 0 : milestones[i - 1]),
                        "milestones are epochs above 0, in rising order",
                        milestones[i]);
            }
        }

        /** The epochs at which the rate falls: a copy. */
        @Override
        public double[] milestones() {
            return milestones.clone();
        }

        @Override
        public double factor(double epoch) {
            int reached = 0;
            while (reached < milestones.length && epoch >= milestones[reached]) reached++;
            return Math.pow(gamma, reached);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof MultiStep m && gamma == m.gamma && Arrays.equals(milestones, m.milestones);
        }

        @Override
        public int hashCode() {
            return 31 * Double.hashCode(gamma) + Arrays.hashCode(milestones);
        }

        @Override
        public String toString() {
            return "MultiStep[gamma=" + gamma + ", milestones=" + Arrays.toString(milestones) + "]";
        }
    }

    /** gamma^epoch; ExponentialLR. */
    record Exponential(double gamma) implements Schedule {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Exponential {
            requireGamma(gamma);
        }

        @Override
        public double factor(double epoch) {
            return Math.pow(gamma, epoch);
        }
    }

    /** floor + (1 − floor)·(1 + cos(π·epoch/epochs))/2; floor after the end. CosineAnnealingLR. */
    record Cosine(double epochs, double floor) implements Schedule {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Cosine {
            require(epochs > 0, "a cosine schedule needs epochs", epochs);
            require(floor >= 0 && floor <= 1, "floor must lie in [0, 1]", floor);
        }

        @Override
        public double factor(double epoch) {
            return cosine(1, floor, Math.min(1, epoch / epochs));
        }
    }

    /** A cosine over {@code first} epochs, one over {@code first·growth}, and so on; CosineAnnealingWarmRestarts. */
    record CosineRestarts(double first, double growth, double floor) implements Schedule {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public CosineRestarts {
            require(first > 0, "a cosine schedule needs epochs", first);
            require(growth >= 1, "a cycle is at least as long as the one before, 1 times", growth);
            require(floor >= 0 && floor <= 1, "floor must lie in [0, 1]", floor);
        }

        @Override
        public double factor(double epoch) {
            double length = first;
            double into = epoch;
            if (growth == 1) {
                into = epoch % first;
            } else {
                while (into >= length) {
                    into -= length;
                    length *= growth;
                }
            }
            return cosine(1, floor, into / length);
        }
    }

    /**
     * A cosine from 1/{@code start} up to 1, and one down to 1/({@code start}·{@code end}); OneCycleLR, whose momentum stays as it is here.
     *
     * @param rise the share of the epochs in which it rises
     * @param step the length of a step in epochs: PyTorch's last step has the last rate exactly; 0 if that does not matter
     */
    record OneCycle(double epochs, double rise, double start, double end, double step) implements Schedule {
        /** Checks its components; an exception says which is wrong, and what it may be. */
        public OneCycle {
            require(epochs > 0, "a cycle needs epochs", epochs);
            require(rise > 0 && rise < 1, "the share of the rise lies between 0 and 1", rise);
            require(
                    start >= 1 && end >= 1,
                    "the first and the last rate are parts of the highest",
                    Math.min(start, end));
            require(step >= 0 && step < rise * epochs, "a step is shorter than the rise", step);
        }

        @Override
        public double factor(double epoch) {
            double top = rise * epochs - step;
            if (epoch <= top) return cosine(1 / start, 1, epoch / top);
            return cosine(1, 1 / (start * end), Math.min(1, (epoch - top) / (epochs - step - top)));
        }
    }

    /** Times 1/1000 + 999/1000·epoch/epochs in the first epochs: LinearLR, chained with another. */
    record Warmup(double epochs, Schedule then) implements Schedule {
        private static final double START = 1e-3;

        /** Checks its components; an exception says which is wrong, and what it may be. */
        public Warmup {
            require(epochs > 0, "a warm-up needs epochs", epochs);
        }

        @Override
        public double factor(double epoch) {
            return then.factor(epoch) * (epoch < epochs ? START + (1 - START) * epoch / epochs : 1);
        }
    }

    /** As at the beginning of the epoch. */
    record PerEpoch(Schedule then) implements Schedule {
        @Override
        public double factor(double epoch) {
            return then.factor(Math.floor(epoch));
        }
    }
}
