package dev.ondine.nn;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.SequencedMap;

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

    /**
     * A network whose residual blocks, wherever they stand in its sequences, begin as their shortcuts: γ of the last batch norm of each
     * body begins with 0 (Goyal et al. 2017, section 5.1; {@code zero_init_residual} of torchvision). A body that does not end in a batch
     * norm with a γ stays as it is.
     */
    public static Layer withZeroLast(Layer network) {
        return switch (network) {
            case Sequential s -> {
                SequencedMap<String, Layer> children = new LinkedHashMap<>();
                s.children().forEach((name, child) -> children.put(name, withZeroLast(child)));
                yield new Sequential(children);
            }
            case Residual r -> new Residual(zeroLast(withZeroLast(r.body)), r.shortcut, r.activation);
            default -> network;
        };
    }

    private static Layer zeroLast(Layer body) {
        return switch (body) {
            case BatchNorm b when b.scale() -> b.initialScale(0);
            case Sequential s
            when !s.children().isEmpty() -> {
                SequencedMap<String, Layer> children = new LinkedHashMap<>(s.children());
                children.replace(
                        s.children().lastEntry().getKey(),
                        zeroLast(s.children().lastEntry().getValue()));
                yield new Sequential(children);
            }
            default -> body;
        };
    }

    @Override
    public Value build(Context context, Value x) {
        Value y = body.build(context, x);
        Value skip = shortcut.isPresent() ? context.child("downsample", shortcut.get(), x) : x;
        Value sum = context.add(new Op.Add(false), y, skip);
        return activation.isPresent() ? context.add(new Op.Activation(activation.get(), 0), sum) : sum;
    }
}
