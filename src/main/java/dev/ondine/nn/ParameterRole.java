package dev.ondine.nn;

/** What a learned parameter does in its layer. Optimizers treat them differently: weight decay is for weights. */
public enum ParameterRole {
    /** Of a convolution, a linear layer or the like. */
    WEIGHT,
    /** What such a layer adds to each channel. */
    BIAS,
    /** γ: what a normalization multiplies with. */
    SCALE,
    /** β: what a normalization adds. */
    SHIFT;

    /** Whether it is a normalization's. */
    public boolean isNormalization() {
        return this == SCALE || this == SHIFT;
    }
}
