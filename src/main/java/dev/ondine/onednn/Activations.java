package dev.ondine.onednn;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Op;
import dev.ondine.graph.UnaryKind;
import dev.ondine.onednn.api.Algorithm;

/** oneDNN's function for each activation and each function of one number. */
final class Activations {
    /** d = f(s; alpha, beta). */
    record Function(Algorithm algorithm, float alpha, float beta) {}

    private Activations() {}

    /** For a primitive of its own: if the gradient comes from the result, the variant that says so. */
    static Function function(ActivationKind kind, float alpha) {
        return switch (kind) {
            case RELU -> new Function(Algorithm.ELTWISE_RELU_USE_DST, 0, 0);
            case LEAKY_RELU -> new Function(Algorithm.ELTWISE_RELU_USE_DST, alpha, 0);
            case ELU -> new Function(Algorithm.ELTWISE_ELU_USE_DST, alpha, 0);
            case RELU6 -> new Function(Algorithm.ELTWISE_CLIP_V2_USE_DST, 0, 6);
            case SIGMOID -> new Function(Algorithm.ELTWISE_LOGISTIC_USE_DST, 0, 0);
            case TANH -> new Function(Algorithm.ELTWISE_TANH_USE_DST, 0, 0);
            case GELU -> new Function(Algorithm.ELTWISE_GELU_ERF, 0, 0);
            case GELU_TANH -> new Function(Algorithm.ELTWISE_GELU_TANH, 0, 0);
            case SILU -> new Function(Algorithm.ELTWISE_SWISH, 1, 0);
            case SOFTPLUS -> new Function(Algorithm.ELTWISE_SOFT_RELU, 1, 0);
            case HARD_SWISH -> new Function(Algorithm.ELTWISE_HARDSWISH, 1f / 6, 0.5f);
            case HARD_SIGMOID -> new Function(Algorithm.ELTWISE_HARDSIGMOID, 1f / 6, 0.5f);
            case MISH -> new Function(Algorithm.ELTWISE_MISH, 0, 0);
        };
    }

    static Function function(Op.Unary op) {
        return switch (op.kind()) {
            case ABSOLUTE -> new Function(Algorithm.ELTWISE_ABS, 0, 0);
            case SQUARE_ROOT -> new Function(Algorithm.ELTWISE_SQRT, 0, 0);
            case EXPONENTIAL -> new Function(Algorithm.ELTWISE_EXP, 0, 0);
            case LOGARITHM -> new Function(Algorithm.ELTWISE_LOG, 0, 0);
            case LINEAR -> new Function(Algorithm.ELTWISE_LINEAR, op.alpha(), op.beta());
            case POWER -> new Function(Algorithm.ELTWISE_POW, 1, op.alpha());
            case CLIP -> new Function(Algorithm.ELTWISE_CLIP_V2, op.alpha(), op.beta());
        };
    }

    /** For the gradient: oneDNN's clip has none at its limits, so they are moved by as little as a float32 can tell. */
    static Function gradient(Op.Unary op) {
        Function f = function(op);
        return op.kind() == UnaryKind.CLIP ? new Function(f.algorithm, Math.nextDown(f.alpha), Math.nextUp(f.beta)) : f;
    }

    /** For a post-op, which never has a gradient of its own: kernels know the plain variants only. */
    static Function postOp(Op.Activation op) {
        Function f = function(op.kind(), op.alpha());
        Algorithm plain = switch (f.algorithm) {
            case ELTWISE_RELU_USE_DST -> Algorithm.ELTWISE_RELU;
            case ELTWISE_ELU_USE_DST -> Algorithm.ELTWISE_ELU;
            case ELTWISE_CLIP_V2_USE_DST -> Algorithm.ELTWISE_CLIP_V2;
            case ELTWISE_LOGISTIC_USE_DST -> Algorithm.ELTWISE_LOGISTIC;
            case ELTWISE_TANH_USE_DST -> Algorithm.ELTWISE_TANH;
            default -> f.algorithm;
        };
        return new Function(plain, f.alpha, f.beta);
    }
}
