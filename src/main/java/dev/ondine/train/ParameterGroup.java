package dev.ondine.train;

import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
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

    /** With its learning rate multiplied by this. */
    public ParameterGroup rate(double rate) {
        return new ParameterGroup(members, rate, weightDecay, frozen);
    }

    /** With a weight decay of its own. */
    public ParameterGroup weightDecay(double weightDecay) {
        return new ParameterGroup(members, rate, OptionalDouble.of(weightDecay), frozen);
    }

    /** Held as it is: neither updated nor decayed. */
    public ParameterGroup fixed() {
        return new ParameterGroup(members, rate, weightDecay, true);
    }

    /** The group of a parameter: the first that has it, or that of all others. */
    static ParameterGroup of(ParameterSpec parameter, List<ParameterGroup> groups) {
        return groups.stream()
                .filter(g -> g.members().test(parameter))
                .findFirst()
                .orElseGet(() -> of(_ -> true));
    }

    /**
     * What becomes of a model's parameters: for each way of treating them but the common one, how many are treated so and a number that
     * depends on which ones these are. Two texts are the same if the groups do the same, however they say it.
     */
    static String describe(List<ParameterGroup> groups, Model model) {
        Map<String, List<String>> members = new TreeMap<>();
        for (ParameterSpec spec : model.parameters().specs()) {
            if (!spec.learned()) continue;
            ParameterGroup group = of(spec, groups);
            String treated = group.treatment();
            if (!treated.isEmpty()) {
                members.computeIfAbsent(treated, _ -> new ArrayList<>()).add(spec.name());
            }
        }
        if (members.isEmpty()) return "none";
        List<String> texts = new ArrayList<>();
        members.forEach((treated, names) ->
                texts.add(names.size() + " " + treated + " #" + Integer.toHexString(names.hashCode())));
        return String.join("; ", texts);
    }

    private String treatment() {
        if (frozen) return "fixed";
        List<String> parts = new ArrayList<>();
        if (rate != 1) parts.add("at " + rate + " of the learning rate");
        weightDecay.ifPresent(decay -> parts.add("with weight decay " + decay));
        return String.join(" ", parts);
    }
}
