package dev.ondine.nn;

import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Space resized; (N, C, space…), one to three spatial axes, as PyTorch's {@code Upsample} and {@code interpolate}; made by
 * {@link Layers#upsampleNearest} and {@link Layers#upsampleLinear}. It also makes smaller, without smoothing.
 *
 * @param size the new extent of each spatial axis; empty if {@code scale} says it
 * @param scale what each spatial axis is multiplied with, one number for all axes or one each; empty if {@code size} is given
 * @param alignCorners with linear interpolation, whether the centres of the outermost elements fall together, not their outer edges;
 *     default false
 */
public record Upsample(Op.ResamplingKind kind, List<Integer> size, List<Integer> scale, boolean alignCorners)
        implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public Upsample {
        size = List.copyOf(size);
        scale = List.copyOf(scale);
        if (size.isEmpty() == scale.isEmpty()) throw new IllegalArgumentException("give a size or a scale");
        for (List<Integer> given : List.of(size, scale)) {
            if (given.stream().anyMatch(n -> n < 1)) {
                throw new IllegalArgumentException("sizes and scales are 1 at least, not " + given);
            }
        }
        if (alignCorners && kind == Op.ResamplingKind.NEAREST) {
            throw new IllegalArgumentException("alignCorners is for linear interpolation");
        }
    }

    /** Resizes to this extent of each spatial axis, or of all of them, whatever the input's. */
    public Upsample size(int... size) {
        return new Upsample(kind, Context.list(size), List.of(), alignCorners);
    }

    /** One number a spatial axis. */
    public Upsample scale(int... scale) {
        return new Upsample(kind, List.of(), Context.list(scale), alignCorners);
    }

    /** Whether the corners of both images lie on one another, as in PyTorch. */
    public Upsample alignCorners(boolean alignCorners) {
        return new Upsample(kind, size, scale, alignCorners);
    }

    @Override
    public Value build(Context context, Value x) {
        Shape s = x.shape();
        int spatial = s.rank() - 2;
        if (spatial < 1 || spatial > 3) {
            throw new IllegalArgumentException("resizing takes (batch, channels, 1 to 3 spatial axes), not " + s);
        }
        List<Integer> given = scale.isEmpty() ? size : scale;
        List<Integer> each = given.size() == 1 ? Collections.nCopies(spatial, given.getFirst()) : given;
        if (each.size() != spatial) {
            throw new IllegalArgumentException(
                    given + " has " + given.size() + " entries for " + spatial + " spatial axes");
        }
        List<Long> target = new ArrayList<>();
        boolean multiple = true;
        for (int i = 0; i < spatial; i++) {
            target.add(scale.isEmpty() ? each.get(i) : Math.multiplyExact(each.get(i), s.dim(2 + i)));
            multiple &= target.get(i) % s.dim(2 + i) == 0;
        }
        boolean nearest = kind == Op.ResamplingKind.NEAREST;
        if (nearest ? multiple : !alignCorners) return context.add(new Op.Resampling(kind, target), x);
        // oneDNN rounds to another nearest element than PyTorch where the sizes are no multiples, and aligns no
        // corners.
        Value y = x;
        for (int i = 0; i < spatial; i++) {
            long in = s.dim(2 + i);
            long out = target.get(i);
            if (in == out) continue;
            AxisMatrix matrix = nearest ? AxisMatrix.nearest(in, out) : AxisMatrix.linear(in, out, true);
            y = context.add(new Op.AlongAxis(2 + i, matrix), y);
        }
        return y;
    }
}
