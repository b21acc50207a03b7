package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.Arrays;

/**
 * {@code max(0, x) + slope·min(0, x)} with learned slopes (He et al. 2015); (N, C, …). Its parameter {@code weight} (slopes) is
 * {@code initial} at first.
 *
 * @param slopes 1 for one slope, or the number of channels for one each; default 1
 * @param initial default 0.25
 */
public record PRelu(int slopes, float initial) implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public PRelu {
        if (slopes < 1) throw new IllegalArgumentException("there is one slope at least, not " + slopes);
    }

    /** Another value to begin with. */
    public PRelu initial(double initial) {
        return new PRelu(slopes, (float) initial);
    }

    @Override
    public Value build(Context context, Value x) {
        Shape s = x.shape();
        if (slopes > 1 && (s.rank() < 2 || s.dim(1) != slopes)) {
            throw new IllegalArgumentException("one slope for each of " + slopes + " channels does not fit " + s);
        }
        if (s.rank() < 2) throw new IllegalArgumentException("learned slopes take (batch, channels, …), not " + s);
        Value weight = context.parameter("weight", Shape.of(slopes), new Initializer.Constant(initial));
        long[] dims = new long[s.rank()];
        Arrays.fill(dims, 1);
        dims[1] = slopes;
        Value slope = context.add(new Op.Reshape(Shape.of(dims)), weight);
        // oneDNN has kernels for a slope a channel.
        if (slopes < s.dim(1)) {
            slope = context.add(new Op.Expand(slope.shape().with(1, s.dim(1))), slope);
        }
        return context.add(new Op.PRelu(), x, slope);
    }
}
