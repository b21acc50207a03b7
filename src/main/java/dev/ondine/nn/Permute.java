package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import java.util.List;

/**
 * The axes in another order: axis i of the output is axis {@code axes[i]} of the input, as PyTorch's permute has it. Axis 0 is the batch
 * and stays.
 */
public record Permute(List<Integer> axes) implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public Permute {
        axes = List.copyOf(axes);
        if (axes.isEmpty() || axes.getFirst() != 0) {
            throw new IllegalArgumentException("axis 0, the batch, must stay the first in " + axes);
        }
    }

    @Override
    public Value build(Context context, Value x) {
        return context.add(new Op.Transpose(axes), x);
    }
}
