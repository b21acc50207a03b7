package dev.ondine.nn;

/** What a model is compiled for. */
public enum Mode {
    /** Batch normalization takes the statistics of the batch, dropout drops. */
    TRAINING,
    /** Batch normalization takes the running statistics, dropout does nothing. */
    EVALUATION
}
