package dev.ondine.train;

import java.util.Optional;

/**
 * How far a {@link Fit} has come: one object a run, which the listeners are shown again and again, because a step allocates nothing.
 * Its numbers are those of the moment of the call; for the training thread only.
 */
public final class FitProgress {
    private final Fit fit;
    private final TrainingBatch batch;
    private final int epochs;
    private final int steps;
    private final boolean resumed;
    private int epoch;
    private int step;
    private int skipped;
    private Evaluation averaged;
    private String scheduleBefore = "";
    private double lossSum;
    private double stepLoss;
    private long correct;
    private double learningRate;
    private double seconds;

    FitProgress(Fit fit, TrainingBatch batch, int epochs, int steps, boolean resumed) {
        this.fit = fit;
        this.batch = batch;
        this.epochs = epochs;
        this.steps = steps;
        this.resumed = resumed;
    }

    /** At a place in an epoch, with what the steps before it came to. */
    void at(int epoch, int step, double lossSum, long correct, double learningRate, double seconds) {
        this.epoch = epoch;
        this.step = step;
        this.skipped = 0;
        this.lossSum = lossSum;
        this.correct = correct;
        this.learningRate = learningRate;
        this.seconds = seconds;
    }

    /** Before the first step of an epoch. */
    void begin(int epoch) {
        at(epoch, 0, 0, 0, learningRate, 0);
    }

    void stepped(double loss, long right, double rate, double secondsOfEpoch) {
        step++;
        stepLoss = loss;
        // Of a step that was left out there is nothing to average.
        if (Double.isNaN(loss)) skipped++;
        else lossSum += loss;
        correct += right;
        learningRate = rate;
        seconds = secondsOfEpoch;
    }

    /** What trains; {@link Fit#stop(String)} ends it. */
    public Fit fit() {
        return fit;
    }

    /** Its {@link Trainer#model} has the newest parameters. */
    public Trainer trainer() {
        return fit.trainer();
    }

    /** The memory of a step: input, target, output and plan. */
    public TrainingBatch batch() {
        return batch;
    }

    /** How many there are to be. */
    public int epochs() {
        return epochs;
    }

    /** Which one, from 1. */
    public int epoch() {
        return epoch;
    }

    /** How many steps there are in an epoch. */
    public int steps() {
        return steps;
    }

    /** How many steps of this epoch are done. */
    public int step() {
        return step;
    }

    /** How many steps of this epoch were left out because their numbers were not finite; they count as done. */
    public int skipped() {
        return skipped;
    }

    /** As many were left out before a resumption. */
    void skipped(int before) {
        skipped = before;
    }

    /** Steps that were done over all epochs, those before a resumption included. */
    public long totalSteps() {
        return trainer().steps();
    }

    /** Whether the run goes on from a saved state. */
    public boolean resumed() {
        return resumed;
    }

    /** The schedule of the run that this one goes on with, as text, if it was another than {@link Trainer}'s is. */
    public Optional<String> scheduleBefore() {
        return resumed && !scheduleBefore.equals(trainer().schedule().toString())
                ? Optional.of(scheduleBefore)
                : Optional.empty();
    }

    void scheduleBefore(String schedule) {
        scheduleBefore = schedule;
    }

    /** Mean over the steps of this epoch so far that were applied, each before its update; 0 before the first, NaN if all were left out. */
    public double loss() {
        return mean(lossSum, step - skipped);
    }

    private double mean(double sum, long count) {
        return step > 0 ? sum / (double) count : 0;
    }

    /** Of the last step, before its update; NaN if it was left out. */
    public double stepLoss() {
        return stepLoss;
    }

    /** The share of samples that was classified rightly in this epoch so far, each before its step's update, of the applied steps. */
    public double accuracy() {
        if (fit.reconstructs()) return Double.NaN;
        return mean((double) correct, (long) (step - skipped) * fit.samplesPerStep());
    }

    /** What the averaged weights measured last, see {@link Trainer#averaged}; null before the first time. */
    public Evaluation averaged() {
        return averaged;
    }

    void averaged(Evaluation evaluation) {
        averaged = evaluation;
    }

    /** Of the last step. */
    public double learningRate() {
        return learningRate;
    }

    /** How long the steps of this epoch took so far. */
    public double seconds() {
        return seconds;
    }

    /** Over the steps of this epoch so far. */
    public double imagesPerSecond() {
        return seconds > 0 ? samples() / seconds : 0;
    }

    long samples() {
        return (long) step * fit.samplesPerStep();
    }

    double lossSum() {
        return lossSum;
    }

    long correct() {
        return correct;
    }
}
