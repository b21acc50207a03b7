package dev.ondine.verify;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Op;
import dev.ondine.graph.Renormalization;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** Batch normalization with the batch's statistics and with given ones, alone and fused with ReLU. */
final class NormalizationCases {
    private static final float EPSILON = 1e-5f;

    private NormalizationCases() {}

    static List<VerifyCase> all() {
        List<VerifyCase> cases = new ArrayList<>();
        for (long c : VerifyCases.CHANNELS) {
            cases.add(training("batch norm", Shape.of(3, c, 5, 7), true, true, false));
            cases.add(training("batch norm + relu", Shape.of(3, c, 5, 7), true, true, true));
            cases.add(training("batch norm, 1 pixel", Shape.of(13, c, 1, 1), true, true, false));
            cases.add(training("batch norm 1d", Shape.of(17, c), true, true, false));
            cases.add(evaluation("batch norm, given statistics", Shape.of(2, c, 5, 7), false));
            cases.add(evaluation("batch norm + relu, given statistics", Shape.of(1, c, 5, 7), true));
            cases.add(largeMean(Shape.of(4, c, 5, 7)));
        }
        for (long c : VerifyCases.CHANNELS) {
            cases.add(ghost("ghost batch norm", Shape.of(6, c, 5, 7), 3, true, true));
            cases.add(ghost("ghost batch norm 1d", Shape.of(12, c), 2, true, true));
            cases.add(renormalization(Shape.of(4, c, 5, 7)));
        }
        cases.add(ghost("ghost batch norm, scale only", Shape.of(4, 17, 5, 5), 2, true, false));
        cases.add(ghost("ghost batch norm, no affine", Shape.of(4, 17, 5, 5), 4, false, false));
        cases.add(ghost("ghost batch norm 3d", Shape.of(4, 17, 2, 3, 5), 2, false, true));
        cases.add(training("batch norm, batch of 1", Shape.of(1, 31, 9, 9), true, true, false));
        cases.add(training("batch norm, no affine", Shape.of(3, 17, 5, 5), false, false, false));
        cases.add(training("batch norm, no affine + relu", Shape.of(3, 17, 5, 5), false, false, true));
        cases.add(training("batch norm, scale only", Shape.of(3, 17, 5, 5), true, false, false));
        cases.add(training("batch norm, shift only", Shape.of(3, 17, 5, 5), false, true, true));
        cases.add(training("batch norm 1d", Shape.of(3, 13, 31), true, true, true));
        cases.add(training("batch norm 3d", Shape.of(2, 17, 3, 4, 5), true, true, true));
        cases.add(evaluation("batch norm 3d, given statistics", Shape.of(2, 17, 3, 4, 5), false));
        cases.add(evaluation("batch norm 1d, given statistics", Shape.of(5, 31), true));
        return cases;
    }

    private static VerifyCase training(String name, Shape shape, boolean scale, boolean shift, boolean relu) {
        return new VerifyCase(name, shape.toString(), graph -> {
            Value x = graph.input("x", shape, CaseGraph.CENTERED);
            return build(graph, x, scale, shift, relu, 0);
        });
    }

    /** What E[x²] − E[x]² cannot do in float32: the variance is a 10⁸th of the square of the mean. */
    private static VerifyCase largeMean(Shape shape) {
        double mean = 100;
        double deviation = 0.01;
        return new VerifyCase("batch norm, large mean", shape.toString(), graph -> {
            Value x = graph.input("x", shape, (random, _) -> mean + deviation * random.nextGaussian());
            return build(graph, x, true, true, false, mean / deviation);
        });
    }

    private static Value build(CaseGraph graph, Value x, boolean scale, boolean shift, boolean relu, double ratio) {
        Shape channels = Shape.of(x.shape().dim(1));
        long n = x.shape().elements() / channels.elements();
        List<Value> operands = new ArrayList<>(List.of(x));
        if (scale) operands.add(graph.parameter("weight", channels, CaseGraph.POSITIVE));
        if (shift) operands.add(graph.parameter("bias", channels, CaseGraph.CENTERED));
        List<Value> results = graph.addAll(
                new Op.BatchNormalization(EPSILON, true, scale, shift, false), operands.toArray(Value[]::new));
        double tolerance = Tolerances.normalization(n, ratio);
        graph.output("mean", results.get(1), Tolerances.sum(n));
        graph.output("variance", results.get(2), tolerance);
        graph.tolerance(CaseGraph.RESULT, tolerance)
                .tolerance("x", tolerance)
                // Σ dy·x̂: an error of the mean counts Σ dy times, which may be some times as large when there is one
                // channel only.
                .tolerance("weight", Tolerances.normalization(n, 4 * ratio))
                .tolerance("bias", Tolerances.sum(n));
        return relu ? graph.add(new Op.Activation(ActivationKind.RELU, 0), results.getFirst()) : results.getFirst();
    }

    private static VerifyCase ghost(String name, Shape shape, int ghosts, boolean scale, boolean shift) {
        return new VerifyCase(name, shape + ", " + ghosts + " parts", graph -> {
            Shape channels = Shape.of(shape.dim(1));
            long all = shape.elements() / channels.elements();
            List<Value> operands = new ArrayList<>(List.of(graph.input("x", shape, CaseGraph.CENTERED)));
            if (scale) operands.add(graph.parameter("weight", channels, CaseGraph.POSITIVE));
            if (shift) operands.add(graph.parameter("bias", channels, CaseGraph.CENTERED));
            List<Value> results = graph.addAll(
                    new Op.GhostBatchNormalization(ghosts, EPSILON, scale, shift), operands.toArray(Value[]::new));
            // A few values may lie closer together than they lie to zero.
            double tolerance = Tolerances.normalization(all / ghosts, all / ghosts < 8 ? 8 : 0);
            for (int g = 0; g < ghosts; g++) {
                graph.output("mean " + g, results.get(1 + 2 * g), Tolerances.sum(all / ghosts));
                graph.output("variance " + g, results.get(2 + 2 * g), tolerance);
            }
            graph.tolerance(CaseGraph.RESULT, tolerance)
                    .tolerance("x", tolerance)
                    .tolerance("weight", Tolerances.normalization(all, all / ghosts < 8 ? 16 : 0))
                    .tolerance("bias", Tolerances.sum(all));
            return results.getFirst();
        });
    }

    /** As {@link dev.ondine.nn.BatchNorm#renormalization} builds it. */
    private static VerifyCase renormalization(Shape shape) {
        return new VerifyCase("batch renorm", shape.toString(), graph -> {
            Shape channels = Shape.of(shape.dim(1));
            List<Value> plain = graph.addAll(
                    new Op.BatchNormalization(EPSILON, true, false, false, false),
                    graph.input("x", shape, CaseGraph.CENTERED));
            List<Value> factors = graph.addAll(
                    // Of channels whose variance is near a third and running one near one some are at the limit.
                    new Op.RenormalizationFactors(EPSILON, Renormalization.limits(1.6, 0.5)),
                    plain.get(1),
                    plain.get(2),
                    graph.constant("running_mean", channels, CaseGraph.CENTERED),
                    graph.constant("running_var", channels, CaseGraph.POSITIVE));
            Value gamma = graph.parameter("weight", channels, CaseGraph.POSITIVE);
            Value beta = graph.parameter("bias", channels, CaseGraph.CENTERED);
            long n = shape.elements() / channels.elements();
            double tolerance = Tolerances.normalization(n, 0);
            graph.output("r", factors.get(0), tolerance);
            graph.output("d", factors.get(1), tolerance);
            graph.tolerance(CaseGraph.RESULT, tolerance)
                    // In bfloat16 what is normalized is rounded before it is scaled, and its gradient likewise.
                    .spacings(CaseGraph.RESULT, 2)
                    .tolerance("x", tolerance)
                    .spacings("x", 4)
                    .tolerance("weight", 2 * tolerance)
                    .summedAfterRounding("weight", n)
                    .tolerance("bias", tolerance);
            return graph.add(
                    new Op.BatchNormalization(Float.MIN_NORMAL, false, true, true, false),
                    plain.getFirst(),
                    graph.add(new Op.Fill(0, channels)),
                    graph.add(new Op.Fill(1, channels)),
                    graph.add(new Op.Multiply(), gamma, factors.get(0)),
                    graph.add(new Op.Add(false), graph.add(new Op.Multiply(), gamma, factors.get(1)), beta));
        });
    }

    private static VerifyCase evaluation(String name, Shape shape, boolean relu) {
        return new VerifyCase(name, shape.toString(), graph -> {
            Shape channels = Shape.of(shape.dim(1));
            double tolerance = Tolerances.sum(shape.elements() / channels.elements());
            Value y = graph.add(
                    new Op.BatchNormalization(EPSILON, false, true, true, false),
                    graph.input("x", shape, CaseGraph.CENTERED),
                    graph.constant("mean", channels, CaseGraph.CENTERED),
                    graph.constant("variance", channels, CaseGraph.POSITIVE),
                    graph.parameter("weight", channels, CaseGraph.POSITIVE),
                    graph.parameter("bias", channels, CaseGraph.CENTERED));
            graph.tolerance("weight", tolerance).tolerance("bias", tolerance);
            return relu ? graph.add(new Op.Activation(ActivationKind.RELU, 0), y) : y;
        });
    }
}
