package dev.ondine.study;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What was seen, in a paragraph that is made of the measured numbers, whatever they are. */
final class StudyFindings {
    private final StudyResult result;

    StudyFindings(StudyResult result) {
        this.result = result;
    }

    String paragraph() {
        return String.join(" ", speed(), rates(), dropout(), batches(), drift(), caution());
    }

    private String speed() {
        StudyRun plain = result.atRate(false, 1);
        double goal = plain.best();
        List<String> times = new ArrayList<>();
        for (double x : new double[] {1, 5, 30}) {
            double samples = result.atRate(true, x).samplesTo(goal);
            times.add(
                    Double.isNaN(samples)
                            ? "not at " + number(x) + " times the rate"
                            : "after " + thousands(samples) + " at " + number(x) + " times the rate");
        }
        return "Without batch norm the network came to " + percent(goal) + " of the test samples at the base rate of "
                + number(BatchNormStudy.BASE_RATE) + ", after " + thousands(plain.samplesTo(goal))
                + " training samples; with batch norm it was there " + join(times) + ".";
    }

    private String rates() {
        List<String> parts = new ArrayList<>();
        for (double x : new double[] {1, 5, 30}) {
            StudyRun with = result.atRate(true, x);
            StudyRun without = result.atRate(false, x);
            parts.add("at " + number(x) + " times " + outcome(with) + " with it and " + outcome(without) + " without"
                    + (with.diverged() || without.diverged() ? "" : " (" + compare(with, without) + ")"));
        }
        return "At the end, " + join(parts) + ".";
    }

    private String dropout() {
        StudyRun bn = result.atRate(true, 1);
        StudyRun bnDrop = result.withDropout(true);
        StudyRun plain = result.atRate(false, 1);
        StudyRun plainDrop = result.withDropout(false);
        return "Dropout of " + number(BatchNormStudy.DROPOUT) + " before the last layer took the accuracy from "
                + percent(bn.accuracy()) + " to " + outcome(bnDrop) + " with batch norm (" + compare(bnDrop, bn)
                + ") and from " + outcome(plain) + " to " + outcome(plainDrop) + " without ("
                + compare(plainDrop, plain) + ").";
    }

    private String batches() {
        List<String> parts = new ArrayList<>();
        for (int batch : StudyPage.batches()) {
            parts.add(outcome(result.atBatch(true, batch)) + " and " + outcome(result.atBatch(false, batch))
                    + " at batches of " + batch);
        }
        return "With the learning rate in proportion to the batch, it was, with and without batch norm, " + join(parts)
                + ".";
    }

    private String drift() {
        double with = Drift.of(result.atRate(true, 1)).perMeasurement();
        double without = Drift.of(result.atRate(false, 1)).perMeasurement();
        String comparison = with < 0.9 * without
                ? number(without / with) + " times as much as with it"
                : without < 0.9 * with
                        ? "less than with it, by a factor of " + number(with / without)
                        : "about as much";
        return "Between two measurements the median of what reaches the last ReLU moved by " + number(with)
                + " of its spread in a typical channel with batch norm, and by " + number(without) + " without: "
                + comparison + ".";
    }

    private String caution() {
        double p = result.atRate(true, 1).accuracy();
        return "Each number is one run; by the " + result.test() + " test samples alone, two accuracies of about "
                + percent(p) + " differ by chance by up to " + number(100 * result.noise(p)) + " points.";
    }

    private String compare(StudyRun a, StudyRun b) {
        if (a.diverged() || b.diverged()) return "not to be compared";
        double difference = a.accuracy() - b.accuracy();
        double noise = result.noise((a.accuracy() + b.accuracy()) / 2);
        if (Math.abs(difference) <= noise) return "no difference beyond chance";
        return (difference > 0 ? "better by " : "worse by ") + number(100 * Math.abs(difference)) + " points";
    }

    private String outcome(StudyRun run) {
        if (run.diverged()) return "divergence at step " + run.divergedAt();
        return percent(run.accuracy()) + (result.isChance(run.accuracy()) ? ", which is guessing," : "");
    }

    private static String join(List<String> parts) {
        return String.join(", ", parts.subList(0, parts.size() - 1)) + " and " + parts.getLast();
    }

    private static String thousands(double samples) {
        return String.format(Locale.ROOT, "%,d", Math.round(samples));
    }

    static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }

    /** With three digits, and none that say nothing. */
    static String number(double value) {
        if (!Double.isFinite(value)) return "an unknown number";
        return new BigDecimal(value)
                .round(new MathContext(3))
                .stripTrailingZeros()
                .toPlainString();
    }
}
