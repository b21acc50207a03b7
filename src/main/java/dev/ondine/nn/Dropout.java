package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;

/**
 * Inverted dropout: in training each element becomes 0 with the given probability and the others are divided by 1 − probability; in
 * evaluation nothing happens. Any shape. Repeatable: the same seed and step drop the same elements.
 */
public record Dropout(float probability) implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public Dropout {
        if (!(probability >= 0 && probability <= 1)) {
            throw new IllegalArgumentException("the probability of dropout must lie in [0, 1], not " + probability);
        }
    }

    @Override
    public Value build(Context context, Value x) {
        long salt = context.nextDropout();
        return context.training() && probability > 0 ? context.add(new Op.Dropout(probability, salt), x) : x;
    }
}
