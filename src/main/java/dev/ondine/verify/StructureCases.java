package dev.ondine.verify;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** Products of matrices and transpositions, alone and as attention puts them together. */
final class StructureCases {
    private StructureCases() {}

    static List<VerifyCase> all() {
        List<VerifyCase> cases = new ArrayList<>();
        for (long k : VerifyCases.CHANNELS) cases.add(matMul("", Shape.of(3, 5, k), Shape.of(3, k, 17), false, false));
        for (boolean a : new boolean[] {false, true}) {
            for (boolean b : new boolean[] {false, true}) {
                String name = (a ? " aT" : "") + (b ? " bT" : "");
                cases.add(matMul(
                        name,
                        a ? Shape.of(2, 13, 31) : Shape.of(2, 31, 13),
                        b ? Shape.of(2, 7, 13) : Shape.of(2, 13, 7),
                        a,
                        b));
                cases.add(matMul(
                        name, a ? Shape.of(64, 32) : Shape.of(32, 64), b ? Shape.of(48, 64) : Shape.of(64, 48), a, b));
            }
        }
        cases.add(matMul(" one row", Shape.of(3, 1, 207), Shape.of(3, 207, 1), false, false));
        cases.add(matMul(" of heads", Shape.of(2, 3, 17, 16), Shape.of(2, 3, 17, 16), false, true));
        cases.add(matMul(" repeated a", Shape.of(1, 5, 13), Shape.of(3, 13, 17), false, false));
        cases.add(matMul(" repeated b", Shape.of(3, 2, 5, 13), Shape.of(1, 1, 13, 17), false, false));
        cases.add(transpose(Shape.of(3, 17), 1, 0));
        cases.add(transpose(Shape.of(2, 13, 31), 0, 2, 1));
        cases.add(transpose(Shape.of(2, 5, 3, 7), 0, 2, 1, 3));
        cases.add(transpose(Shape.of(2, 17, 5, 7), 0, 2, 3, 1));
        cases.add(transpose(Shape.of(2, 3, 5, 2, 4, 3), 0, 1, 4, 2, 5, 3));
        // Parts that begin where oneDNN lets memory begin (multiples of 16 floats), and such that do not.
        for (int features : new int[] {16, 32, 24, 6}) cases.add(attention(Shape.of(2, 5, features), 2));
        cases.add(attention(Shape.of(1, 1, 16), 1));
        cases.add(attention(Shape.of(3, 17, 48), 3));
        cases.add(slicesOfOne(Shape.of(2, 48, 3)));
        cases.add(sliceOfWhatIsOverwritten());
        return cases;
    }

    private static VerifyCase matMul(String name, Shape a, Shape b, boolean transposeA, boolean transposeB) {
        return new VerifyCase("matmul" + name, a + " by " + b, graph -> {
            Value y = graph.add(
                    new Op.MatMul(transposeA, transposeB, 0.25f),
                    graph.input("a", a, CaseGraph.CENTERED),
                    graph.input("b", b, CaseGraph.CENTERED));
            long k = a.dim(transposeA ? -2 : -1);
            long repeatedA = y.shape().elements(0, a.rank() - 2) / a.elements(0, a.rank() - 2);
            long repeatedB = y.shape().elements(0, a.rank() - 2) / b.elements(0, a.rank() - 2);
            graph.tolerance(CaseGraph.RESULT, Tolerances.sum(k))
                    .tolerance("a", Tolerances.sum(repeatedA * y.shape().dim(-1)))
                    .tolerance("b", Tolerances.sum(repeatedB * y.shape().dim(-2)));
            return y;
        });
    }

    private static VerifyCase transpose(Shape shape, Integer... axes) {
        return new VerifyCase("transpose " + List.of(axes), shape.toString(), graph -> {
            graph.tolerance(CaseGraph.RESULT, Tolerances.EXACT).tolerance("x", Tolerances.EXACT);
            return graph.add(new Op.Transpose(List.of(axes)), graph.input("x", shape, CaseGraph.CENTERED));
        });
    }

    /** q, k and v are parts of one tensor, seen with their axes exchanged. x: N×tokens×3·features. */
    private static VerifyCase attention(Shape tokens, int heads) {
        return new VerifyCase("attention, " + heads + " heads", tokens.toString(), graph -> {
            long features = tokens.dim(2);
            Value x = graph.input("x", tokens.with(2, 3 * features), CaseGraph.CENTERED);
            List<Value> parts = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                Value own = graph.add(new Op.Slice(2, i * features, features), x);
                Value split =
                        graph.add(new Op.Reshape(Shape.of(tokens.dim(0), tokens.dim(1), heads, features / heads)), own);
                parts.add(graph.add(new Op.Transpose(List.of(0, 2, 1, 3)), split));
            }
            Value scores = graph.add(new Op.MatMul(false, true, 0.25f), parts.get(0), parts.get(1));
            Value weights = graph.add(new Op.Softmax(3, false), scores);
            Value mixed = graph.add(new Op.MatMul(false, false, 1), weights, parts.get(2));
            // A chain of sums: each is as exact as its own length lets it be, and softmax approximates exp.
            double tolerance = Tolerances.sum(tokens.dim(1) + features) + Tolerances.APPROXIMATION;
            graph.tolerance(CaseGraph.RESULT, tolerance).tolerance("x", 2 * tolerance);
            // In bfloat16 scores and weights are rounded on the way, and again the gradients.
            graph.spacings("x", 4).spacings(CaseGraph.RESULT, 2);
            return graph.add(new Op.Reshape(tokens), graph.add(new Op.Transpose(List.of(0, 2, 1, 3)), mixed));
        });
    }

    /** Slices that together are the whole: the gradients are put together, not added up. */
    private static VerifyCase slicesOfOne(Shape shape) {
        return new VerifyCase("slices of one", shape.toString(), graph -> {
            Value x = graph.input("x", shape, CaseGraph.CENTERED);
            Value a = graph.add(new Op.Slice(1, 0, 16), x);
            Value b = graph.add(new Op.Slice(1, 16, 16), x);
            Value c = graph.add(new Op.Slice(1, 32, 16), x);
            return graph.add(new Op.Multiply(), graph.add(new Op.Multiply(), a, c), b);
        });
    }

    /** A residual that a layer could add to in place, were not a part of it read afterwards. */
    private static VerifyCase sliceOfWhatIsOverwritten() {
        return new VerifyCase("slice of a residual", "(5, 32)", graph -> {
            Value a = graph.input("a", Shape.of(5, 32), CaseGraph.CENTERED);
            Value w = graph.parameter("weight", Shape.of(32, 32), CaseGraph.CENTERED);
            Value residual = graph.add(new Op.Activation(ActivationKind.TANH, 0), a);
            Value part = graph.add(new Op.Slice(1, 16, 16), residual);
            Value layer = graph.add(new Op.Linear(false), a, w);
            Value sum = graph.add(new Op.Add(false), layer, residual);
            double tolerance = Tolerances.sum(32) + Tolerances.APPROXIMATION;
            graph.tolerance(CaseGraph.RESULT, tolerance)
                    .tolerance("a", tolerance)
                    .tolerance("weight", tolerance);
            graph.spacings("a", 3);
            return graph.add(new Op.Concat(1), part, sum);
        });
    }
}
