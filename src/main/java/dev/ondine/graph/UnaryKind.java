package dev.ondine.graph;

/** Functions of one number, two of which have numbers of their own; activations apart, which are {@link ActivationKind}s. */
public enum UnaryKind {
    /** |x|. The derivative at 0 is 0. */
    ABSOLUTE,
    /** √x. */
    SQUARE_ROOT,
    /** eˣ. */
    EXPONENTIAL,
    /** The natural logarithm. */
    LOGARITHM,
    /** α·x + β: −x for α = −1 and β = 0. */
    LINEAR,
    /** x to the power of α: 1/x for α = −1, x² for α = 2. */
    POWER,
    /** min(max(x, α), β). The derivative is 1 where x is α or β, too, as that of PyTorch's {@code clamp}; {@code relu6}'s is 0 there. */
    CLIP
}
