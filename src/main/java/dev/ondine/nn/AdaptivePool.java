package dev.ondine.nn;

import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Pooling to a given size: (N, C, space…) to (N, C, {@code size}…), the window of element i of an axis reaching from ⌊i·in/out⌋ to
 * ⌈(i + 1)·in/out⌉, as in PyTorch's {@code AdaptiveAvgPool2d}.
 *
 * @param kind MAX or AVERAGE_EXCLUDE_PADDING
 * @param size of each spatial axis; of MAX, a divisor of the input's
 */
public record AdaptivePool(Op.PoolingKind kind, List<Integer> size) implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public AdaptivePool {
        size = List.copyOf(size);
        if (size.isEmpty() || size.stream().anyMatch(n -> n < 1)) {
            throw new IllegalArgumentException("the size is 1 at least along each axis, not " + size);
        }
    }

    @Override
    public Value build(Context context, Value x) {
        Shape s = x.shape();
        if (s.rank() != size.size() + 2) {
            throw new IllegalArgumentException(
                    "pooling to " + size + " takes (batch, channels) and " + size.size() + " spatial axes, not " + s);
        }
        List<Integer> kernel = new ArrayList<>();
        boolean divides = true;
        for (int i = 0; i < size.size(); i++) {
            divides &= s.dim(2 + i) % size.get(i) == 0;
            kernel.add(Math.toIntExact(s.dim(2 + i) / size.get(i)));
        }
        if (divides) {
            List<Integer> none = Collections.nCopies(size.size(), 0);
            return context.add(new Op.Pooling(kind, kernel, kernel, none, none, false), x);
        }
        if (kind == Op.PoolingKind.MAX) {
            throw new IllegalArgumentException(
                    "the size " + size + " of adaptive max pooling must divide the space of " + s + " along each axis");
        }
        Value y = x;
        for (int i = 0; i < size.size(); i++) {
            long in = s.dim(2 + i);
            if (in != size.get(i)) y = context.add(new Op.AlongAxis(2 + i, AxisMatrix.averages(in, size.get(i))), y);
        }
        return y;
    }
}
