package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.List;

/**
 * The same elements of each sample, row-major, in another shape: (N, …) to (N, sample…).
 *
 * @param sample the extents without the batch's; one of them may be −1 and becomes what is left
 */
public record Reshape(List<Long> sample) implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public Reshape {
        sample = List.copyOf(sample);
        if (sample.stream().filter(d -> d == -1).count() > 1 || sample.stream().anyMatch(d -> d < 1 && d != -1)) {
            throw new IllegalArgumentException(
                    "the extents " + sample + " must be 1 at least, but for one that may be -1: what is left");
        }
    }

    @Override
    public Value build(Context context, Value x) {
        Shape s = x.shape();
        long elements = s.elements() / s.dim(0);
        long known = sample.stream().filter(d -> d != -1).reduce(1L, Math::multiplyExact);
        if (sample.contains(-1L) ? elements % known != 0 : elements != known) {
            throw new IllegalArgumentException(
                    "a sample of " + s.tail() + " with " + elements + " elements does not fit into " + sample);
        }
        long[] dims =
                sample.stream().mapToLong(d -> d == -1 ? elements / known : d).toArray();
        return context.add(new Op.Reshape(Shape.of(dims).prepend(s.dim(0))), x);
    }
}
