package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;

/**
 * A part of each sample: the {@code length} entries of an axis from {@code start} on.
 *
 * @param axis from 1 on, 0 being the batch; negative ones count from the end
 */
public record Slice(int axis, long start, long length) implements Layer {
    @Override
    public Value build(Context context, Value x) {
        int rank = x.shape().rank();
        int counted = axis < 0 ? axis + rank : axis;
        if (counted < 1) throw new IllegalArgumentException("axis " + axis + " of " + x.shape() + " cannot be sliced");
        return context.add(new Op.Slice(counted, start, length), x);
    }
}
