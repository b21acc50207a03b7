package dev.ondine.graph;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.List;

/** The shapes that losses take. */
final class LossRules {
    private LossRules() {}

    static TensorType crossEntropy(Op.CrossEntropy c, List<TensorType> in) {
        Shape x = ShapeRules.shape(in, 0);
        TensorType target = in.get(1);
        if (x.rank() < 2) {
            throw new IllegalArgumentException("cross-entropy takes logits (batch, classes, …), not " + x);
        }
        Shape expected = Shape.of(x.dim(0));
        for (int i = 2; i < x.rank(); i++) {
            long[] longer = Arrays.copyOf(expected.dims(), i);
            longer[i - 1] = x.dim(i);
            expected = Shape.of(longer);
        }
        ShapeRules.requireSame("target", target.shape(), "logits without classes", expected);
        if (target.dataType() != DataType.INT32) {
            throw new IllegalArgumentException(
                    "targets of cross-entropy are class indices (INT32), not " + target.dataType());
        }
        requireSmoothing(c.smoothing());
        return TensorType.float32(Shape.of());
    }

    static TensorType softCrossEntropy(Op.SoftCrossEntropy c, List<TensorType> in) {
        Shape x = ShapeRules.shape(in, 0);
        if (x.rank() < 2) {
            throw new IllegalArgumentException("cross-entropy takes logits (batch, classes, …), not " + x);
        }
        ShapeRules.requireSame("target", ShapeRules.shape(in, 1), "logits", x);
        requireSmoothing(c.smoothing());
        return TensorType.float32(Shape.of());
    }

    private static void requireSmoothing(float smoothing) {
        if (!(smoothing >= 0 && smoothing <= 1)) {
            throw new IllegalArgumentException("label smoothing must lie in [0, 1], not " + smoothing);
        }
    }

    static void requirePointwise(Op.PointwiseLoss loss, Shape x) {
        switch (loss) {
            case Op.MeanSquaredError _ -> {}
            case Op.SmoothL1 s -> {
                if (!(s.beta() >= 0 && s.beta() < Float.POSITIVE_INFINITY)) {
                    throw new IllegalArgumentException("beta of the smooth L1 loss must be 0 or more, not " + s.beta());
                }
            }
            case Op.BinaryCrossEntropy b -> {
                int weights = b.positiveWeight().size();
                if (weights > 1 && (x.rank() < 2 || x.dim(1) != weights)) {
                    throw new IllegalArgumentException(weights + " positive weights do not fit axis 1 of " + x
                            + ": give one for each entry of it, or one");
                }
                for (float w : b.positiveWeight()) {
                    if (!(w >= 0 && w < Float.POSITIVE_INFINITY)) {
                        throw new IllegalArgumentException("a positive weight must be 0 or more, not " + w);
                    }
                }
            }
            case Op.KlDivergence _ -> {
                if (x.rank() < 1) {
                    throw new IllegalArgumentException("the divergence takes (batch, …), not a scalar");
                }
            }
        }
    }
}
