package dev.ondine.reference;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.List;

/**
 * conv – bn – relu – (conv – bn) + skip – relu – global pool – linear – cross-entropy, all parameters differentiable
 * inputs.
 */
public final class SmallResidualNetwork {
    private static final Op.Activation RELU = new Op.Activation(ActivationKind.RELU, 0);

    private SmallResidualNetwork() {}

    /** Adds the network to a graph and returns its loss. */
    public static Value add(TinyGraph g) {
        Value first = g.add(RELU, batchNormalization(g, convolution(g, g.random(3, 2, 5, 5), 4)));
        Value second = batchNormalization(g, convolution(g, first, 4));
        Value joined = g.add(RELU, g.add(new Op.Add(false), second, first));
        var global = new Op.Pooling(
                Op.PoolingKind.AVERAGE_INCLUDE_PADDING,
                List.of(5, 5),
                List.of(1, 1),
                List.of(0, 0),
                List.of(0, 0),
                false);
        Value features = g.add(new Op.Reshape(Shape.of(3, 4)), g.add(global, joined));
        Value logits = g.add(new Op.Linear(true), features, g.random(3, 4), g.random(3));
        return g.add(new Op.CrossEntropy(0.1f, -100), logits, g.labels(new double[] {2, 0, 1}, 3));
    }

    private static Value convolution(TinyGraph g, Value x, long outputs) {
        List<Integer> one = List.of(1, 1);
        Value w = g.random(outputs, x.shape().dim(1), 3, 3);
        return g.add(new Op.Convolution(one, one, one, one, 1, false), x, w);
    }

    private static Value batchNormalization(TinyGraph g, Value x) {
        long channels = x.shape().dim(1);
        var op = new Op.BatchNormalization(1e-5f, true, true, true, false);
        return g.add(op, x, g.random(channels), g.random(channels));
    }
}
