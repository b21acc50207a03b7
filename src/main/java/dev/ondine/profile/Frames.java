package dev.ondine.profile;

import dev.ondine.backend.PlanReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A profile as nested spans of time: the whole, the layers by the parts of their names, the steps. As they follow one another in a run. */
final class Frames {
    /**
     * A span.
     *
     * @param begin in seconds from the beginning of the run
     * @param depth 0 for the whole, one more for each level inside
     * @param step that it is; nothing for a layer or what is around the plan
     */
    record Frame(
            String name, String category, double begin, double seconds, int depth, Optional<PlanReport.Step> step) {}

    private final Profile profile;
    private final List<Frame> frames = new ArrayList<>();
    private double now;

    private Frames(Profile profile) {
        this.profile = profile;
    }

    /** The spans of a profile, each before those inside of it. */
    static List<Frame> of(Profile profile) {
        Frames f = new Frames(profile);
        String name = profile.around().isEmpty() ? "run" : "training step";
        f.frames.add(new Frame(name, "run", 0, profile.total(), 0, Optional.empty()));
        f.add(profile.plan().steps(), 0);
        for (Profile.Part part : profile.around()) {
            f.frames.add(new Frame(part.name(), "around the plan", f.now, part.seconds(), 1, Optional.empty()));
            f.now += part.seconds();
        }
        return f.frames;
    }

    private void add(List<PlanReport.Step> steps, int level) {
        int from = 0;
        while (from < steps.size()) {
            String part = part(steps.get(from), level);
            if (part.isEmpty()) {
                addStep(steps.get(from), level);
                from++;
                continue;
            }
            int to = from + 1;
            while (to < steps.size() && part(steps.get(to), level).equals(part)) to++;
            int place = frames.size();
            double begin = now;
            frames.add(null); // Its length is known when what is inside is added.
            add(steps.subList(from, to), level + 1);
            frames.set(place, new Frame(part, "layer", begin, now - begin, level + 1, Optional.empty()));
            from = to;
        }
    }

    private void addStep(PlanReport.Step step, int level) {
        double seconds = profile.seconds().get(step.index());
        frames.add(new Frame(step.operation(), step.kind().toString(), now, seconds, level + 1, Optional.of(step)));
        now += seconds;
    }

    /** The part of a layer's name at a level: of {@code layer1.0.conv1} first {@code layer1}; empty behind the last. */
    private static String part(PlanReport.Step step, int level) {
        if (step.path().isEmpty()) return "";
        String[] parts = step.path().split("\\.", -1);
        return level < parts.length ? parts[level] : "";
    }
}
