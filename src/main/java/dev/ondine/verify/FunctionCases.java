package dev.ondine.verify;

import dev.ondine.graph.BinaryKind;
import dev.ondine.graph.Op;
import dev.ondine.graph.UnaryKind;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Functions of one number and of two, with every kind of repetition, and repetitions and sums alone. */
final class FunctionCases {
    private FunctionCases() {}

    static List<VerifyCase> all() {
        List<VerifyCase> cases = new ArrayList<>();
        for (UnaryKind kind : UnaryKind.values()) {
            cases.add(unary(kind, Shape.of(3, 17, 5, 7)));
            cases.add(unary(kind, Shape.of(1, 207)));
        }
        for (BinaryKind kind : BinaryKind.values()) {
            cases.add(binary(kind, Shape.of(2, 17, 5, 7), Shape.of(2, 17, 5, 7)));
            cases.add(binary(kind, Shape.of(2, 17, 5, 7), Shape.of(1, 17, 1, 1)));
            cases.add(binary(kind, Shape.of(5, 13), Shape.of(1, 1)));
        }
        // Repeated along the first axes, the last, those between, and others by turns.
        for (Shape b : List.of(
                Shape.of(1, 1, 5, 7),
                Shape.of(3, 1, 1, 1),
                Shape.of(3, 1, 5, 7),
                Shape.of(3, 13, 1, 7),
                Shape.of(1, 13, 1, 7),
                Shape.of(3, 1, 5, 1),
                Shape.of(1, 1, 1, 7),
                Shape.of(1, 1, 1, 1))) {
            cases.add(binary(BinaryKind.SUBTRACT, Shape.of(3, 13, 5, 7), b));
            cases.add(expand(b, Shape.of(3, 13, 5, 7)));
        }
        for (Shape shape : List.of(Shape.of(2, 13, 5, 7), Shape.of(2, 16, 5, 7), Shape.of(2, 3, 5, 7))) {
            cases.add(betweenConvolutions(shape));
        }
        return cases;
    }

    private static VerifyCase unary(UnaryKind kind, Shape shape) {
        return new VerifyCase(kind == UnaryKind.LINEAR ? "scale and shift" : name(kind), shape.toString(), graph -> {
            double tolerance = switch (kind) {
                case ABSOLUTE, CLIP -> Tolerances.EXACT;
                case SQUARE_ROOT, LINEAR -> Tolerances.ROUNDING;
                case EXPONENTIAL, LOGARITHM, POWER -> Tolerances.APPROXIMATION;
            };
            graph.tolerance(CaseGraph.RESULT, tolerance).tolerance("x", Math.max(tolerance, Tolerances.ROUNDING));
            boolean positive = kind == UnaryKind.SQUARE_ROOT || kind == UnaryKind.LOGARITHM || kind == UnaryKind.POWER;
            Value x = graph.input("x", shape, positive ? CaseGraph.POSITIVE : CaseGraph.CENTERED);
            return graph.add(new Op.Unary(kind, kind == UnaryKind.POWER ? 2.5f : -0.5f, 0.25f), x);
        });
    }

    private static VerifyCase binary(BinaryKind kind, Shape a, Shape b) {
        return new VerifyCase(name(kind) + " " + b, a.toString(), graph -> {
            boolean chooses = kind != BinaryKind.SUBTRACT && kind != BinaryKind.DIVIDE;
            graph.tolerance(CaseGraph.RESULT, chooses ? Tolerances.EXACT : Tolerances.ROUNDING)
                    .tolerance("b", Tolerances.sum(a.elements() / b.elements()));
            // Two quotients and a product: each rounds.
            if (kind == BinaryKind.DIVIDE) graph.spacings("b", 4);
            if (kind == BinaryKind.MINIMUM || kind == BinaryKind.MAXIMUM)
                graph.spacings("b", 2).spacings("a", 2);
            return graph.add(
                    new Op.Binary(kind),
                    graph.input("a", a, CaseGraph.CENTERED),
                    graph.input("b", b, CaseGraph.POSITIVE));
        });
    }

    private static String name(Enum<?> kind) {
        return kind.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    private static VerifyCase expand(Shape from, Shape to) {
        return new VerifyCase("expand", from + " to " + to, graph -> {
            graph.tolerance(CaseGraph.RESULT, Tolerances.EXACT)
                    .tolerance("x", Tolerances.sum(to.elements() / from.elements()));
            return graph.add(new Op.Expand(to), graph.input("x", from, CaseGraph.CENTERED));
        });
    }

    /** Functions of which zeros are no zeros, in the layout of convolutions, whose last block may be filled up with zeros. */
    private static VerifyCase betweenConvolutions(Shape shape) {
        return new VerifyCase("functions between convolutions", shape.toString(), graph -> {
            long c = shape.dim(1);
            List<Integer> one = List.of(1, 1);
            List<Integer> none = List.of(0, 0);
            Op pointwise = new Op.Convolution(one, none, none, one, 1, false);
            Value x = graph.input("x", shape, CaseGraph.CENTERED);
            Value y = graph.add(pointwise, x, graph.parameter("first", Shape.of(c, c, 1, 1), CaseGraph.CENTERED));
            Value positive = graph.add(new Op.Unary(UnaryKind.CLIP, 0.5f, 1.5f), y);
            Value root = graph.add(new Op.Unary(UnaryKind.LOGARITHM, 0, 0), positive);
            Value quotient = graph.add(new Op.Binary(BinaryKind.DIVIDE), root, positive);
            Value shifted = graph.add(new Op.Unary(UnaryKind.LINEAR, 1, 1), quotient);
            Value second = graph.parameter("second", Shape.of(c, c, 1, 1), CaseGraph.CENTERED);
            // log and 1/x stretch what they are given by 2 at most, where x is 1/2, and again.
            double tolerance =
                    16 * Tolerances.sum(c) + 2 * Tolerances.APPROXIMATION + Tolerances.sum(shape.elements() / c);
            for (String tensor : List.of(CaseGraph.RESULT, "x", "first", "second")) graph.tolerance(tensor, tolerance);
            for (String tensor : List.of(CaseGraph.RESULT, "x")) graph.spacings(tensor, 16);
            graph.summedAfterRounding("first", shape.elements() / c)
                    .summedAfterRounding("second", shape.elements() / c);
            return graph.add(pointwise, shifted, second);
        });
    }
}
