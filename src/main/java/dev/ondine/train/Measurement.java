package dev.ondine.train;

import java.util.List;

/**
 * What a model makes of a data set, class by class.
 *
 * @param loss mean over the samples
 * @param confusion which classes were taken for which
 * @param top how often the right class was among the likeliest, for each number that was asked for
 */
public record Measurement(double loss, ConfusionMatrix confusion, List<Top> top) {
    /** Keeps copies of what could be changed. */
    public Measurement {
        top = List.copyOf(top);
    }

    /**
     * How often the right class was among the {@code k} that the model found likeliest.
     *
     * @param accuracy the share of the samples
     */
    public record Top(int k, long correct, double accuracy) {}

    /** Loss and accuracy alone. */
    public Evaluation evaluation() {
        return new Evaluation(loss, confusion.correct(), confusion.samples());
    }
}
