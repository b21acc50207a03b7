package dev.ondine.train;

/**
 * How well a model does on a data set.
 *
 * @param loss mean over the samples
 * @param correct how many were classified rightly; {@link #NO_CLASSES} if the model tells none apart
 * @param samples how many there were
 */
public record Evaluation(double loss, long correct, long samples) {
    /** {@link #correct} of a model whose output is no classes. */
    public static final long NO_CLASSES = -1;

    /** The share that was classified rightly, from 0 to 1; NaN if the model tells no classes apart. */
    public double accuracy() {
        if (correct == NO_CLASSES) return Double.NaN;
        return (double) correct / samples;
    }
}
