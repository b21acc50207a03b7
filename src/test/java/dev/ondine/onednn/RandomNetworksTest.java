package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.reference.ReferenceBackend;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import dev.ondine.vector.VectorBackend;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Small networks made up at random, whose values are read by several, change layouts and are overwritten in place, against the
 * reference. A single operation says nothing about who else reads its memory.
 */
class RandomNetworksTest {
    /** Others, or more of them: {@code -Dnetworks=1000 -Dseed=100}. */
    private static final int NETWORKS = Integer.getInteger("networks", 30);

    private static final int FIRST_SEED = Integer.getInteger("seed", 0);

    /**
     * Of a tensor's largest magnitude. A dozen operations in a row, normalizations over few values among them, each of which may
     * enlarge what rounding has left ten times. A value that was read after it was overwritten is off by its whole size.
     */
    private static final double TOLERANCE = 1e-3;

    /** Gradients that are small beside the others are differences of larger ones: they are held against this share of the largest of all. */
    private static final double CANCELLED = 0.01;

    /** A bias or shift in front of a batch normalization has no gradient but what rounding leaves of a sum over all positions. */
    private static final double CANCELLED_SUM = 1;

    /** What comes of numbers around one may cancel to nothing but what rounding left, in one order of adding and not in another. */
    private static final double NOTHING = 1e-2;

    private static final long RUN = 3;

    /** Networks of more than {@link #NETWORKS} in which a kernel of oneDNN did wrong, see {@link KnownDefects} and {@link LayoutPolicy#canonical}. */
    private static final List<Integer> TOLD = List.of(66, 292, 419, 489);

    /** What another test has compiled must not decide of this one. */
    @BeforeEach
    void emptyTheCache() {
        OneDnn.primitiveCacheCapacity(0);
        OneDnn.primitiveCacheCapacity(1024);
    }

    static Stream<Integer> seeds() {
        Stream<Integer> seeds = Stream.iterate(FIRST_SEED, s -> s + 1).limit(NETWORKS);
        return Stream.concat(TOLD.stream(), seeds);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void isAsTheReference(int seed) {
        RandomNetwork network = new RandomNetwork(seed);
        Graph forward = network.graph();
        List<Value> wanted = new ArrayList<>(List.of(forward.inputs().getFirst()));
        wanted.addAll(forward.parameters());
        Graph training = Differentiate.apply(forward, forward.outputs().get("loss"), wanted);
        check("training", training, network, false);
        check("evaluation", forward, network, false);
        check("inference", forward, network, true);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void noPrimitiveWritesBeyondItsMemory(int seed) {
        RandomNetwork network = new RandomNetwork(seed);
        Graph forward = network.graph();
        Graph training = Differentiate.parameters(forward, forward.outputs().get("loss"));
        OneDnnBackend again = new OneDnnBackend().rematerializing(Rematerialization.ALL);
        try (OneDnnPlan plan = again.compile(training, PlanOptions.threads(2))) {
            Guards.check(plan, 2);
        }
        try (OneDnnPlan plan = TunerTest.contrary().compile(training, PlanOptions.threads(1))) {
            Guards.check(plan, 1);
        }
    }

    private static void check(String what, Graph graph, RandomNetwork network, boolean folding) {
        PlanOptions one = PlanOptions.threads(1).folding(folding);
        PlanOptions two = PlanOptions.threads(2).folding(folding);
        Map<String, float[]> expected = results(new ReferenceBackend(), graph, one, network);
        Map<String, float[]> actual = results(new OneDnnBackend(), graph, one, network);
        compare(what + ", one thread", expected, actual, graph);
        compare(what + ", two threads", expected, results(new OneDnnBackend(), graph, two, network), graph);
        OneDnnBackend again = new OneDnnBackend().rematerializing(Rematerialization.ALL);
        compare(what + ", made again", expected, results(again, graph, two, network), graph);
        compare(what + ", other kernels", expected, results(TunerTest.contrary(), graph, one, network), graph);
        compare(what + ", own layouts", expected, results(again, graph, one.ownLayouts(true), network), graph);
        compare(what + ", vectors", expected, results(new VectorBackend(), graph, two, network), graph);
    }

    private static void compare(String what, Map<String, float[]> expected, Map<String, float[]> actual, Graph graph) {
        assertEquals(expected.keySet(), actual.keySet());
        double most = expected.entrySet().stream()
                .filter(e -> e.getKey().startsWith(Differentiate.OUTPUT_PREFIX))
                .mapToDouble(e -> largest(e.getValue()))
                .max()
                .orElse(0);
        StringBuilder wrong = new StringBuilder();
        expected.forEach((name, values) -> {
            double difference = 0;
            float[] others = actual.get(name);
            for (int i = 0; i < values.length; i++) {
                double d = Math.abs((double) values[i] - others[i]);
                difference = d <= difference ? difference : d;
            }
            boolean gradient = name.startsWith(Differentiate.OUTPUT_PREFIX);
            boolean sum = name.contains("bias") || name.contains("shift");
            double scale = Math.max(largest(values), gradient ? (sum ? CANCELLED_SUM : CANCELLED) * most : 0);
            scale = Math.max(scale, NOTHING);
            if (!(difference <= TOLERANCE * scale)) wrong.append(name + " is off by " + difference / scale + "\n");
        });
        if (!wrong.isEmpty()) throw new AssertionError(what + ": " + wrong + graph.print());
    }

    private static double largest(float[] values) {
        double largest = 0;
        for (float v : values) largest = Math.max(largest, Math.abs(v));
        return largest;
    }

    private static Map<String, float[]> results(
            Backend backend, Graph graph, PlanOptions options, RandomNetwork network) {
        try (Plan plan = backend.compile(graph, options.seed(5))) {
            network.fill(plan);
            plan.load();
            plan.run(RUN);
            plan.fetch();
            Map<String, float[]> first = read(plan);
            plan.run(RUN);
            plan.fetch();
            Map<String, float[]> second = read(plan);
            first.forEach((name, values) ->
                    assertArrayEquals(values, second.get(name), () -> "a second run gave another " + name));
            return first;
        }
    }

    private static Map<String, float[]> read(Plan plan) {
        Map<String, float[]> results = new LinkedHashMap<>();
        plan.graph()
                .outputs()
                .keySet()
                .forEach(name -> results.put(name, plan.output(name).toFloatArray()));
        if (plan.graph().gradients().isEmpty()) return results;
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
}
