package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * y = γ·x + β for each channel (axis 1), as batch normalization with mean 0 and variance 1 given: that has one kernel for all of its
 * gradients, where a product and a sum would read the tensor for each of them.
 */
final class ChannelAffine {
    /** 1 + this is 1 in any precision that is computed in, and so is its root: nothing is changed but by γ and β. */
    private static final float NOTHING = Float.MIN_NORMAL;

    private ChannelAffine() {}

    /** @param gamma of shape (C), or null for 1; {@code beta} likewise, or null for 0 */
    static Value of(Context context, Value x, Value gamma, Value beta) {
        if (gamma == null && beta == null) return x;
        Shape channels = Shape.of(x.shape().dim(1));
        List<Value> operands = new ArrayList<>(
                List.of(x, context.add(new Op.Fill(0, channels)), context.add(new Op.Fill(1, channels))));
        if (gamma != null) operands.add(gamma);
        if (beta != null) operands.add(beta);
        Op affine = new Op.BatchNormalization(NOTHING, false, gamma != null, beta != null, false);
        return context.add(affine, operands.toArray(Value[]::new));
    }
}
