package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import java.util.List;

/** The outputs of several branches over the same input, joined along the channels. Branches are called 0, 1, 2 … */
public record Concat(List<Layer> branches) implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public Concat {
        branches = List.copyOf(branches);
        if (branches.isEmpty()) throw new IllegalArgumentException("a concatenation needs at least one branch");
    }

    @Override
    public Value build(Context context, Value x) {
        Value[] parts = new Value[branches.size()];
        for (int i = 0; i < parts.length; i++) parts[i] = context.child(Integer.toString(i), branches.get(i), x);
        return context.add(new Op.Concat(1), parts);
    }
}
