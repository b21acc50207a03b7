package dev.ondine.reference;

import dev.ondine.graph.ActivationKind;

/**
 * The activation functions y = f(x) and their derivatives f′. Where f can be undone, f′ is written in terms of y, so
 * that x need not be kept ({@link ActivationKind#gradientFromOutput}); that of LEAKY_RELU and ELU holds for α ≥ 0.
 */
final class ReferenceActivation {
    /** 1/√(2π), the height of the normal density. */
    private static final double NORMAL = 1 / Math.sqrt(2 * Math.PI);

    private static final double GELU_SLOPE = Math.sqrt(2 / Math.PI);
    private static final double GELU_CUBIC = 0.044715;

    private ReferenceActivation() {}

    static void forward(ActivationKind kind, double alpha, double[] x, double[] y) {
        for (int i = 0; i < x.length; i++) y[i] = value(kind, alpha, x[i]);
    }

    /** dx = dy·f′; {@code known} is y or x, as the kind says. */
    static void backward(ActivationKind kind, double alpha, double[] known, double[] dy, double[] dx) {
        for (int i = 0; i < dx.length; i++) dx[i] = dy[i] * derivative(kind, alpha, known[i]);
    }

    private static double value(ActivationKind kind, double alpha, double x) {
        return switch (kind) {
            case RELU -> Math.max(0, x);
            case LEAKY_RELU -> x > 0 ? x : alpha * x;
            case ELU -> x > 0 ? x : alpha * Math.expm1(x);
            case RELU6 -> Math.min(Math.max(0, x), 6);
            case SIGMOID -> sigmoid(x);
            case TANH -> Math.tanh(x);
            case GELU -> x * normalDistribution(x);
            case GELU_TANH -> x / 2 * (1 + Math.tanh(geluInner(x)));
            case SILU -> x * sigmoid(x);
            case SOFTPLUS -> softplus(x);
            case HARD_SWISH -> x * hardSigmoid(x);
            case HARD_SIGMOID -> hardSigmoid(x);
            case MISH -> x * Math.tanh(softplus(x));
        };
    }

    /** f′ from {@code v}, which is y for the kinds whose gradient comes from the output, else x. */
    private static double derivative(ActivationKind kind, double alpha, double v) {
        return switch (kind) {
            case RELU -> v > 0 ? 1 : 0;
            case LEAKY_RELU -> v > 0 ? 1 : alpha;
            case ELU -> v > 0 ? 1 : v + alpha; // α·eˣ = y + α
            case RELU6 -> v > 0 && v < 6 ? 1 : 0;
            case SIGMOID -> v * (1 - v);
            case TANH -> 1 - v * v;
            case GELU -> normalDistribution(v) + v * NORMAL * Math.exp(-v * v / 2);
            case GELU_TANH -> {
                double t = Math.tanh(geluInner(v));
                yield (1 + t) / 2 + v / 2 * (1 - t * t) * GELU_SLOPE * (1 + 3 * GELU_CUBIC * v * v);
            }
            case SILU -> {
                double s = sigmoid(v);
                yield s + v * s * (1 - s);
            }
            case SOFTPLUS -> sigmoid(v);
            case HARD_SWISH -> v <= -3 ? 0 : v >= 3 ? 1 : v / 3 + 0.5;
            case HARD_SIGMOID -> v > -3 && v < 3 ? 1.0 / 6 : 0;
            case MISH -> {
                double t = Math.tanh(softplus(v));
                yield t + v * (1 - t * t) * sigmoid(v);
            }
        };
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    /** log(1 + eˣ), written so that the exponential cannot overflow. */
    private static double softplus(double x) {
        return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    }

    /** Φ(x) = (1 + erf(x/√2))/2, through erfc for the sake of its small values at the far left. */
    private static double normalDistribution(double x) {
        return Erf.erfc(-x / Math.sqrt(2)) / 2;
    }

    private static double geluInner(double x) {
        return GELU_SLOPE * (x + GELU_CUBIC * x * x * x);
    }

    private static double hardSigmoid(double x) {
        return Math.min(Math.max(0, x / 6 + 0.5), 1);
    }
}
