package dev.ondine.nn;

import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.List;
import java.util.Optional;

/**
 * More elements around the spatial axes: (N, C, space…) to (N, C, begin + extent + end …); made by {@link Layers#zeroPad2d} and its
 * siblings.
 *
 * @param begin elements before the first of each spatial axis
 * @param end elements behind the last
 * @param mode where they are taken from; nothing for {@code value}
 * @param value of the new elements, if there is no mode
 */
public record Pad(List<Integer> begin, List<Integer> end, Optional<AxisMatrix.Padding> mode, float value)
        implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public Pad {
        begin = List.copyOf(begin);
        end = List.copyOf(end);
        if (begin.size() != end.size()) {
            throw new IllegalArgumentException(
                    "padding before, " + begin + ", and behind, " + end + ", are for as many axes");
        }
        if (begin.stream().anyMatch(n -> n < 0) || end.stream().anyMatch(n -> n < 0)) {
            throw new IllegalArgumentException("padding must not be negative, but is " + begin + " and " + end);
        }
    }

    /** Other numbers of elements before the first of each spatial axis. */
    public Pad begin(int... begin) {
        return new Pad(Conv.each(begin, end.size()), end, mode, value);
    }

    /** Other numbers of elements behind the last of each spatial axis. */
    public Pad end(int... end) {
        return new Pad(begin, Conv.each(end, begin.size()), mode, value);
    }

    @Override
    public Value build(Context context, Value x) {
        if (x.shape().rank() != begin.size() + 2) {
            throw new IllegalArgumentException("padding of " + begin.size()
                    + " spatial axes takes (batch, channels) and as many, not " + x.shape());
        }
        Value y = x;
        for (int i = 0; i < begin.size(); i++) {
            if (begin.get(i) > 0 || end.get(i) > 0) y = pad(context, y, 2 + i, begin.get(i), end.get(i));
        }
        return y;
    }

    private Value pad(Context context, Value x, int axis, int before, int behind) {
        Shape s = x.shape();
        if (mode.isPresent()) {
            var matrix = AxisMatrix.padded(mode.get(), s.dim(axis), before, behind);
            return context.add(new Op.AlongAxis(axis, matrix), x);
        }
        if (before == 0) return context.add(new Op.Concat(axis), x, filled(context, s.with(axis, behind)));
        Value first = filled(context, s.with(axis, before));
        if (behind == 0) return context.add(new Op.Concat(axis), first, x);
        return context.add(new Op.Concat(axis), first, x, filled(context, s.with(axis, behind)));
    }

    private Value filled(Context context, Shape shape) {
        return context.add(new Op.Fill(value, shape));
    }
}
