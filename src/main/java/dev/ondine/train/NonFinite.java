package dev.ondine.train;

import java.util.Locale;

/**
 * What becomes of a training step whose loss, batch statistics or gradients are not all finite. Such a step reaches neither running
 * statistics nor parameters nor the optimizer's state in any case. Of a step of several batches ({@link Trainer.Builder#accumulate}) all are
 * dropped; but those before the one that is not finite have moved the running statistics by then.
 */
public enum NonFinite {
    /** Training ends with a {@link TrainingException} that names the layer, the parameter or the sample. */
    FAIL,
    /**
     * The step is left out and counted ({@link Trainer#skippedSteps}), and training goes on with the next batch. It ends all the same when
     * a parameter is not finite, because then every step to come would be.
     */
    SKIP;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
