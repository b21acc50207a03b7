package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.StatisticsLayout;
import dev.ondine.graph.Graph;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The pass over all running statistics, against its formula. */
class RunningStatisticsTest {
    private static final Shape SAMPLE = Shape.of(3, 12, 12);

    private static float[][] read(Plan plan, int i) {
        int channels = (int) plan.graph().statistics().get(i).mean().shape().elements();
        float[][] values = new float[2][channels];
        for (int c = 0; c < channels; c++) {
            values[0][c] = plan.mean(i).getAtIndex(ValueLayout.JAVA_FLOAT, c);
            values[1][c] = plan.variance(i).getAtIndex(ValueLayout.JAVA_FLOAT, c);
        }
        return values;
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void allLayersAreOnePassAndEachMovesAsItsFormulaSays(String backend) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = Trainer.of(model)
                        .backend(Backends.named(backend))
                        .threads(2)
                        .build()) {
            TrainingBatch batch = trainer.batch(8);
            assertEquals(1, batch.statistics().passes());
            List<Graph.Statistic> statistics = batch.plan().graph().statistics();
            assertEquals(5, statistics.size());
            for (int step = 0; step < 3; step++) {
                float[][] before = new float[10][];
                for (int i = 0; i < 5; i++) {
                    String path = statistics.get(i).path();
                    before[2 * i] =
                            model.parameters().get(path + ".running_mean").toFloatArray();
                    before[2 * i + 1] =
                            model.parameters().get(path + ".running_var").toFloatArray();
                }
                Fixtures.fill(batch.input(), batch.target(), step);
                batch.step();
                for (int i = 0; i < 5; i++) {
                    Graph.Statistic s = statistics.get(i);
                    float[][] seen = read(batch.plan(), i);
                    double n = s.count();
                    check(s.path() + ".running_mean", model, before[2 * i], seen[0], 1);
                    check(s.path() + ".running_var", model, before[2 * i + 1], seen[1], n / (n - 1));
                    assertEquals(
                            step + 1,
                            model.parameters()
                                    .get(s.path() + ".num_batches_tracked")
                                    .getLongAt(0));
                }
            }
        }
    }

    private static void check(String name, Model model, float[] before, float[] seen, double factor) {
        double[] expected = new double[before.length];
        for (int c = 0; c < expected.length; c++) expected[c] = 0.9 * before[c] + 0.1 * factor * seen[c];
        // Two products, each with a rounded factor, and a sum.
        Tolerances.assertClose(name, expected, model.parameters().get(name).toDoubleArray(), 8 * Tolerances.EPSILON);
    }

    /** Wide enough that the team shares the pass; layers that do not track stand between others. */
    private static float[] wide(int threads) {
        Sequential net = Sequential.of(
                Layers.flatten(),
                Layers.linear(12, 9001),
                Layers.batchNorm1d(9001),
                Layers.linear(9001, 5),
                Layers.batchNorm1d(5).frozen(),
                Layers.linear(5, 9001),
                Layers.batchNorm1d(9001).cumulative());
        try (Model model = Model.of(net, Shape.of(3, 2, 2), 4)) {
            Graph graph = model.graph(Mode.TRAINING, 3, (_, _) -> {});
            try (Plan plan = Backends.named("onednn").compile(graph, PlanOptions.threads(threads))) {
                // The same batch statistics whatever the plan's threads.
                for (long i = 0; i < plan.statistics().byteSize() / 4; i++) {
                    plan.statistics().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(i));
                }
                RunningStatistics statistics = new RunningStatistics(plan, model.parameters());
                assertEquals(2, statistics.passes());
                for (int i = 0; i < 3; i++) statistics.update();
            }
            assertEquals(1, model.parameters().get("4.running_var").getFloatAt(4), "frozen");
            Tensor first = model.parameters().get("2.running_mean");
            Tensor last = model.parameters().get("6.running_var");
            // The average of three batches that are the same.
            assertEquals(last.getFloatAt(0) / last.getFloatAt(1), ratio(model), 1e-5);
            float[] all = new float[2 * 9001];
            System.arraycopy(first.toFloatArray(), 0, all, 0, 9001);
            System.arraycopy(last.toFloatArray(), 0, all, 9001, 9001);
            return all;
        }
    }

    /** Of the first two values that stood for the last layer's variance. */
    private static double ratio(Model model) {
        Graph graph = model.graph(Mode.TRAINING, 3, (_, _) -> {});
        long start = StatisticsLayout.of(graph).variance(1);
        return (float) Math.sin(start) / (double) (float) Math.sin(start + 1);
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        float[] one = wide(1);
        assertArrayEquals(one, wide(2));
        assertArrayEquals(one, wide(5));
    }

    @Test
    void everyStatisticBeginsOnALineOfItsOwn() {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3)) {
            StatisticsLayout layout = StatisticsLayout.of(model.graph(Mode.TRAINING, 2, (_, _) -> {}));
            assertEquals(2 * (16 + 32 + 32 + 32 + 32), layout.floats());
            for (int i = 0; i < layout.count(); i++) {
                assertEquals(0, layout.mean(i) % StatisticsLayout.ALIGNMENT);
                assertEquals(i, layout.statisticAt(layout.mean(i)));
                assertEquals(i, layout.statisticAt(layout.variance(i) + 3));
            }
            assertTrue(model.parameters().bufferOffset("1.running_var") > 0);
            assertEquals(-1, model.parameters().bufferOffset("1.weight"));
        }
    }
}
