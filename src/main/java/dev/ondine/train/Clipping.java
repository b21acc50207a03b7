package dev.ondine.train;

/**
 * What happens to gradients that are too large, as {@code torch.nn.utils.clip_grad_value_} and {@code clip_grad_norm_} have it; first by
 * value, then by norm. Parameters that are frozen do not count.
 *
 * @param norm the most that the norm of all gradients together may be: if it is more, all are scaled; 0 for no such limit
 * @param value the most that each element may be, either way; 0 for no such limit
 */
public record Clipping(double norm, double value) {
    public static final Clipping NONE = new Clipping(0, 0);

    /** Checks its components; an exception says which is wrong, and what it may be. */
    public Clipping {
        require("norm", norm);
        require("value", value);
    }

    private static void require(String what, double limit) {
        if (!(limit >= 0) || Double.isInfinite(limit)) {
            throw new IllegalArgumentException(
                    "gradients are clipped at a " + what + " above 0, or not at all (0), not at " + limit);
        }
    }

    /** Scales all gradients together so that their Euclidean norm is at most this. */
    public static Clipping byNorm(double norm) {
        return new Clipping(norm, 0);
    }

    /** Limits each gradient to [−value, value]. */
    public static Clipping byValue(double value) {
        return new Clipping(0, value);
    }
}
