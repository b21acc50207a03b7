package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * One operation in training, forward and backward with a given gradient of y, as it runs in the middle of a network: y and the
 * gradients of x and of the parameters are made, and no activation is converted from or to another layout.
 */
final class BenchOperation implements BenchStep {
    private static final String DY = "dy";

    private final Plan plan;

    BenchOperation(BenchWorkload workload, int size, Backend backend, PlanOptions options) {
        GraphBuilder builder = new GraphBuilder();
        Value x = builder.input("x", DataType.FLOAT32, workload.sample().prepend(size));
        long channels = workload.sample().dim(0);
        Value y = workload == BenchWorkload.BN
                ? batchNormalization(builder, x, channels)
                : convolution(builder, x, channels);
        builder.output("y", y);
        Value dy = builder.input(DY, DataType.FLOAT32, y.shape());
        Graph forward = builder.build();
        List<Value> wanted = new ArrayList<>(List.of(x));
        wanted.addAll(forward.parameters());
        plan = backend.compile(Differentiate.apply(forward, y, dy, wanted), options.ownLayouts(true));
        BenchStep.fill(plan.input("x"));
        BenchStep.fill(plan.input(DY));
        plan.load();
        for (int i = 0; i < forward.parameters().size(); i++) {
            try (Tensor parameter = Tensor.allocate(
                    DataType.FLOAT32, forward.parameters().get(i).shape())) {
                BenchStep.fill(parameter);
                plan.pack(i, parameter.segment(), plan.weights());
            }
        }
    }

    private static Value batchNormalization(GraphBuilder builder, Value x, long channels) {
        Value scale = builder.parameter("weight", Shape.of(channels));
        Value shift = builder.parameter("bias", Shape.of(channels));
        return builder.add(new Op.BatchNormalization(1e-5f, true, true, true, false), x, scale, shift);
    }

    /** 3x3, as many channels out as in, without bias. */
    private static Value convolution(GraphBuilder builder, Value x, long channels) {
        List<Integer> one = List.of(1, 1);
        Value weight = builder.parameter("weight", Shape.of(channels, channels, 3, 3));
        return builder.add(new Op.Convolution(one, one, one, one, 1, false), x, weight);
    }

    @Override
    public void run() {
        plan.run(0);
    }

    @Override
    public Plan plan() {
        return plan;
    }

    @Override
    public String updates() {
        return "";
    }

    @Override
    public void close() {
        plan.close();
    }
}
