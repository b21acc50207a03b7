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

    /** Some of them 0, of which no logarithm may be taken. */
    private static final CaseGraph.Fill PROBABILITIES = (random, i) -> i % 5 == 3 ? 0 : random.nextDouble();

    private static final CaseGraph.Fill LOGARITHMS = (random, _) -> -4 * random.nextDouble();

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
        for (long c : VerifyCases.CHANNELS) cases.add(softCrossEntropy("", Shape.of(5, c), 0));
        cases.add(softCrossEntropy(", smoothing 0.1", Shape.of(1, 10), 0.1f));
        cases.add(softCrossEntropy(", smoothing, per pixel", Shape.of(2, 13, 5, 7), 0.1f));
        for (Shape shape : List.of(Shape.of(1, 1), Shape.of(5, 13), Shape.of(2, 3, 31, 67))) {
            cases.add(pointwise("l1", new Op.SmoothL1(0), shape, CaseGraph.CENTERED, CaseGraph.CENTERED));
            cases.add(pointwise("smooth l1", new Op.SmoothL1(0.5f), shape, CaseGraph.CENTERED, CaseGraph.CENTERED));
            cases.add(binary(", weighted", List.of(2.5f), shape));
            cases.add(pointwise("kl divergence", new Op.KlDivergence(true), shape, LOGARITHMS, PROBABILITIES));
        }
        cases.add(binary("", List.of(), Shape.of(17)));
        cases.add(binary(", weighted by class", List.of(0.5f, 1f, 3f), Shape.of(2, 3, 31, 67)));
        cases.add(pointwise("kl mean", new Op.KlDivergence(false), Shape.of(3, 207), LOGARITHMS, PROBABILITIES));
        return cases;
    }

    private static VerifyCase softCrossEntropy(String variant, Shape shape, float smoothing) {
        return new VerifyCase("soft cross-entropy" + variant, shape.toString(), graph -> {
            Value x = graph.input("x", shape, LOGITS);
            Value target = graph.constant("target", shape, PROBABILITIES);
            long classes = shape.dim(1);
            double softmax = Tolerances.APPROXIMATION + Tolerances.sum(classes);
            graph.tolerance(CaseGraph.RESULT, softmax + Tolerances.sum(shape.elements()))
                    .tolerance("x", softmax);
            graph.lossIsResult();
            return graph.add(new Op.SoftCrossEntropy(smoothing), x, target);
        });
    }

    private static VerifyCase binary(String variant, List<Float> weights, Shape shape) {
        return pointwise(
                "binary cross-entropy" + variant, new Op.BinaryCrossEntropy(weights), shape, LOGITS, PROBABILITIES);
    }

    private static VerifyCase pointwise(
            String name, Op.PointwiseLoss op, Shape shape, CaseGraph.Fill x, CaseGraph.Fill target) {
        return new VerifyCase(name, shape.toString(), graph -> {
            graph.tolerance(CaseGraph.RESULT, Tolerances.sum(shape.elements()));
            graph.lossIsResult();
            return graph.add(op, graph.input("x", shape, x), graph.constant("target", shape, target));
        });
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
