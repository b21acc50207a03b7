package dev.ondine.train;

import java.util.Locale;

/** By which of a measurement's numbers one epoch is better than another. */
public enum Monitor {
    /** Higher is better. */
    ACCURACY,
    /** Lower is better. */
    LOSS;

    /** The number itself. */
    public double value(Evaluation evaluation) {
        return this == ACCURACY ? evaluation.accuracy() : evaluation.loss();
    }

    /** How much better {@code value} is than {@code best}; negative if it is worse. */
    public double gain(double value, double best) {
        return this == ACCURACY ? value - best : best - value;
    }

    /** What everything is better than. */
    public double worst() {
        return this == ACCURACY ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
