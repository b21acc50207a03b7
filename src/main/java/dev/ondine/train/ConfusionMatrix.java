package dev.ondine.train;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * How often samples of each class were taken for each class, and what follows from it. A share of nothing, 0/0, is 0: the precision of a
 * class that nobody guessed, the recall of one that has no samples.
 */
public final class ConfusionMatrix {
    private final List<String> classes;
    private final long[][] counts;

    /**
     * Copies the counts.
     *
     * @param classes their names, by index
     * @param counts of samples of each class (row) by the class that they were taken for (column)
     * @throws IllegalArgumentException if the counts are not a square of as many rows as there are classes, or one is negative
     */
    public ConfusionMatrix(List<String> classes, long[][] counts) {
        this.classes = List.copyOf(classes);
        this.counts = new long[counts.length][];
        if (counts.length != classes.size()) {
            throw new IllegalArgumentException(counts.length + " rows of counts for " + classes.size() + " classes");
        }
        for (int c = 0; c < counts.length; c++) {
            this.counts[c] = counts[c].clone();
            if (counts[c].length != counts.length) {
                throw new IllegalArgumentException(
                        "row " + c + " has " + counts[c].length + " counts for " + classes.size() + " classes");
            }
            for (long n : counts[c]) if (n < 0) throw new IllegalArgumentException("row " + c + " has the count " + n);
        }
    }

    /** The names of the classes, by index. */
    public List<String> classes() {
        return classes;
    }

    /** How many samples of one class were taken for another, or for their own. */
    public long count(int actual, int guessed) {
        return counts[actual][guessed];
    }

    /** How many samples of a class there are. */
    public long samples(int actual) {
        return Arrays.stream(counts[actual]).sum();
    }

    /** How many samples were counted. */
    public long samples() {
        return IntStream.range(0, counts.length).mapToLong(this::samples).sum();
    }

    /** How many samples were taken for a class. */
    public long guesses(int guessed) {
        return Arrays.stream(counts).mapToLong(row -> row[guessed]).sum();
    }

    /** How many samples were taken for what they are. */
    public long correct() {
        return IntStream.range(0, counts.length).mapToLong(c -> counts[c][c]).sum();
    }

    /** The share of samples that were taken for what they are. */
    public double accuracy() {
        return share(correct(), samples());
    }

    /** Of the samples that were taken for a class, the share that is of it. */
    public double precision(int c) {
        return share(counts[c][c], guesses(c));
    }

    /** Of the samples of a class, the share that was taken for it. */
    public double recall(int c) {
        return share(counts[c][c], samples(c));
    }

    /** The harmonic mean of precision and recall: 2·hits/(samples + guesses). */
    public double f1(int c) {
        return share(2 * counts[c][c], samples(c) + guesses(c));
    }

    /** The mean of the classes' precisions, each class counting as much; classes without samples and guesses left out. */
    public double macroPrecision() {
        return macro(this::precision);
    }

    /** The mean of the classes' recalls, in the same way. */
    public double macroRecall() {
        return macro(this::recall);
    }

    /** The mean of the classes' F1, in the same way. */
    public double macroF1() {
        return macro(this::f1);
    }

    private double macro(IntToDoubleFunction of) {
        return IntStream.range(0, counts.length)
                .filter(c -> samples(c) + guesses(c) > 0)
                .mapToDouble(of)
                .average()
                .orElse(0);
    }

    private static double share(long part, long whole) {
        return whole == 0 ? 0 : (double) part / whole;
    }
}
