package dev.ondine.verify;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Activations, sums, products, dropout, and what only moves numbers. */
final class ElementwiseCases {
    /** Far enough to both sides that every activation shows all of its shape. */
    private static final CaseGraph.Fill WIDE = (random, _) -> random.nextDouble(-8, 8);

    private ElementwiseCases() {}

    static List<VerifyCase> all() {
        List<VerifyCase> cases = new ArrayList<>();
        for (ActivationKind kind : ActivationKind.values()) {
            cases.add(activation(kind, Shape.of(3, 17, 5, 7)));
            cases.add(activation(kind, Shape.of(1, 207)));
        }
        for (long c : VerifyCases.CHANNELS) cases.add(activation(ActivationKind.RELU, Shape.of(2, c, 1, 1)));
        for (long c : VerifyCases.CHANNELS) {
            Shape shape = Shape.of(2, c, 5, 7);
            cases.add(sum("add", shape, shape, false));
            cases.add(sum("add + relu", shape, shape, true));
            cases.add(sum("add, one number a channel", shape, Shape.of(1, c, 1, 1), false));
            cases.add(product("multiply", shape, shape));
            cases.add(product("multiply, one number a channel", shape, Shape.of(1, c, 1, 1)));
        }
        cases.add(sum("add, one number a sample", Shape.of(3, 13, 5, 5), Shape.of(3, 1, 1, 1), false));
        cases.add(sum("add, one for the batch", Shape.of(3, 13, 5, 5), Shape.of(1, 13, 5, 5), true));
        cases.add(product("multiply, one number", Shape.of(3, 13), Shape.of(1, 1)));
        cases.add(product("multiply, squeeze and excite", Shape.of(3, 32, 5, 5), Shape.of(3, 32, 1, 1)));
        cases.add(dropout(Shape.of(3, 17, 5, 7)));
        cases.add(dropout(Shape.of(1, 207)));
        cases.add(concat(1, Shape.of(2, 13, 5, 7), Shape.of(2, 17, 5, 7), Shape.of(2, 1, 5, 7)));
        cases.add(concat(1, Shape.of(2, 16, 5, 7), Shape.of(2, 32, 5, 7)));
        cases.add(concat(0, Shape.of(2, 13, 5), Shape.of(1, 13, 5)));
        cases.add(concat(3, Shape.of(2, 3, 5, 1), Shape.of(2, 3, 5, 6)));
        cases.add(slice(Shape.of(2, 31, 5, 7), 1, 3, 13));
        cases.add(slice(Shape.of(2, 48, 5, 7), 1, 16, 16));
        cases.add(slice(Shape.of(3, 13, 5, 7), 2, 1, 3));
        cases.add(slice(Shape.of(3, 207), 0, 2, 1));
        cases.add(reshape(Shape.of(3, 13, 5, 7), Shape.of(3, 13 * 5 * 7)));
        cases.add(reshape(Shape.of(3, 17, 1, 1), Shape.of(3, 17)));
        return cases;
    }

    private static VerifyCase activation(ActivationKind kind, Shape shape) {
        return new VerifyCase(kind.name().toLowerCase(Locale.ROOT).replace('_', ' '), shape.toString(), graph -> {
            double tolerance = activationTolerance(kind);
            graph.tolerance(CaseGraph.RESULT, tolerance).tolerance("x", tolerance);
            // A gradient that is computed from y = f(x): sigmoid's, y·(1 − y), changes by as much as y does and is a
            // quarter at
            // most, where y lies in [1/2, 1) and its neighbours are half as far apart as those of 1; tanh's and ELU's
            // change by
            // twice and once as much and are 1 at most.
            if (kind == ActivationKind.SIGMOID) graph.spacings("x", 3);
            if (kind == ActivationKind.TANH || kind == ActivationKind.ELU) graph.spacings("x", 2);
            return graph.add(new Op.Activation(kind, 0.5f), graph.input("x", shape, WIDE));
        });
    }

    static double activationTolerance(ActivationKind kind) {
        return switch (kind) {
            case RELU -> Tolerances.EXACT;
            case LEAKY_RELU, RELU6, HARD_SIGMOID, HARD_SWISH -> Tolerances.ROUNDING;
            case ELU, SIGMOID, TANH, GELU, GELU_TANH, SILU, SOFTPLUS, MISH -> Tolerances.APPROXIMATION;
        };
    }

    private static VerifyCase sum(String name, Shape a, Shape b, boolean relu) {
        return new VerifyCase(name, a.toString(), graph -> {
            Value y = graph.add(
                    new Op.Add(false),
                    graph.input("a", a, CaseGraph.CENTERED),
                    graph.input("b", b, CaseGraph.CENTERED));
            graph.tolerance("b", Tolerances.sum(a.elements() / b.elements()));
            return relu ? graph.add(new Op.Activation(ActivationKind.RELU, 0), y) : y;
        });
    }

    private static VerifyCase product(String name, Shape a, Shape b) {
        return new VerifyCase(name, a.toString(), graph -> {
            graph.tolerance("b", Tolerances.sum(a.elements() / b.elements()));
            return graph.add(
                    new Op.Multiply(),
                    graph.input("a", a, CaseGraph.CENTERED),
                    graph.input("b", b, CaseGraph.CENTERED));
        });
    }

    private static VerifyCase dropout(Shape shape) {
        return new VerifyCase(
                "dropout",
                shape.toString(),
                graph -> graph.add(new Op.Dropout(0.3f, 5), graph.input("x", shape, CaseGraph.CENTERED)));
    }

    private static VerifyCase concat(int axis, Shape... shapes) {
        return new VerifyCase("concat axis " + axis, shapes[0].toString(), graph -> {
            Value[] parts = new Value[shapes.length];
            for (int i = 0; i < parts.length; i++) {
                parts[i] = graph.input("x" + i, shapes[i], CaseGraph.CENTERED);
                graph.tolerance("x" + i, Tolerances.EXACT);
            }
            graph.tolerance(CaseGraph.RESULT, Tolerances.EXACT);
            return graph.add(new Op.Concat(axis), parts);
        });
    }

    private static VerifyCase slice(Shape shape, int axis, long start, long length) {
        return new VerifyCase("slice axis " + axis, shape.toString(), graph -> {
            graph.tolerance(CaseGraph.RESULT, Tolerances.EXACT).tolerance("x", Tolerances.EXACT);
            return graph.add(new Op.Slice(axis, start, length), graph.input("x", shape, CaseGraph.CENTERED));
        });
    }

    private static VerifyCase reshape(Shape from, Shape to) {
        return new VerifyCase("reshape", from.toString(), graph -> {
            graph.tolerance(CaseGraph.RESULT, Tolerances.EXACT).tolerance("x", Tolerances.EXACT);
            return graph.add(new Op.Reshape(to), graph.input("x", from, CaseGraph.CENTERED));
        });
    }
}
