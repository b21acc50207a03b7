package dev.ondine.reference;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;

/** Compares the gradients that {@link Differentiate} derives with central differences of the loss. */
final class GradientCheck {
    static final long SEED = 7;
    static final long RUN = 3;

    /**
     * How far each input element is moved to both sides. The difference quotient is wrong by about STEP²·|f‴|/6 (1e-11
     * for curvatures near 1) and, from rounding, by about 1e-16·|loss|/STEP (1e-10 for losses near 10).
     */
    private static final double STEP = 1e-5;

    /**
     * Largest error of a gradient in relation to the largest element of the same gradient. Well above what the
     * difference quotient itself is wrong by, also where a batch normalization of few values makes the third derivative
     * some 1000; far below the error of a wrong factor, sign or index.
     */
    private static final double TOLERANCE = 1e-6;

    /** A gradient that is smaller than this everywhere says nothing: the case is chosen badly. */
    private static final double MEANINGFUL = 1e-3;

    private GradientCheck() {}

    /**
     * Checks the gradients of {@code loss} with respect to all differentiable inputs; returns the graph with gradients.
     */
    static Graph check(TinyGraph tiny, Value loss) {
        Graph forward = tiny.builder.build();
        Graph graph = Differentiate.apply(forward, loss, tiny.differentiable());
        ReferenceInterpreter derived = tiny.run(graph);
        ReferenceInterpreter moved = tiny.run(forward);
        for (Value v : tiny.differentiable()) {
            double[] gradient = derived.array(graph.gradients().get(v));
            double largest = 0;
            double error = 0;
            int worst = 0;
            double[] x = moved.array(v);
            for (int i = 0; i < x.length; i++) {
                double kept = x[i];
                x[i] = kept + STEP;
                double above = lossOf(moved, loss);
                x[i] = kept - STEP;
                double below = lossOf(moved, loss);
                x[i] = kept;
                double expected = (above - below) / (2 * STEP);
                largest = Math.max(largest, Math.abs(expected));
                double difference = Math.abs(gradient[i] - expected);
                if (!(difference <= error)) {
                    error = difference;
                    worst = i;
                }
            }
            assertTrue(largest > MEANINGFUL, v + ": the gradient vanishes, the case tests nothing");
            assertTrue(
                    error <= TOLERANCE * largest,
                    v + " " + v.type() + ": gradient " + gradient[worst] + " of element " + worst + " is wrong by "
                            + error + ", the largest is " + largest + "\n" + graph.print());
        }
        return graph;
    }

    private static double lossOf(ReferenceInterpreter interpreter, Value loss) {
        interpreter.run(RUN);
        return interpreter.array(loss)[0];
    }
}
