package dev.ondine.bench;

import dev.ondine.backend.Plan;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Fills plans of one graph with the same numbers and compares all that they compute. */
final class SelfCheck {
    /** Class indices are drawn below this: no benchmark has fewer classes. */
    static final int CLASSES = 10;

    private final Graph graph;
    private final Tolerance outputs;
    private final Tolerance gradients;

    /** A check of plans that were compiled from {@code graph}. */
    SelfCheck(Graph graph, Tolerance outputs, Tolerance gradients) {
        this.graph = graph;
        this.outputs = outputs;
        this.gradients = gradients;
    }

    /** Inputs and parameters in [−1, 1), running means and variances in [1/2, 3/2), class indices: the same for every plan. */
    void fill(Plan plan) {
        SplittableRandom random = new SplittableRandom(1);
        for (Value v : graph.inputs()) {
            Tensor input = plan.input(v.name());
            if (v.type().dataType() == DataType.INT32) {
                for (long i = 0; i < input.elements(); i++) input.setIntAt(i, random.nextInt(CLASSES));
            } else {
                fill(input, random, -1, 1);
            }
        }
        for (Value v : graph.buffers()) fill(plan.buffer(v.name()), random, 0.5, 1.5);
        for (int i = 0; i < graph.parameters().size(); i++) {
            try (Arena arena = Arena.ofConfined()) {
                Tensor values = Tensor.allocate(
                        arena, DataType.FLOAT32, graph.parameters().get(i).shape());
                fill(values, random, -1, 1);
                plan.pack(i, values.segment(), plan.weights());
            }
        }
    }

    private static void fill(Tensor tensor, SplittableRandom random, double from, double to) {
        for (long i = 0; i < tensor.elements(); i++) tensor.setFloatAt(i, (float) random.nextDouble(from, to));
    }

    /**
     * Runs both plans and compares every output, every gradient and every statistic.
     *
     * @throws IllegalStateException if something differs by more than its tolerance, or if there is nothing to compare
     */
    void run(Plan expected, Plan actual) {
        for (Plan plan : List.of(expected, actual)) {
            plan.load();
            plan.run(0);
            plan.fetch();
        }
        for (String name : graph.outputs().sequencedKeySet()) {
            Tolerance tolerance = name.startsWith(Differentiate.OUTPUT_PREFIX) ? gradients : outputs;
            compare(name, expected.output(name), actual.output(name), tolerance);
        }
        for (int i = 0; i < graph.statistics().size(); i++) {
            Graph.Statistic s = graph.statistics().get(i);
            compare(s.path() + " mean", view(expected.mean(i), s.mean()), view(actual.mean(i), s.mean()), outputs);
            compare(
                    s.path() + " variance",
                    view(expected.variance(i), s.variance()),
                    view(actual.variance(i), s.variance()),
                    outputs);
        }
        for (Map.Entry<Value, Value> e : graph.gradients().entrySet()) {
            Value parameter = e.getKey();
            if (parameter.role() != Value.Role.PARAMETER) continue;
            int index = graph.parameters().indexOf(parameter);
            try (Arena arena = Arena.ofConfined()) {
                compare(
                        Differentiate.OUTPUT_PREFIX + parameter.name(),
                        gradient(arena, expected, index, parameter),
                        gradient(arena, actual, index, parameter),
                        gradients);
            }
        }
    }

    private static Tensor view(MemorySegment segment, Value v) {
        return Tensor.view(segment, DataType.FLOAT32, v.shape());
    }

    private static Tensor gradient(Arena arena, Plan plan, int index, Value parameter) {
        Tensor gradient = Tensor.allocate(arena, DataType.FLOAT32, parameter.shape());
        plan.unpack(index, plan.gradients(), gradient.segment());
        return gradient;
    }

    private static void compare(String what, Tensor expected, Tensor actual, Tolerance tolerance) {
        double largest = 0;
        double error = 0;
        long worst = 0;
        for (long i = 0; i < expected.elements(); i++) {
            double e = expected.getFloatAt(i);
            double difference = Math.abs(e - actual.getFloatAt(i));
            largest = Math.max(largest, Math.abs(e));
            // Written so that a NaN is an error, and the largest.
            if (!(difference <= error)) {
                error = difference;
                worst = i;
                if (Double.isNaN(difference)) break;
            }
        }
        if (largest == 0) throw new IllegalStateException(what + " is zero everywhere, which proves nothing");
        if (!(error <= tolerance.value() * largest)) {
            throw new IllegalStateException("%s: element %d is %s instead of %s; relative error %.2g, allowed %.2g (%s)"
                    .formatted(
                            what,
                            worst,
                            actual.getFloatAt(worst),
                            expected.getFloatAt(worst),
                            error / largest,
                            tolerance.value(),
                            tolerance.name()));
        }
    }
}
