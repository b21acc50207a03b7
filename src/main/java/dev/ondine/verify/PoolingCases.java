package dev.ondine.verify;

import dev.ondine.graph.Op;
import dev.ondine.graph.Op.PoolingKind;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** Maxima and averages over windows. */
final class PoolingCases {
    private PoolingCases() {}

    static List<VerifyCase> all() {
        List<VerifyCase> cases = new ArrayList<>();
        for (PoolingKind kind : PoolingKind.values()) {
            for (long c : VerifyCases.CHANNELS) cases.add(pool(kind, Shape.of(2, c, 7, 9), 2, 2, 0, false));
            cases.add(pool(kind, Shape.of(1, 17, 9, 9), 3, 2, 1, false));
            cases.add(pool(kind, Shape.of(2, 13, 8, 8), 3, 2, 1, true));
            cases.add(pool(kind, Shape.of(2, 16, 8, 8), 3, 2, 0, true));
            cases.add(pool(kind, Shape.of(3, 31, 1, 1), 1, 1, 0, false));
            cases.add(pool(kind, Shape.of(2, 13, 31), 3, 2, 1, false));
            cases.add(pool(kind, Shape.of(2, 17, 5, 6, 7), 2, 2, 0, false));
        }
        for (long c : VerifyCases.CHANNELS) cases.add(global(Shape.of(2, c, 5, 7)));
        cases.add(global(Shape.of(2, 13, 31)));
        cases.add(global(Shape.of(2, 13, 3, 4, 5)));
        return cases;
    }

    private static VerifyCase pool(PoolingKind kind, Shape shape, int kernel, int stride, int padding, boolean ceil) {
        String name = kind.name().toLowerCase(Locale.ROOT).replace('_', ' ') + " pool " + kernel + " stride " + stride
                + (padding > 0 ? " padding " + padding : "") + (ceil ? " ceil" : "");
        return new VerifyCase(name, shape.toString(), graph -> {
            int spatial = shape.rank() - 2;
            Op op = new Op.Pooling(
                    kind,
                    Collections.nCopies(spatial, kernel),
                    Collections.nCopies(spatial, stride),
                    Collections.nCopies(spatial, padding),
                    Collections.nCopies(spatial, padding),
                    ceil);
            long window = Math.round(Math.pow(kernel, spatial));
            graph.tolerance(CaseGraph.RESULT, kind == PoolingKind.MAX ? Tolerances.EXACT : Tolerances.sum(window))
                    .tolerance("x", Tolerances.sum(window));
            return graph.add(op, graph.input("x", shape, CaseGraph.CENTERED));
        });
    }

    private static VerifyCase global(Shape shape) {
        return new VerifyCase("global average pool", shape.toString(), graph -> {
            int spatial = shape.rank() - 2;
            List<Integer> kernel = Arrays.stream(shape.dims(), 2, shape.rank())
                    .mapToObj(Math::toIntExact)
                    .toList();
            List<Integer> none = Collections.nCopies(spatial, 0);
            Value x = graph.input("x", shape, CaseGraph.CENTERED);
            graph.tolerance(CaseGraph.RESULT, Tolerances.sum(shape.elements(2, shape.rank())));
            return graph.add(new Op.Pooling(PoolingKind.AVERAGE_EXCLUDE_PADDING, kernel, kernel, none, none, false), x);
        });
    }
}
