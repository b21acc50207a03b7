package dev.ondine.bench;

import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** A linear layer with bias. */
public class LinearBenchmark extends PairBenchmark {
    /** Batch, inputs, outputs: the end of ResNet-20, the beginning of an MLP, the end of ResNet-50. */
    @Param({"128x64x10", "64x784x512", "64x2048x1000"})
    public String layer;

    /** The gradient of the input alone. */
    @Benchmark
    public void backwardData() {
        run();
    }

    /** The gradients of weights and bias alone. */
    @Benchmark
    public void backwardWeights() {
        run();
    }

    @Override
    Graph graph(String method) {
        GraphBuilder builder = new GraphBuilder();
        switch (method) {
            case "backwardData" -> {
                Value dx = builder.add(new Op.LinearBackwardData(), dy(builder), weight(builder));
                builder.output(Differentiate.OUTPUT_PREFIX + X, dx);
            }
            case "backwardWeights" -> {
                List<Value> gradients =
                        builder.addAll(new Op.LinearBackwardWeights(true), List.of(x(builder), dy(builder)));
                builder.output(Differentiate.OUTPUT_PREFIX + "weight", gradients.getFirst());
                builder.output(Differentiate.OUTPUT_PREFIX + "bias", gradients.getLast());
            }
            default -> {
                return super.graph(method);
            }
        }
        return builder.build();
    }

    @Override
    Value build(GraphBuilder builder, boolean training) {
        Value bias = builder.parameter("bias", Shape.of(extent(2)));
        return builder.add(new Op.Linear(true), x(builder), weight(builder), bias);
    }

    private Value x(GraphBuilder builder) {
        return builder.input(X, DataType.FLOAT32, Shape.of(extent(0), extent(1)));
    }

    private Value dy(GraphBuilder builder) {
        return builder.input(DY, DataType.FLOAT32, Shape.of(extent(0), extent(2)));
    }

    private Value weight(GraphBuilder builder) {
        return builder.parameter("weight", Shape.of(extent(2), extent(1)));
    }

    private long extent(int axis) {
        return shape(layer).dim(axis);
    }

    @Override
    Tolerance outputs() {
        return Tolerance.sum(extent(1));
    }

    /** Of both gradients the longer sum: over the batch, or over the outputs. */
    @Override
    Tolerance gradients() {
        return Tolerance.sum(Math.max(extent(0), extent(2)));
    }
}
