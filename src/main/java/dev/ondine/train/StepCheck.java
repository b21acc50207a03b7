package dev.ondine.train;

import dev.ondine.backend.Plan;

/** Finds what is not finite in a step that was computed and not applied yet, and says why that may be. */
final class StepCheck {
    private final Plan plan;
    private final SharedWeights shared;
    private final FiniteCheck finite = new FiniteCheck();

    /** @param plan whose gradients and weights are looked at */
    StepCheck(Plan plan, SharedWeights shared) {
        this.plan = plan;
        this.shared = shared;
    }

    /** What is not finite after a run, in words; null if everything is. */
    String firstNotFinite(RunningStatistics statistics, float loss) {
        String layer = statistics.firstNotFinite(finite);
        if (layer != null) return "the batch statistics of " + named(layer) + " are not finite";
        if (!Float.isFinite(loss)) return "the loss is " + loss;
        long bad = finite.firstNotFinite(plan.gradients(), plan.team());
        return bad < 0 ? null : "the gradient of " + shared.nameAt(bad) + " is not finite";
    }

    /** Whether no step can be finite any more, because a parameter is not. */
    boolean isHopeless() {
        return finite.firstNotFinite(plan.weights(), plan.team()) >= 0;
    }

    /**
     * That a step was not applied, and why.
     *
     * @param what is not finite, as {@link #firstNotFinite} says
     * @param taken how many batches of the step came before this one
     */
    TrainingException refusal(String what, Trainer trainer, TrainingBatch batch, int taken) {
        String step = "step " + (trainer.steps() + 1) + ": " + what;
        String rate = " (learning rate " + (float) trainer.learningRate() + ")";
        long sample = batch.firstNotFiniteInput();
        if (sample >= 0) {
            step += " because the input is not: sample " + sample + " of the batch holds a NaN or an infinity";
        } else if (batch.countsNoTarget(trainer.loss())) {
            step += " because every target of the batch is to be ignored: leave such batches out";
        } else if (isHopeless()) {
            return new TrainingException(step + ": the update before has made parameters infinite" + rate
                    + ". Go back to a checkpoint and lower the learning rate.");
        } else {
            step += rate + "; a lower learning rate or a warm-up may help";
        }
        step += ". The step was not applied: parameters ";
        return new TrainingException(step
                + (taken == 0
                        ? "and running statistics are as before."
                        : "are as before; the running statistics have taken in the batches of it before this"
                                + " one."));
    }

    private static String named(String path) {
        return path.isEmpty() ? "the model" : path;
    }
}
