package dev.ondine.verify;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** Softmax and the losses. */
final class LossCases {
    private static final int IGNORED = -100;

    /** Logits as a trained network gives them. */
    private static final CaseGraph.Fill LOGITS = (random, _) -> 3 * random.nextGaussian();

    private LossCases() {}

    static List<VerifyCase> all() {
        List<VerifyCase> cases = new ArrayList<>();
        for (boolean logarithm : new boolean[] {false, true}) {
            for (long c : VerifyCases.CHANNELS) cases.add(softmax(Shape.of(5, c), 1, logarithm));
            cases.add(softmax(Shape.of(2, 13, 5, 7), 1, logarithm));
            cases.add(softmax(Shape.of(2, 3, 17), 2, logarithm));
        }
        for (long c : VerifyCases.CHANNELS) cases.add(crossEntropy("", Shape.of(5, c), 0, 0));
        cases.add(crossEntropy("", Shape.of(1, 10), 0, 0));
        cases.add(crossEntropy(", smoothing 0.1", Shape.of(17, 10), 0.1f, 0));
        cases.add(crossEntropy(", ignored index", Shape.of(17, 10), 0, 3));
        cases.add(crossEntropy(", both, per pixel", Shape.of(2, 13, 5, 7), 0.1f, 4));
        cases.add(squaredError(Shape.of(5, 13)));
        cases.add(squaredError(Shape.of(2, 3, 7, 7)));
        return cases;
    }

    private static VerifyCase softmax(Shape shape, int axis, boolean logarithm) {
        return new VerifyCase(logarithm ? "log-softmax" : "softmax", shape.toString(), graph -> {
            double tolerance = Tolerances.APPROXIMATION + Tolerances.sum(shape.dim(axis));
            graph.tolerance(CaseGraph.RESULT, tolerance).tolerance("x", tolerance);
            return graph.add(new Op.Softmax(axis, logarithm), graph.input("x", shape, LOGITS));
        });
    }

    private static VerifyCase crossEntropy(String variant, Shape shape, float smoothing, int ignored) {
        return new VerifyCase("cross-entropy" + variant, shape.toString(), graph -> {
            int classes = (int) shape.dim(1);
            long[] dims = shape.dims();
            long[] perTarget = new long[dims.length - 1];
            perTarget[0] = dims[0];
            System.arraycopy(dims, 2, perTarget, 1, dims.length - 2);
            Value x = graph.input("x", shape, LOGITS);
            Value target = graph.labels(Shape.of(perTarget), classes, ignored, IGNORED);
            double softmax = Tolerances.APPROXIMATION + Tolerances.sum(classes);
            graph.tolerance(
                            CaseGraph.RESULT,
                            softmax + Tolerances.sum(target.shape().elements()))
                    .tolerance("x", softmax);
            graph.lossIsResult();
            return graph.add(new Op.CrossEntropy(smoothing, IGNORED), x, target);
        });
    }

    private static VerifyCase squaredError(Shape shape) {
        return new VerifyCase("mean squared error", shape.toString(), graph -> {
            graph.tolerance(CaseGraph.RESULT, Tolerances.sum(shape.elements()));
            graph.lossIsResult();
            return graph.add(
                    new Op.MeanSquaredError(),
                    graph.input("x", shape, CaseGraph.CENTERED),
                    graph.input("target", shape, CaseGraph.CENTERED));
        });
    }
}
