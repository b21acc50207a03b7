package dev.ondine.profile;

import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanReport;
import dev.ondine.data.BatchAhead;
import dev.ondine.train.StepParts;
import dev.ondine.train.TrainingBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Times plans. Runs in which each step is timed alternate with undisturbed ones, so that whatever the machine does besides falls on
 * both alike.
 */
public final class Profiler {
    /** Runs that are not timed: the first ones fault memory in and are compiled by Java. */
    private static final int WARM_UP = 3;

    /** A median of fewer would be moved by one disturbance. */
    private static final int FEWEST_RUNS = 5;

    private static final int MOST_RUNS = 10_000;

    /** What the time is called in which the next batch was not ready. */
    public static final String WAITING = "waiting for input";

    private final Plan plan;
    private final PlanReport report;
    private final Optional<Peak> peak;
    private final List<long[]> steps = new ArrayList<>();
    private final List<long[]> parts = new ArrayList<>();
    private final List<Long> wholes = new ArrayList<>();

    private Profiler(Plan plan, Optional<Peak> peak) {
        this.plan = plan;
        this.report = plan.report()
                .orElseThrow(
                        () -> new IllegalArgumentException("this backend does not tell the steps of its plans apart"));
        this.peak = peak;
    }

    /**
     * Times training steps, on a batch that was filled; they train.
     *
     * @param seconds for which to go on, at least {@value #FEWEST_RUNS} runs
     * @param peak what the results are held against
     * @throws IllegalArgumentException if the backend's plans have no report
     */
    public static Profile training(TrainingBatch batch, double seconds, Optional<Peak> peak) {
        return training(batch, Optional.empty(), seconds, peak);
    }

    /**
     * Times training steps with the input that they wait for. Every run, also one in which steps of the plan are timed, takes a batch,
     * so that whoever prepares them has no more time than in training. What is waited and copied is part of the whole.
     *
     * @param input prepares batches as the training batch takes them; epochs are begun here
     */
    public static Profile training(
            TrainingBatch batch, Optional<BatchAhead> input, double seconds, Optional<Peak> peak) {
        Clock clock = new Clock();
        InputClock inputs = new InputClock(batch, input);
        Profiler profiler = new Profiler(batch.plan(), peak);
        for (int i = 0; i < WARM_UP; i++) {
            inputs.next();
            batch.step(clock);
            inputs.next();
            profiler.plan.profile(i);
        }
        inputs.runs.clear();
        profiler.repeat(seconds, run -> {
            long begin = System.nanoTime();
            inputs.next();
            batch.step(clock);
            profiler.wholes.add(System.nanoTime() - begin);
            profiler.parts.add(clock.nanos.clone());
            inputs.next();
            profiler.steps.add(profiler.plan.profile(run));
        });
        List<Profile.Part> around = new ArrayList<>();
        if (input.isPresent()) {
            around.add(new Profile.Part(WAITING, median(inputs.runs, 0)));
            around.add(new Profile.Part("copy of the input", median(inputs.runs, 1)));
        }
        for (StepParts.Part part : StepParts.Part.values()) {
            if (part == StepParts.Part.PLAN) continue;
            around.add(new Profile.Part(part.toString(), median(profiler.parts, part.ordinal())));
        }
        return profiler.profile(around);
    }

    /** Times runs of a plan by itself: of evaluation or inference. */
    public static Profile plan(Plan plan, double seconds, Optional<Peak> peak) {
        Profiler profiler = new Profiler(plan, peak);
        for (int i = 0; i < WARM_UP; i++) {
            plan.run(i);
            plan.profile(i);
        }
        profiler.repeat(seconds, run -> {
            long begin = System.nanoTime();
            plan.run(run);
            profiler.wholes.add(System.nanoTime() - begin);
            profiler.steps.add(plan.profile(run));
        });
        return profiler.profile(List.of());
    }

    private interface Run {
        void run(int number);
    }

    private void repeat(double seconds, Run run) {
        long end = System.nanoTime() + (long) (1e9 * seconds);
        for (int i = 0; i < FEWEST_RUNS || System.nanoTime() - end < 0 && i < MOST_RUNS; i++) run.run(i);
    }

    private Profile profile(List<Profile.Part> around) {
        List<Double> seconds = new ArrayList<>();
        for (int i = 0; i < report.steps().size(); i++) seconds.add(median(steps, i));
        double whole = median(wholes.stream().mapToLong(w -> w).toArray());
        return new Profile(report, seconds, around, whole, wholes.size(), peak);
    }

    private static double median(List<long[]> samples, int column) {
        return median(samples.stream().mapToLong(s -> s[column]).toArray());
    }

    private static double median(long[] nanos) {
        Arrays.sort(nanos);
        int n = nanos.length;
        return 1e-9 * (nanos[n / 2] + nanos[(n - 1) / 2]) / 2;
    }

    /** The time that batches are waited for, and in which they are copied. */
    private static final class InputClock {
        final List<long[]> runs = new ArrayList<>();
        private final TrainingBatch batch;
        private final Optional<BatchAhead> input;
        private int epoch;

        InputClock(TrainingBatch batch, Optional<BatchAhead> input) {
            this.batch = batch;
            this.input = input;
            input.ifPresent(i -> i.begin(0));
        }

        void next() {
            if (input.isEmpty()) return;
            BatchAhead ahead = input.get();
            double waited = ahead.waitedSeconds();
            long begin = System.nanoTime();
            while (ahead.next(batch.input().segment(), batch.target().segment()) < batch.size()) ahead.begin(++epoch);
            long all = System.nanoTime() - begin;
            long waiting = Math.round(1e9 * (ahead.waitedSeconds() - waited));
            runs.add(new long[] {waiting, all - waiting});
        }
    }

    /** The time of each part of a training step. */
    private static final class Clock implements StepParts {
        final long[] nanos = new long[Part.values().length];
        private long last;

        @Override
        public void begin() {
            last = System.nanoTime();
        }

        @Override
        public void done(Part part) {
            long now = System.nanoTime();
            nanos[part.ordinal()] = now - last;
            last = now;
        }
    }
}
