package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.Arrays;

/**
 * Inverted dropout of whole channels (Tompson et al. 2015; PyTorch's {@code Dropout1d} to {@code Dropout3d}): in training each channel
 * of each sample becomes 0 with the given probability and the others are divided by 1 − probability; in evaluation nothing happens.
 * (N, C, …) of any rank from 2 on. Repeatable: the same seed and step drop the same channels.
 *
 * <p>In bfloat16 the factor 1/(1 − probability) is rounded to bfloat16.
 */
public record SpatialDropout(float probability) implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public SpatialDropout {
        if (!(probability >= 0 && probability <= 1)) {
            throw new IllegalArgumentException("the probability of dropout must lie in [0, 1], not " + probability);
        }
    }

    @Override
    public Value build(Context context, Value x) {
        Shape shape = x.shape();
        if (shape.rank() < 2) {
            throw new IllegalArgumentException("dropout of channels takes (batch, channels, …), not " + shape);
        }
        long salt = context.nextDropout();
        if (!context.training() || probability == 0) return x;
        // Dropout of a small tensor of ones, and a product that spreads it, in whatever layout x has.
        long[] channels = shape.dims().clone();
        Arrays.fill(channels, 2, channels.length, 1);
        Value ones = context.add(new Op.Fill(1, Shape.of(channels)));
        return context.add(new Op.Multiply(), x, context.add(new Op.Dropout(probability, salt), ones));
    }
}
