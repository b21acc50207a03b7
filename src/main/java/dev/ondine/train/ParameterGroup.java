package dev.ondine.train;

import dev.ondine.nn.ParameterSpec;
import java.util.OptionalDouble;
import java.util.function.Predicate;

/**
 * Parameters that an optimizer treats differently from the rest: {@code ParameterGroup.of(p -> p.role().isNormalization()).rate(0.1)}.
 *
 * @param members who belongs to it, by name, role and shape
 * @param rate what their learning rate is multiplied with; default 1
 * @param weightDecay instead of the optimizer's; default: the optimizer's
 * @param frozen whether they stay as they are; default false
 */
public record ParameterGroup(
        Predicate<ParameterSpec> members, double rate, OptionalDouble weightDecay, boolean frozen) {

    /** @throws IllegalArgumentException if the factor is not positive, or the decay negative */
    public ParameterGroup {
        if (!(rate > 0) || Double.isInfinite(rate)) {
            throw new IllegalArgumentException(
                    "the factor of a group's learning rate must be positive, not " + rate + "; fixed() holds it fast");
        }
        if (weightDecay.isPresent()) {
            double decay = weightDecay.getAsDouble();
            if (!(decay >= 0) || Double.isInfinite(decay)) {
                throw new IllegalArgumentException("weight decay must be 0 or more, not " + decay);
            }
        }
    }

    /** Treated as all others, until said otherwise. */
    public static ParameterGroup of(Predicate<ParameterSpec> members) {
        return new ParameterGroup(members, 1, OptionalDouble.empty(), false);
    }

    public ParameterGroup rate(double rate) {
        return new ParameterGroup(members, rate, weightDecay, frozen);
    }

    public ParameterGroup weightDecay(double weightDecay) {
        return new ParameterGroup(members, rate, OptionalDouble.of(weightDecay), frozen);
    }

    public ParameterGroup fixed() {
        return new ParameterGroup(members, rate, weightDecay, true);
    }
}
