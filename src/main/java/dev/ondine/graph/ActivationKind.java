package dev.ondine.graph;

/** The activation functions; formulas as in PyTorch. */
public enum ActivationKind {
    /** max(0, x). The derivative at 0 is 0. */
    RELU(true),
    /** x if x &gt; 0, else α·x. */
    LEAKY_RELU(true),
    /** x if x &gt; 0, else α·(eˣ − 1). */
    ELU(true),
    /** min(max(0, x), 6). */
    RELU6(true),
    /** 1/(1 + e⁻ˣ). */
    SIGMOID(true),
    /** The hyperbolic tangent. */
    TANH(true),
    /** x·Φ(x), Φ the normal distribution: x/2·(1 + erf(x/√2)). */
    GELU(false),
    /** The approximation x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))). */
    GELU_TANH(false),
    /** x·sigmoid(x), also called swish. */
    SILU(false),
    /** log(1 + eˣ). */
    SOFTPLUS(false),
    /** x·min(max(0, x/6 + 1/2), 1). */
    HARD_SWISH(false),
    /** min(max(0, x/6 + 1/2), 1). */
    HARD_SIGMOID(false),
    /** x·tanh(log(1 + eˣ)). */
    MISH(false);

    private final boolean gradientFromOutput;

    ActivationKind(boolean gradientFromOutput) {
        this.gradientFromOutput = gradientFromOutput;
    }

    /**
     * Whether the derivative is computed from the output. The input is then not needed for the backward pass, so that the
     * activation can overwrite it.
     */
    public boolean gradientFromOutput() {
        return gradientFromOutput;
    }
}
