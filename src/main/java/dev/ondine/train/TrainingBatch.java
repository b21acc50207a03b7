package dev.ondine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Plan;
import dev.ondine.nn.Model;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** The memory for a batch of one size, and the training step that was compiled for it. */
public final class TrainingBatch {
    static final String TARGET = "target";
    static final String LOSS = "loss";

    private final Trainer trainer;
    private final Plan plan;
    private final RunningStatistics statistics;
    private final StatisticsFeed feed;
    private final int size;

    TrainingBatch(Trainer trainer, Plan plan, RunningStatistics statistics, StatisticsFeed feed, int size) {
        this.trainer = trainer;
        this.plan = plan;
        this.statistics = statistics;
        this.feed = feed;
        this.size = size;
    }

    /** How many samples it has. */
    public int size() {
        return size;
    }

    /** The samples (size, …), float32, to fill before each step; a step leaves them as they are. */
    public Tensor input() {
        return plan.input(Model.INPUT);
    }

    /** The targets, to fill before each step: class indices (size) of INT32 for cross-entropy. */
    public Tensor target() {
        return plan.input(TARGET);
    }

    /** The model's output in the last step, before its update. */
    public Tensor output() {
        return plan.output(Model.OUTPUT);
    }

    /**
     * One training step: forward, loss, backward, update of running statistics and parameters.
     *
     * @return the loss, before the update; NaN if the step was left out ({@link NonFinite#SKIP})
     * @throws TrainingException if the loss, a layer's statistics or a gradient are not finite and such steps are not left out; the step
     *     is not applied then
     * @throws IllegalArgumentException if a target is no class; the step is not applied then
     */
    public float step() {
        return trainer.step(this, StepParts.IGNORED);
    }

    /** As {@link #step()}, and says when each part of it is done: for profilers. */
    public float step(StepParts parts) {
        return trainer.step(this, parts);
    }

    /**
     * How many samples of the last step were classified rightly, before its update; for cross-entropy on (N, C). Against probabilities
     * the likeliest class is the right one.
     */
    public int correct() {
        return Accuracy.correct(trainer.loss(), output(), target(), size);
    }

    /** Whether the loss is over no target at all. */
    boolean countsNoTarget(Loss loss) {
        if (!(loss instanceof Loss.CrossEntropy c)) return false;
        Tensor target = target();
        for (long i = 0; i < target.elements(); i++) {
            if (target.getIntAt(i) != c.ignoreIndex()) return false;
        }
        return true;
    }

    /** The sample whose input is the first that is not finite; −1 if all are. */
    long firstNotFiniteInput() {
        MemorySegment x = input().segment();
        long n = input().shape().elements();
        for (long i = 0; i < n; i++) {
            if (!Float.isFinite(x.getAtIndex(JAVA_FLOAT, i))) return i / (n / size);
        }
        return -1;
    }

    /** The compiled step: its graph, its memory, what runs. */
    public Plan plan() {
        return plan;
    }

    /** What is to be run before the plan. */
    StatisticsFeed feed() {
        return feed;
    }

    RunningStatistics statistics() {
        return statistics;
    }
}
