package dev.ondine.cli;

import com.sun.management.ThreadMXBean;
import dev.ondine.onednn.OneDnnPlan;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;

/**
 * What was measured of a workload.
 *
 * @param medianMillis of a step
 * @param fastestMillis of a step
 * @param firstStep seconds from the start of the virtual machine to the end of the first step
 * @param primitives share of a step that is spent inside oneDNN's primitives; NaN if that is not known
 * @param allocated bytes of Java's heap that a step takes on the thread that runs it: the median, because the virtual machine itself
 *     takes some now and then, for code that it has compiled or given up
 */
record BenchTiming(
        double medianMillis, double fastestMillis, int steps, double firstStep, double primitives, double allocated) {
    /** Steps that are not timed, and seconds: the first ones fault memory in and are compiled by Java. */
    private static final int WARM_UP = 5;

    private static final double WARM_UP_SHARE = 0.1;

    /** Steps that are timed at least, however long they take: fewer have no median. */
    private static final int LEAST_TIMED = 5;

    /** Steps of which memory is counted, and which are compared with their primitives: what fits into a second. */
    private static final int LEAST_PROFILED = 3;

    private static final int MOST_PROFILED = 15;

    /** Times steps for so many seconds, at least {@value #LEAST_TIMED}. */
    static BenchTiming measure(BenchStep step, double seconds) {
        step.run();
        double firstStep = Machine.uptime();
        long warm = System.nanoTime() + (long) (seconds * WARM_UP_SHARE * 1e9);
        for (int i = 1; i < WARM_UP || System.nanoTime() < warm; i++) step.run();
        long[] nanos = new long[64];
        int steps = 0;
        long before = System.nanoTime();
        long end = before + (long) (seconds * 1e9);
        while (before < end || steps < LEAST_TIMED) {
            step.run();
            long now = System.nanoTime();
            if (steps == nanos.length) nanos = Arrays.copyOf(nanos, 2 * steps);
            nanos[steps++] = now - before;
            before = now;
        }
        nanos = Arrays.copyOf(nanos, steps);
        Arrays.sort(nanos);
        double median = (nanos[steps / 2] + nanos[(steps - 1) / 2]) / 2.0;
        int profiled = Math.clamp((long) (1e9 / median), LEAST_PROFILED, MOST_PROFILED);
        return new BenchTiming(
                median * 1e-6,
                nanos[0] * 1e-6,
                steps,
                firstStep,
                primitives(step, profiled),
                allocated(step, profiled));
    }

    /** The share of a step that oneDNN's primitives take: steps and runs that time each primitive in turns. */
    private static double primitives(BenchStep step, int runs) {
        if (!(step.plan() instanceof OneDnnPlan plan)) return Double.NaN;
        List<String> names = plan.stepNames();
        long[] steps = new long[runs];
        long[] primitives = new long[runs];
        for (int run = 0; run < runs; run++) {
            long start = System.nanoTime();
            step.run();
            steps[run] = System.nanoTime() - start;
            long[] nanos = plan.profile(run);
            for (int i = 0; i < nanos.length; i++) {
                if (!names.get(i).endsWith(" java")) primitives[run] += nanos[i];
            }
        }
        Arrays.sort(steps);
        Arrays.sort(primitives);
        // The fastest of each: a neighbour on the machine must not be taken for one or the other.
        return (double) primitives[0] / steps[0];
    }

    private static double allocated(BenchStep step, int runs) {
        if (!(ManagementFactory.getThreadMXBean() instanceof ThreadMXBean threads)) return Double.NaN;
        long[] bytes = new long[runs];
        for (int i = 0; i < runs; i++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            step.run();
            bytes[i] = threads.getCurrentThreadAllocatedBytes() - before;
        }
        Arrays.sort(bytes);
        return bytes[runs / 2];
    }
}
