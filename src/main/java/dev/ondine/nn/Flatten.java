package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;

/** (N, C, space…) to (N, C·space). */
public record Flatten() implements Layer {
    @Override
    public Value build(Context context, Value x) {
        Shape s = x.shape();
        if (s.rank() == 2) return x;
        return context.add(new Op.Reshape(Shape.of(s.dim(0), s.elements(1, s.rank()))), x);
    }
}
