package dev.ondine.bench;

import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Batch normalization with scale and shift. */
public class BatchNormBenchmark extends PairBenchmark {
    private static final float EPSILON = 1e-5f;
    private static final float MOMENTUM = 0.1f;

    /** In the second-level cache, in the last-level cache, in memory: the last is a layer of ResNet-50 at 64 images. */
    @Param({"16x32x14x14", "32x64x28x28", "64x64x56x56"})
    public String shape;

    /** With the statistics of the batch; nothing is differentiated. */
    @Benchmark
    public void forwardTraining() {
        run();
    }

    @Override
    Value build(GraphBuilder builder, boolean training) {
        Value x = builder.input(X, DataType.FLOAT32, shape(shape));
        Shape channels = Shape.of(x.shape().dim(1));
        Value weight = builder.parameter("weight", channels);
        Value bias = builder.parameter("bias", channels);
        Op op = new Op.BatchNormalization(EPSILON, training, true, true, false);
        if (!training) {
            Value mean = builder.buffer("running_mean", channels);
            return builder.add(op, x, mean, builder.buffer("running_var", channels), weight, bias);
        }
        List<Value> results = builder.addAll(op, List.of(x, weight, bias));
        builder.statistic(new Graph.Statistic("bn", results.get(1), results.get(2), count(), MOMENTUM));
        return results.getFirst();
    }

    private long count() {
        Shape s = shape(shape);
        return s.elements() / s.dim(1);
    }

    @Override
    Tolerance outputs() {
        return Tolerance.normalized(count());
    }

    @Override
    Tolerance gradients() {
        return Tolerance.normalized(count());
    }
}
