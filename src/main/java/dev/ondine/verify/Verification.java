package dev.ondine.verify;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.OneDnnPlan;
import dev.ondine.reference.ReferenceBackend;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import dev.ondine.vector.VectorPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Runs a {@link VerifyCase} on a backend and on the reference, with the same inputs, and compares whatever comes out. */
public final class Verification {
    /** Of dropout. */
    private static final long SEED = 7;

    /** Which of the runs, whose numbers seed dropout, are compared; any would do. */
    private static final long RUN = 3;

    private Verification() {}

    /**
     * How far one tensor is from the reference.
     *
     * @param tensor {@code y} for the result, {@code d} and the name of an operand for its gradient
     * @param error the largest difference, over the largest magnitude of the reference's tensor; NaN if any is not finite
     * @param tolerance how large it may be
     */
    public record Comparison(String tensor, double error, double tolerance) {
        public boolean ok() {
            return error <= tolerance;
        }

        private double strain() {
            if (Double.isNaN(error)) return Double.POSITIVE_INFINITY;
            return error == 0 ? 0 : error / tolerance;
        }
    }

    /**
     * What a case came to.
     *
     * @param implementation what ran on the backend: oneDNN's, or the vector backend's, own names of its kernels
     * @param complaints what is wrong apart from numbers: a run that changed its inputs, or gave something else when repeated
     */
    public record Result(
            VerifyCase verified, String implementation, List<Comparison> comparisons, List<String> complaints) {
        public boolean ok() {
            return complaints.isEmpty() && comparisons.stream().allMatch(Comparison::ok);
        }

        /** The comparison that is nearest to its tolerance, or furthest beyond it. */
        public Comparison worst() {
            return comparisons.stream()
                    .max(Comparator.comparingDouble(Comparison::strain))
                    .orElseThrow();
        }

        /** Everything that is wrong, as text; empty if nothing is. */
        public String failures() {
            List<String> lines = new ArrayList<>(complaints);
            for (Comparison c : comparisons) {
                if (!c.ok()) lines.add(c.tensor() + " is off by " + c.error() + ", more than " + c.tolerance());
            }
            return String.join("; ", lines);
        }
    }

    /** Compares a backend with the reference, which computes in the same precision. */
    public static Result run(VerifyCase verified, Backend backend, PlanOptions given) {
        PlanOptions options = given.seed(SEED);
        CaseGraph built = new CaseGraph(verified.toString(), options.precision());
        Value loss = built.finish(verified.body().build(built));
        Graph graph = Differentiate.apply(built.builder().build(), loss, built.wanted());
        List<String> complaints = new ArrayList<>();
        Map<String, float[]> expected;
        Set<String> rounded;
        try (Plan plan = new ReferenceBackend().compile(graph, options)) {
            expected = results(plan, built, new ArrayList<>());
            rounded = rounded(plan.graph());
        }
        try (Plan plan = backend.compile(graph, options)) {
            Map<String, float[]> actual = results(plan, built, complaints);
            List<Comparison> comparisons = new ArrayList<>();
            expected.forEach((name, values) -> comparisons.add(new Comparison(
                    shortName(name),
                    error(actual.get(name), values),
                    built.toleranceOf(operand(name), rounded.contains(name)))));
            return new Result(verified, implementation(plan), comparisons, complaints);
        }
    }

    /** The outputs that were bfloat16 before the caller got them. */
    private static Set<String> rounded(Graph graph) {
        Set<Value> values = new HashSet<>();
        for (Node node : graph.nodes()) {
            if (node.op() instanceof Op.Convert && node.input(0).type().dataType() == DataType.BFLOAT16) {
                values.add(node.output(0));
            }
        }
        Set<String> names = new HashSet<>();
        graph.outputs().forEach((name, v) -> {
            if (values.contains(v)) names.add(name);
        });
        return names;
    }

    private static Map<String, float[]> results(Plan plan, CaseGraph built, List<String> complaints) {
        fill(plan, built);
        plan.run(RUN);
        Map<String, float[]> first = read(plan);
        built.floats().forEach((v, values) -> {
            if (v.role() == Value.Role.INPUT
                    && !Arrays.equals(values, plan.input(v.name()).toFloatArray())) {
                complaints.add("the run changed its input '" + v.name() + "'");
            }
        });
        plan.run(RUN);
        read(plan).forEach((name, values) -> {
            if (!Arrays.equals(values, first.get(name))) complaints.add("a second run gave another " + shortName(name));
        });
        return first;
    }

    private static void fill(Plan plan, CaseGraph built) {
        List<Value> parameters = plan.graph().parameters();
        built.floats().forEach((v, values) -> {
            if (v.role() == Value.Role.INPUT) {
                plan.input(v.name()).copyFrom(values);
            } else {
                try (Tensor tensor = Tensor.allocate(DataType.FLOAT32, v.shape())) {
                    tensor.copyFrom(values);
                    plan.pack(parameters.indexOf(v), tensor.segment(), plan.weights());
                }
            }
        });
        built.ints().forEach((v, values) -> plan.input(v.name()).copyFrom(values));
    }

    private static Map<String, float[]> read(Plan plan) {
        Map<String, float[]> results = new LinkedHashMap<>();
        for (String name : plan.graph().outputs().keySet())
            results.put(name, plan.output(name).toFloatArray());
        List<Value> parameters = plan.graph().parameters();
        for (int i = 0; i < parameters.size(); i++) {
            try (Tensor tensor =
                    Tensor.allocate(DataType.FLOAT32, parameters.get(i).shape())) {
                plan.unpack(i, plan.gradients(), tensor.segment());
                results.put(Differentiate.OUTPUT_PREFIX + parameters.get(i).name(), tensor.toFloatArray());
            }
        }
        return results;
    }

    private static double error(float[] actual, float[] expected) {
        double largest = 0;
        double difference = 0;
        for (int i = 0; i < expected.length; i++) {
            if (!Float.isFinite(actual[i]) || !Float.isFinite(expected[i])) return Double.NaN;
            largest = Math.max(largest, Math.abs(expected[i]));
            difference = Math.max(difference, Math.abs((double) actual[i] - expected[i]));
        }
        return largest == 0 ? difference : difference / largest;
    }

    private static String operand(String name) {
        return name.startsWith(Differentiate.OUTPUT_PREFIX)
                ? name.substring(Differentiate.OUTPUT_PREFIX.length())
                : name;
    }

    private static String shortName(String name) {
        return name.startsWith(Differentiate.OUTPUT_PREFIX) ? "d" + operand(name) : name;
    }

    /** The kernels of the verified operation, forward and backward, each once, without the reorders around them. */
    private static String implementation(Plan plan) {
        List<String> names = switch (plan) {
            case OneDnnPlan p -> p.stepNames();
            case VectorPlan p -> p.stepNames();
            default -> List.of(CaseGraph.PATH + " java");
        };
        String prefix = CaseGraph.PATH + " ";
        return String.join(
                ", ",
                names.stream()
                        .filter(name -> name.startsWith(prefix))
                        .map(name -> name.substring(prefix.length()))
                        .distinct()
                        .toList());
    }
}
