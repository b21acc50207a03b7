package dev.ondine.study;

import java.util.List;

/**
 * One training of the study.
 *
 * @param samples seen when each measurement was made
 * @param test accuracy on the test samples, in evaluation mode, at each measurement
 * @param train accuracy on the training batches since the measurement before, each before its update
 * @param loss mean over those batches
 * @param divergedAt the step whose loss or gradients were not finite any more, which ended the run; 0 if none was
 * @param drift the input of the last ReLU, by time; empty if it was not looked at
 */
record StudyRun(
        Setting setting,
        double[] samples,
        double[] test,
        double[] train,
        double[] loss,
        long divergedAt,
        List<Spread> drift,
        double seconds) {
    /**
     * What differs between the runs.
     *
     * @param normalized with batch normalization
     * @param times the learning rate as a multiple of the study's base rate
     * @param dropout probability
     * @param batch samples a step
     */
    record Setting(boolean normalized, double times, double dropout, int batch) {
        String network() {
            return normalized ? "with batch norm" : "without";
        }
    }

    /**
     * How the input of the last ReLU is spread at one moment, over samples and space: three percentiles for each channel.
     *
     * @param samples seen until then
     */
    record Spread(double samples, float[] p15, float[] p50, float[] p85) {}

    boolean diverged() {
        return divergedAt > 0;
    }

    /** Test accuracy at the end; of a run that diverged, at the last measurement before. */
    double accuracy() {
        return test.length == 0 ? 0 : test[test.length - 1];
    }

    /** The best test accuracy that was measured. */
    double best() {
        double best = 0;
        for (double t : test) best = Math.max(best, t);
        return best;
    }

    /** Samples seen at the first measurement with at least this test accuracy; NaN if none had it. */
    double samplesTo(double accuracy) {
        for (int i = 0; i < test.length; i++) if (test[i] >= accuracy) return samples[i];
        return Double.NaN;
    }
}
