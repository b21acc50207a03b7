package dev.ondine.bench;

import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import java.util.Collections;
import java.util.List;
import org.openjdk.jmh.annotations.Param;

/** Pooling as networks use it: the maximum behind ResNet's first layer, the average that halves, the average over all. */
public class PoolingBenchmark extends PairBenchmark {
    @Param({"max", "average", "global"})
    public String kind;

    @Param({"1x16x28x28", "16x64x28x28", "16x64x112x112"})
    public String shape;

    @Override
    Value build(GraphBuilder builder, boolean training) {
        Value x = builder.input(X, DataType.FLOAT32, shape(shape));
        int size = (int) x.shape().dim(2);
        return builder.add(
                switch (kind) {
                    case "max" -> pooling(Op.PoolingKind.MAX, 3, 2, 1);
                    case "average" -> pooling(Op.PoolingKind.AVERAGE_EXCLUDE_PADDING, 2, 2, 0);
                    case "global" -> pooling(Op.PoolingKind.AVERAGE_EXCLUDE_PADDING, size, size, 0);
                    default -> throw new IllegalArgumentException("kind is '" + kind + "', not max, average or global");
                },
                x);
    }

    private static Op pooling(Op.PoolingKind kind, int kernel, int stride, int padding) {
        List<Integer> paddings = Collections.nCopies(2, padding);
        return new Op.Pooling(
                kind, Collections.nCopies(2, kernel), Collections.nCopies(2, stride), paddings, paddings, false);
    }

    @Override
    Tolerance outputs() {
        return switch (kind) {
            case "max" -> Tolerance.EXACT;
            case "average" -> Tolerance.sum(2 * 2);
            default -> Tolerance.sum(shape(shape).elements(2, 4));
        };
    }

    /** Where windows of 3 overlap at stride 2, up to four of them choose the same element. */
    @Override
    Tolerance gradients() {
        return Tolerance.sum(2 * 2);
    }
}
