package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.List;

/**
 * Channels become pixels (Shi et al. 2016): (N, C·r², H, W) to (N, C, H·r, W·r); or the other way round. Channel {@code c·r² + i·r + j}
 * goes to row i and column j of each block of r×r pixels.
 *
 * @param factor r
 * @param inverse whether pixels become channels
 */
public record PixelShuffle(int factor, boolean inverse) implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public PixelShuffle {
        if (factor < 1)
            throw new IllegalArgumentException("the factor of a pixel shuffle is 1 at least, not " + factor);
    }

    @Override
    public Value build(Context context, Value x) {
        Shape s = x.shape();
        long r = factor;
        if (s.rank() != 4) throw new IllegalArgumentException("a pixel shuffle takes (N, C, H, W), not " + s);
        if (inverse ? s.dim(2) % r != 0 || s.dim(3) % r != 0 : s.dim(1) % (r * r) != 0) {
            throw new IllegalArgumentException((inverse ? "height and width of " : "the channels of ") + s
                    + " must be multiples of " + (inverse ? r : r * r));
        }
        if (inverse) {
            Shape split = Shape.of(s.dim(0), s.dim(1), s.dim(2) / r, r, s.dim(3) / r, r);
            Value blocks = context.add(new Op.Reshape(split), x);
            Value channels = context.add(new Op.Transpose(List.of(0, 1, 3, 5, 2, 4)), blocks);
            Shape joined = Shape.of(s.dim(0), s.dim(1) * r * r, s.dim(2) / r, s.dim(3) / r);
            return context.add(new Op.Reshape(joined), channels);
        }
        Shape split = Shape.of(s.dim(0), s.dim(1) / (r * r), r, r, s.dim(2), s.dim(3));
        Value blocks = context.add(new Op.Reshape(split), x);
        Value pixels = context.add(new Op.Transpose(List.of(0, 1, 4, 2, 5, 3)), blocks);
        return context.add(new Op.Reshape(Shape.of(s.dim(0), s.dim(1) / (r * r), s.dim(2) * r, s.dim(3) * r)), pixels);
    }
}
