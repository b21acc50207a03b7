package dev.ondine.verify;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Layer normalization; group normalization as its layer makes it, of rows that groups are, then a scale and a shift for each channel; and
 * instance normalization as its layer makes it, as batch normalization of more channels, and the same behind.
 */
final class LayerNormalizationCases {
    private static final float EPSILON = 1e-5f;

    private LayerNormalizationCases() {}

    static List<VerifyCase> all() {
        List<VerifyCase> cases = new ArrayList<>();
        for (long n : VerifyCases.CHANNELS) {
            // A row of one value is refused.
            if (n > 1) cases.add(layer("layer norm", Shape.of(3, 5, n), 1, true, true, 0));
            cases.add(layer("layer norm over 3 axes", Shape.of(4, n, 5, 3), 3, true, true, 0));
            cases.add(group("group norm, 1 group", Shape.of(3, n, 5, 7), 1));
            cases.add(instance(Shape.of(3, n, 5, 7)));
        }
        cases.add(layer("layer norm, one row", Shape.of(1, 31), 1, true, true, 0));
        cases.add(layer("layer norm, no affine", Shape.of(7, 17), 1, false, false, 0));
        cases.add(layer("layer norm, scale only", Shape.of(7, 17), 1, true, false, 0));
        cases.add(layer("layer norm, shift only", Shape.of(7, 17), 1, false, true, 0));
        cases.add(layer("layer norm, large mean", Shape.of(5, 31), 1, true, true, 1e4));
        cases.add(instance(Shape.of(2, 32, 5, 3)));
        cases.add(instance(Shape.of(2, 17, 9)));
        cases.add(group("group norm, groups of 8", Shape.of(2, 32, 7, 5), 4));
        cases.add(group("group norm, groups of 3", Shape.of(2, 15, 4, 4), 5));
        cases.add(group("group norm 3d", Shape.of(2, 12, 3, 4, 5), 3));
        return cases;
    }

    /** @param ratio the mean over the standard deviation of a row */
    private static VerifyCase layer(String name, Shape shape, int axes, boolean scale, boolean shift, double ratio) {
        return new VerifyCase(name, shape.toString(), graph -> {
            int outer = shape.rank() - axes;
            Shape normalized = Shape.of(Arrays.copyOfRange(shape.dims(), outer, shape.rank()));
            Shape rows = Shape.of(Arrays.copyOf(shape.dims(), outer));
            List<Value> operands = new ArrayList<>();
            operands.add(graph.input("x", shape, (random, _) -> (ratio + random.nextDouble(-1, 1)) / (1 + ratio)));
            if (scale) operands.add(graph.parameter("weight", normalized, CaseGraph.POSITIVE));
            if (shift) operands.add(graph.parameter("bias", normalized, CaseGraph.CENTERED));
            List<Value> results = graph.addAll(
                    new Op.LayerNormalization(axes, EPSILON, scale, shift), operands.toArray(Value[]::new));
            // A few values may lie closer together than they lie to zero.
            double most = Math.max(2 * ratio, normalized.elements() < 8 ? 8 : 0);
            double tolerance = Tolerances.normalization(normalized.elements(), most);
            graph.output("mean", results.get(1), Tolerances.sum(normalized.elements()));
            graph.output("variance", results.get(2), tolerance);
            graph.tolerance(CaseGraph.RESULT, tolerance)
                    .tolerance("x", tolerance)
                    .tolerance("weight", Tolerances.normalization(rows.elements(), 2 * most))
                    .tolerance("bias", Tolerances.sum(rows.elements()));
            return results.getFirst();
        });
    }

    private static VerifyCase group(String name, Shape shape, long groups) {
        return new VerifyCase(name, shape + ", " + groups + (groups == 1 ? " group" : " groups"), graph -> {
            long row = shape.elements(1, shape.rank()) / groups;
            Value x = graph.input("x", shape, CaseGraph.CENTERED);
            Value rows = graph.add(new Op.Reshape(Shape.of(shape.dim(0) * groups, row)), x);
            Value normalized = graph.add(new Op.LayerNormalization(1, EPSILON, false, false), rows);
            return affine(graph, graph.add(new Op.Reshape(shape), normalized), row);
        });
    }

    private static VerifyCase instance(Shape shape) {
        return new VerifyCase("instance norm", shape.toString(), graph -> {
            Value x = graph.input("x", shape, CaseGraph.CENTERED);
            Shape merged = shape.with(0, 1).with(1, shape.dim(0) * shape.dim(1));
            Value normalized = graph.add(
                    new Op.BatchNormalization(EPSILON, true, false, false, false),
                    graph.add(new Op.Reshape(merged), x));
            return affine(graph, graph.add(new Op.Reshape(shape), normalized), shape.elements(2, shape.rank()));
        });
    }

    /** @param row values that were normalized together */
    private static Value affine(CaseGraph graph, Value y, long row) {
        Shape channels = Shape.of(y.shape().dim(1));
        long summed = y.shape().elements() / channels.elements();
        // A few values may lie closer together than they lie to zero.
        double most = row < 16 ? 8 : 0;
        double tolerance = Tolerances.normalization(row, most);
        // Of several sums the largest is of the size that is expected; the only one may be small by chance.
        double sums = (channels.elements() == 1 ? 4 : 1) * Tolerances.normalization(summed, most);
        // In bfloat16 what is normalized is rounded before it is scaled, and its gradient likewise.
        graph.tolerance(CaseGraph.RESULT, tolerance)
                .spacings(CaseGraph.RESULT, 2)
                .tolerance("x", tolerance)
                .spacings("x", 4)
                .tolerance("weight", sums)
                .summedAfterRounding("weight", summed)
                .tolerance("bias", sums);
        return graph.add(
                new Op.BatchNormalization(Float.MIN_NORMAL, false, true, true, false),
                y,
                graph.add(new Op.Fill(0, channels)),
                graph.add(new Op.Fill(1, channels)),
                graph.parameter("weight", channels, CaseGraph.POSITIVE),
                graph.parameter("bias", channels, CaseGraph.CENTERED));
    }
}
