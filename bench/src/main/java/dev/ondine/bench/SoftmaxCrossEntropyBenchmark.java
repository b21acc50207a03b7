package dev.ondine.bench;

import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import org.openjdk.jmh.annotations.Param;

/** Softmax over the classes, and the loss that contains it. */
public class SoftmaxCrossEntropyBenchmark extends PairBenchmark {
    @Param({"softmax", "cross-entropy"})
    public String kind;

    /** The logits of CIFAR-10, of ImageNet, and of a segmentation. */
    @Param({"128x10", "256x1000", "4x21x128x128"})
    public String shape;

    @Override
    Value build(GraphBuilder builder, boolean training) {
        Value x = builder.input(X, DataType.FLOAT32, shape(shape));
        return switch (kind) {
            case "softmax" -> builder.add(new Op.Softmax(1, false), x);
            case "cross-entropy" ->
                builder.add(
                        new Op.CrossEntropy(0, -100), x, builder.input("target", DataType.INT32, target(x.shape())));
            default -> throw new IllegalArgumentException("kind is '" + kind + "', not softmax or cross-entropy");
        };
    }

    /** The logits' shape without its classes. */
    private static Shape target(Shape x) {
        return x.rank() == 2 ? Shape.of(x.dim(0)) : Shape.of(x.dim(0), x.dim(2), x.dim(3));
    }

    @Override
    Tolerance outputs() {
        return Tolerance.TRANSCENDENTAL;
    }

    /** The gradient through a softmax subtracts a sum over the classes. */
    @Override
    Tolerance gradients() {
        return new Tolerance(
                "polynomials, then a sum over the classes",
                Tolerance.TRANSCENDENTAL.value()
                        + Tolerance.sum(shape(shape).dim(1)).value());
    }
}
