package dev.ondine.study;

import dev.ondine.study.StudyRun.Setting;
import java.util.List;

/**
 * All that the study measured.
 *
 * @param data what it was trained on, as {@code --data} names it
 * @param train samples to train on
 * @param test samples to measure on
 * @param classes that are told apart
 */
public record StudyResult(String data, int train, int test, int classes, int epochs, long seed, List<StudyRun> runs) {
    /** The run of a setting. */
    StudyRun run(boolean normalized, double times, double dropout, int batch) {
        Setting wanted = new Setting(normalized, times, dropout, batch);
        return runs.stream()
                .filter(run -> run.setting().equals(wanted))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("the study has no run " + wanted));
    }

    /** The run at a multiple of the base rate. */
    StudyRun atRate(boolean normalized, double times) {
        return run(normalized, times, 0, BatchNormStudy.BATCH);
    }

    /** The run with dropout. */
    StudyRun withDropout(boolean normalized) {
        return run(normalized, 1, BatchNormStudy.DROPOUT, BatchNormStudy.BATCH);
    }

    /** The run at a batch size, with the learning rate in proportion. */
    StudyRun atBatch(boolean normalized, int batch) {
        return run(normalized, (double) batch / BatchNormStudy.BATCH, 0, batch);
    }

    /** Two standard deviations of the difference of two accuracies like this one, by the number of test samples alone. */
    double noise(double accuracy) {
        // Never quite 0: of a perfect score, one sample more or less.
        return Math.max(1.0 / test, 2 * Math.sqrt(2 * accuracy * (1 - accuracy) / test));
    }

    /** Whether an accuracy is not beyond that of guessing. */
    boolean isChance(double accuracy) {
        double guessing = 1.0 / classes;
        return accuracy <= guessing + noise(guessing);
    }
}
