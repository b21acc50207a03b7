package dev.ondine.bench;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import org.openjdk.jmh.annotations.Param;

/** A cheap activation, whose time is memory's, and an expensive one. */
public class ActivationBenchmark extends PairBenchmark {
    @Param({"RELU", "GELU"})
    public ActivationKind kind;

    @Param({"1x16x28x28", "16x64x28x28", "32x64x56x56"})
    public String shape;

    @Override
    Value build(GraphBuilder builder, boolean training) {
        Value x = builder.input(X, DataType.FLOAT32, shape(shape));
        return builder.add(new Op.Activation(kind, 0), x);
    }

    @Override
    Tolerance outputs() {
        return kind == ActivationKind.RELU ? Tolerance.EXACT : Tolerance.TRANSCENDENTAL;
    }

    @Override
    Tolerance gradients() {
        return outputs();
    }
}
