package dev.ondine.train;

/**
 * How well a model does on a data set.
 *
 * @param loss mean over the samples
 * @param correct how many were classified rightly
 * @param samples how many there were
 */
public record Evaluation(double loss, long correct, long samples) {
    /** The share that was classified rightly, from 0 to 1. */
    public double accuracy() {
        return (double) correct / samples;
    }
}
