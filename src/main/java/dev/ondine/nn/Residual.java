package dev.ondine.nn;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import java.util.Optional;

/**
 * body(x) + shortcut(x), then an activation if there is one (He et al. 2016). The shapes of both must agree. The body's parameters
 * are named as if the body stood here itself, the shortcut's {@code downsample.…}, as in torchvision's ResNets.
 *
 * @param shortcut nothing for x itself
 */
public record Residual(Layer body, Optional<Layer> shortcut, Optional<ActivationKind> activation) implements Layer {
    /** relu(body(x) + x). */
    public static Residual of(Layer body) {
        return new Residual(body, Optional.empty(), Optional.of(ActivationKind.RELU));
    }

    /** relu(body(x) + shortcut(x)). */
    public static Residual of(Layer body, Layer shortcut) {
        return new Residual(body, Optional.of(shortcut), Optional.of(ActivationKind.RELU));
    }

    @Override
    public Value build(Context context, Value x) {
        Value y = body.build(context, x);
        Value skip = shortcut.isPresent() ? context.child("downsample", shortcut.get(), x) : x;
        Value sum = context.add(new Op.Add(false), y, skip);
        return activation.isPresent() ? context.add(new Op.Activation(activation.get(), 0), sum) : sum;
    }
}
