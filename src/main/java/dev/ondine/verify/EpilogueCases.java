package dev.ondine.verify;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** What follows a convolution or linear layer and is done by the same kernel: a sum with a shortcut, an activation. */
final class EpilogueCases {
    /** The slope of leaky ReLU, the scale of ELU. */
    private static final float ALPHA = 0.5f;

    private EpilogueCases() {}

    static List<VerifyCase> all() {
        List<VerifyCase> cases = new ArrayList<>();
        for (ActivationKind kind : ActivationKind.values()) {
            cases.add(convolution(kind, 16, 1, false));
            cases.add(linear(kind, 13));
        }
        for (long c : VerifyCases.CHANNELS) {
            cases.add(convolution(ActivationKind.RELU, c, 1, false));
            cases.add(convolution(ActivationKind.RELU, c, 1, true));
            cases.add(convolution(ActivationKind.RELU, c, (int) c, true));
            cases.add(linear(ActivationKind.RELU, c));
        }
        return cases;
    }

    private static VerifyCase convolution(ActivationKind kind, long channels, int groups, boolean residual) {
        Shape shape = Shape.of(2, channels, 5, 7);
        String name =
                (groups > 1 ? "depthwise " : "") + "convolution" + (residual ? " + add" : "") + " + " + name(kind);
        return new VerifyCase(name, shape.toString(), graph -> {
            List<Integer> one = Collections.nCopies(2, 1);
            Op op = new Op.Convolution(one, one, one, one, groups, true);
            long terms = 9 * channels / groups;
            Value y = graph.add(
                    op,
                    graph.input("x", shape, CaseGraph.CENTERED),
                    graph.parameter("weight", Shape.of(channels, channels / groups, 3, 3), CaseGraph.CENTERED),
                    graph.parameter("bias", Shape.of(channels), CaseGraph.CENTERED));
            // The shortcut is computed, so that the kernel may add in place.
            if (residual) {
                Value shortcut = graph.input("shortcut", shape, CaseGraph.CENTERED);
                Value factors = graph.constant("factors", shape, CaseGraph.CENTERED);
                y = graph.add(new Op.Add(false), y, graph.add(new Op.Multiply(), shortcut, factors));
            }
            tolerances(graph, kind, terms, shape.elements() / channels);
            return graph.add(new Op.Activation(kind, ALPHA), y);
        });
    }

    private static VerifyCase linear(ActivationKind kind, long in) {
        Shape shape = Shape.of(5, in);
        return new VerifyCase("linear + " + name(kind), shape + " to 17", graph -> {
            Value y = graph.add(
                    new Op.Linear(true),
                    graph.input("x", shape, CaseGraph.CENTERED),
                    graph.parameter("weight", Shape.of(17, in), CaseGraph.CENTERED),
                    graph.parameter("bias", Shape.of(17), CaseGraph.CENTERED));
            tolerances(graph, kind, Math.max(in, 17), shape.dim(0));
            return graph.add(new Op.Activation(kind, ALPHA), y);
        });
    }

    /** The sums' roundings go through the activation, whose slope is about 1 at most, and add to its own error. */
    private static void tolerances(CaseGraph graph, ActivationKind kind, long terms, long places) {
        double activation = ElementwiseCases.activationTolerance(kind);
        graph.tolerance(CaseGraph.RESULT, Tolerances.sum(terms) + activation)
                .tolerance("x", 2 * Tolerances.sum(terms) + activation)
                .tolerance("shortcut", Tolerances.sum(terms) + activation)
                .tolerance("weight", Tolerances.sum(terms) + Tolerances.sum(places) + activation)
                .tolerance("bias", Tolerances.sum(terms) + Tolerances.sum(places) + activation)
                .summedAfterRounding("weight", places)
                .summedAfterRounding("bias", places);
    }

    private static String name(ActivationKind kind) {
        return kind.name().toLowerCase(Locale.ROOT);
    }
}
