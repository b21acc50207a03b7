package dev.ondine.nn;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;

/**
 * Squeeze and excitation (Hu et al. 2018): each channel of a sample is multiplied with a number that the means of all channels decide,
 * x·gate(fc2(f(fc1(mean(x))))). (N, channels, space…). The layers are called {@code fc1} and {@code fc2}, 1×1 convolutions as in
 * torchvision's {@code SqueezeExcitation}.
 *
 * @param squeezed channels between fc1 and fc2
 * @param activation f; default ReLU
 * @param gate default the sigmoid
 */
public record SqueezeExcite(int channels, int squeezed, ActivationKind activation, ActivationKind gate)
        implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public SqueezeExcite {
        if (channels < 1 || squeezed < 1) {
            throw new IllegalArgumentException("there is one channel at least, not " + channels + " and " + squeezed);
        }
    }

    SqueezeExcite(int channels, int squeezed) {
        this(channels, squeezed, ActivationKind.RELU, ActivationKind.SIGMOID);
    }

    /** The activation between both layers. */
    public SqueezeExcite activation(ActivationKind activation) {
        return new SqueezeExcite(channels, squeezed, activation, gate);
    }

    /** The activation that makes the factor of each channel. */
    public SqueezeExcite gate(ActivationKind gate) {
        return new SqueezeExcite(channels, squeezed, activation, gate);
    }

    @Override
    public Value build(Context context, Value x) {
        int spatial = x.shape().rank() - 2;
        if (spatial < 1 || spatial > 3 || x.shape().dim(1) != channels) {
            throw new IllegalArgumentException("squeeze and excite takes (batch, " + channels
                    + " channels, 1 to 3 spatial axes), not " + x.shape());
        }
        Value means = new Pool.GlobalAverage().build(context, x);
        Value few = context.child("fc1", new Conv(spatial, channels, squeezed, 1), means);
        Value active = context.add(new Op.Activation(activation, 1), few);
        Value all = context.child("fc2", new Conv(spatial, squeezed, channels, 1), active);
        return context.add(new Op.Multiply(), x, context.add(new Op.Activation(gate, 1), all));
    }
}
