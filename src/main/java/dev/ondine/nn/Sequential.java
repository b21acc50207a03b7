package dev.ondine.nn;

import dev.ondine.graph.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * Layers one after another. Children are called 0, 1, 2 … as in PyTorch, or by names of their own ({@link #named}).
 *
 * @param children by name, in order
 */
public record Sequential(SequencedMap<String, Layer> children) implements Layer {
    /** Keeps a copy of what could be changed. */
    public Sequential {
        children = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(children));
    }

    /** Layers one after the other, named 0, 1, 2, … */
    public static Sequential of(Layer... layers) {
        return of(List.of(layers));
    }

    /** Layers one after the other, named 0, 1, 2, … */
    public static Sequential of(List<? extends Layer> layers) {
        SequencedMap<String, Layer> children = new LinkedHashMap<>();
        for (Layer layer : layers) children.put(Integer.toString(children.size()), layer);
        return new Sequential(children);
    }

    /** An empty sequence to add named children to: {@code Sequential.named().then("conv1", …).then("bn1", …)}. */
    public static Sequential named() {
        return new Sequential(new LinkedHashMap<>());
    }

    /** This sequence with another child behind the last. */
    public Sequential then(String name, Layer layer) {
        SequencedMap<String, Layer> longer = new LinkedHashMap<>(children);
        if (longer.putLast(name, layer) != null) {
            throw new IllegalArgumentException("two layers are called '" + name + "'");
        }
        return new Sequential(longer);
    }

    @Override
    public Value build(Context context, Value x) {
        Value y = x;
        for (var child : new ArrayList<>(children.entrySet())) y = context.child(child.getKey(), child.getValue(), y);
        return y;
    }
}
