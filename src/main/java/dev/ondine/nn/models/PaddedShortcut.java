package dev.ondine.nn.models;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.Context;
import dev.ondine.nn.Layer;
import dev.ondine.tensor.Shape;
import java.util.List;

/**
 * Every {@code stride}-th pixel of the input, and behind its channels zeros up to {@code out} of them (option A of He et al. 2016,
 * section 3.3). No parameters.
 */
record PaddedShortcut(int out, int stride) implements Layer {
    @Override
    public Value build(Context context, Value x) {
        // A window of one pixel: its mean is the pixel.
        Op pick = new Op.Pooling(
                Op.PoolingKind.AVERAGE_EXCLUDE_PADDING,
                List.of(1, 1),
                List.of(stride, stride),
                List.of(0, 0),
                List.of(0, 0),
                false);
        Value picked = stride == 1 ? x : context.add(pick, x);
        Shape shape = picked.shape();
        if (shape.dim(1) == out) return picked;
        Value zeros = context.add(new Op.Fill(0, shape.with(1, out - shape.dim(1))));
        return context.add(new Op.Concat(1), picked, zeros);
    }
}
