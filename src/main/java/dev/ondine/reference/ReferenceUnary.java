package dev.ondine.reference;

import dev.ondine.graph.Op;

/** Functions of one number and their derivatives. All buffers have one shape. */
final class ReferenceUnary {
    private ReferenceUnary() {}

    static void forward(Op.Unary op, double[] x, double[] y) {
        for (int i = 0; i < x.length; i++) y[i] = value(op, x[i]);
    }

    static void backward(Op.Unary op, double[] x, double[] dy, double[] dx) {
        for (int i = 0; i < x.length; i++) dx[i] = dy[i] * slope(op, x[i]);
    }

    private static double value(Op.Unary op, double x) {
        return switch (op.kind()) {
            case ABSOLUTE -> Math.abs(x);
            case SQUARE_ROOT -> Math.sqrt(x);
            case EXPONENTIAL -> Math.exp(x);
            case LOGARITHM -> Math.log(x);
            case LINEAR -> op.alpha() * x + op.beta();
            case POWER -> Math.pow(x, op.alpha());
            case CLIP -> Math.min(Math.max(x, op.alpha()), op.beta());
        };
    }

    private static double slope(Op.Unary op, double x) {
        return switch (op.kind()) {
            case ABSOLUTE -> Math.signum(x);
            case SQUARE_ROOT -> 0.5 / Math.sqrt(x);
            case EXPONENTIAL -> Math.exp(x);
            case LOGARITHM -> 1 / x;
            case LINEAR -> op.alpha();
            case POWER -> op.alpha() * Math.pow(x, op.alpha() - 1.0);
            case CLIP -> op.alpha() <= x && x <= op.beta() ? 1 : 0;
        };
    }
}
