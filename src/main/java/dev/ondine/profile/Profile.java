package dev.ondine.profile;

import dev.ondine.backend.PlanReport;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * How long everything in a plan, and around it, takes: medians over several runs.
 *
 * @param seconds of each step of the plan
 * @param around what a training step does besides its plan; empty for other plans
 * @param whole seconds of an undisturbed run of everything, in which no step is timed by itself
 * @param runs how many were timed
 * @param peak of the machine on as many threads, if it is known
 */
public record Profile(
        PlanReport plan, List<Double> seconds, List<Part> around, double whole, int runs, Optional<Peak> peak) {

    /** A part of a training step outside of its plan. */
    public record Part(String name, double seconds) {}

    /**
     * Steps of one kind.
     *
     * @param name of the kind, or of a part outside of the plan
     * @param flops floating-point operations of all of them; 0 outside of the plan
     * @param leastSeconds what they would take at the machine's peak; empty if that, or what they do, is not known
     */
    public record Sum(
            String name,
            Optional<PlanReport.Kind> kind,
            int steps,
            double seconds,
            double flops,
            OptionalDouble leastSeconds) {}

    public Profile {
        if (seconds.size() != plan.steps().size()) {
            throw new IllegalArgumentException(
                    seconds.size() + " times for " + plan.steps().size() + " steps");
        }
        seconds = List.copyOf(seconds);
        around = List.copyOf(around);
    }

    /** The sum of all parts, of which the shares are. */
    public double total() {
        return seconds.stream().mapToDouble(s -> s).sum()
                + around.stream().mapToDouble(Part::seconds).sum();
    }

    /** The least time that a step can take on this machine by its arithmetic and its memory traffic. */
    public OptionalDouble leastSeconds(PlanReport.Step step) {
        if (peak.isEmpty()) return OptionalDouble.empty();
        boolean bfloat16 = step.reads().stream().anyMatch(o -> o.type().equals("bf16"));
        return OptionalDouble.of(peak.get().seconds(step.flops(), step.bytes(), bfloat16));
    }

    /** The share of the roofline that a step reaches: 1 would be the machine's peak. */
    public OptionalDouble roofline(PlanReport.Step step) {
        OptionalDouble least = leastSeconds(step);
        return least.isEmpty() ? least : OptionalDouble.of(least.getAsDouble() / seconds.get(step.index()));
    }

    /** Summed by kind, longest first; what is around the plan follows as kinds of its own. */
    public List<Sum> byKind() {
        Map<PlanReport.Kind, List<PlanReport.Step>> kinds = new EnumMap<>(PlanReport.Kind.class);
        for (PlanReport.Step step : plan.steps()) {
            kinds.computeIfAbsent(step.kind(), _ -> new ArrayList<>()).add(step);
        }
        List<Sum> sums = new ArrayList<>();
        kinds.forEach((kind, steps) -> sums.add(new Sum(
                kind.toString(),
                Optional.of(kind),
                steps.size(),
                steps.stream().mapToDouble(s -> seconds.get(s.index())).sum(),
                steps.stream().mapToDouble(PlanReport.Step::flops).sum(),
                peak.isEmpty()
                        ? OptionalDouble.empty()
                        : OptionalDouble.of(steps.stream()
                                .mapToDouble(s -> leastSeconds(s).orElse(0))
                                .sum()))));
        for (Part part : around) {
            sums.add(new Sum(part.name, Optional.empty(), 1, part.seconds, 0, OptionalDouble.empty()));
        }
        sums.sort((a, b) -> Double.compare(b.seconds, a.seconds));
        return sums;
    }
}
