package dev.ondine.inspect;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.ArrayDataset;
import dev.ondine.data.Dataset;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterRole;
import dev.ondine.nn.Residual;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BatchNormInspectorTest {
    private static final Shape SAMPLE = Shape.of(2, 5, 5);
    private static final int SAMPLES = 40;

    /** Sums of 40·25 values of about 1 in float32, twice. */
    private static final float SUMS = 1e-4f;

    private static Layer network() {
        Layer body = Sequential.of(Layers.conv2d(2, 2, 3).padding(1).bias(false), Layers.batchNorm2d(2));
        return Sequential.of(
                Layers.batchNorm2d(2),
                Layers.relu(),
                Residual.of(body),
                Layers.batchNorm2d(2),
                Layers.tanh(),
                Layers.dropout(0.9),
                Layers.flatten(),
                Layers.linear(50, 2));
    }

    private static Dataset data() {
        Random random = new Random(1);
        float[][] samples = new float[SAMPLES][50];
        int[] labels = new int[SAMPLES];
        for (int i = 0; i < SAMPLES; i++) {
            labels[i] = i % 2;
            for (int j = 0; j < 50; j++) samples[i][j] = (float) random.nextGaussian() + (j < 25 ? 3 : -1);
        }
        return new ArrayDataset("noise", SAMPLE, samples, labels, List.of("a", "b"));
    }

    private static BatchNormInspection inspect(Model model, String backend) {
        return new BatchNormInspector(model, Backends.named(backend), PlanOptions.threads(1))
                .inspect(data(), Normalization.identity(2), 8);
    }

    private static void set(Model model, String name, float... values) {
        Tensor tensor = model.parameters().get(name);
        for (int i = 0; i < values.length; i++) tensor.setFloatAt(i, values[i]);
        model.parameters().touch();
    }

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "reference"})
    void statisticsAreThoseOfTheData(String backend) {
        double[] mean = new double[2];
        double[] variance = new double[2];
        moments(mean, variance);
        try (Model model = Model.of(network(), SAMPLE, 1)) {
            BatchNormInspection inspection = inspect(model, backend);
            assertEquals(
                    List.of("0", "2.1", "3"),
                    inspection.layers().stream().map(BatchNormLayer::path).toList());
            BatchNormLayer first = inspection.layers().getFirst();
            for (int c = 0; c < 2; c++) {
                assertEquals(mean[c], first.mean()[c], SUMS);
                assertEquals(variance[c], first.variance()[c], SUMS);
                // Running statistics are 0 and 1 still: β + γ·x, cut off at 0.
                assertEquals(activity(c), first.activity()[c], SUMS);
                assertEquals(mean[c] > 0 ? mean[c] : -mean[c], first.shift(c), 0.1);
            }
            assertArrayEquals(new int[] {0, 1}, first.far(), "means of 3 and -1.0 standard deviations are far off 0");
            assertEquals(2, inspection.layers().get(1).activity().length, "behind the sum with the shortcut");
            assertEquals(0, inspection.layers().get(2).activity().length, "tanh does not fall silent");
            BatchNormInspection.Comparison comparison = inspection.comparison().orElseThrow();
            assertEquals(SAMPLES, comparison.samples());
        }
    }

    private static void moments(double[] mean, double[] variance) {
        float[] x = new float[50];
        Dataset data = data();
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < SAMPLES; i++) {
                data.read(i, x, 0);
                for (int j = 0; j < 50; j++) {
                    int c = j / 25;
                    if (round == 0) mean[c] += x[j] / (25.0 * SAMPLES);
                    else variance[c] += (x[j] - mean[c]) * (x[j] - mean[c]) / (25.0 * SAMPLES);
                }
            }
        }
    }

    private static double activity(int channel) {
        float[] x = new float[50];
        double sum = 0;
        for (int i = 0; i < SAMPLES; i++) {
            data().read(i, x, 0);
            for (int j = 0; j < 25; j++) sum += Math.max(0, x[25 * channel + j]);
        }
        return sum / (25.0 * SAMPLES);
    }

    @Test
    void findsWhatWasDamaged() {
        try (Model model = Model.of(network(), SAMPLE, 1)) {
            BatchNormLayer before = inspect(model, "onednn").layers().getFirst();
            set(model, "0.running_mean", before.mean());
            set(model, "0.running_var", before.variance());
            BatchNormLayer whole = inspect(model, "onednn").layers().getFirst();
            assertEquals(0, whole.dead().length + whole.constant().length + whole.silent().length + whole.far().length);
            set(model, "0.weight", 1, 1e-3f);
            set(model, "0.bias", -100, 0);
            set(model, "2.1.running_var", 1e-6f, 1);
            set(model, "3.running_var", 1e4f, 1e4f);
            BatchNormInspection damaged = inspect(model, "onednn");
            assertArrayEquals(new int[] {1}, damaged.layers().get(0).dead());
            assertArrayEquals(new int[] {0}, damaged.layers().get(0).silent());
            assertArrayEquals(new int[] {0}, damaged.layers().get(1).constant());
            assertArrayEquals(new int[] {0, 1}, damaged.layers().get(2).far());
            String advice = String.join("\n", damaged.advice());
            assertTrue(advice.contains("γ is near zero in 1 of 6 channels, most in layer 0 (1 of 2)"), advice);
            assertTrue(advice.contains("1 of 4 channels never fire on this data, most in layer 0"), advice);
            assertTrue(advice.contains("near ε in 1 of 6 channels, most in layer 2.1"), advice);
        }
    }

    /** What the data's statistics are does not depend on whether a layer follows them. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "reference"})
    void frozenLayersAreMeasuredAsOthers(String backend) {
        Layer frozen = Sequential.of(
                Layers.batchNorm2d(2).frozen(),
                Layers.relu(),
                Layers.batchNorm2d(2).frozen().affine(false),
                Layers.flatten(),
                Layers.linear(50, 2));
        Layer tracked = Sequential.of(
                Layers.batchNorm2d(2),
                Layers.relu(),
                Layers.batchNorm2d(2).affine(false),
                Layers.flatten(),
                Layers.linear(50, 2));
        try (Model of = Model.of(frozen, SAMPLE, 1);
                Model against = Model.of(tracked, SAMPLE, 1)) {
            BatchNormInspection found = inspect(of, backend);
            BatchNormInspection expected = inspect(against, backend);
            for (int i = 0; i < 2; i++) {
                BatchNormLayer layer = found.layers().get(i);
                assertArrayEquals(expected.layers().get(i).mean(), layer.mean());
                assertArrayEquals(expected.layers().get(i).variance(), layer.variance());
            }
            assertArrayEquals(new int[] {0, 1}, found.layers().getFirst().far());
            assertEquals(expected.comparison(), found.comparison());
        }
    }

    /** A ReLU behind the sum of two normalizations falls silent for both; that is one channel. */
    @Test
    void silentChannelsOfASumAreToldOnce() {
        Layer body = Sequential.of(Layers.conv2d(2, 2, 1), Layers.batchNorm2d(2));
        Layer shortcut = Sequential.of(Layers.conv2d(2, 2, 1), Layers.batchNorm2d(2));
        Layer network =
                Sequential.of(Residual.of(body, shortcut), Layers.relu(), Layers.flatten(), Layers.linear(50, 2));
        try (Model model = Model.of(network, SAMPLE, 1)) {
            model.parameters().specs().stream()
                    .filter(s -> s.role() == ParameterRole.SHIFT)
                    .forEach(s -> set(model, s.name(), -1000, 0));
            BatchNormInspection inspection = inspect(model, "reference");
            String advice = String.join("\n", inspection.advice());
            assertTrue(advice.contains("1 of 2 channels never fire"), advice);
        }
    }

    @Test
    void withoutDataTheParametersAlone() {
        try (Model model = Model.of(network(), SAMPLE, 1)) {
            BatchNormInspection inspection =
                    new BatchNormInspector(model, Backends.named("reference"), PlanOptions.threads(1)).inspect();
            assertEquals(3, inspection.layers().size());
            assertTrue(inspection.comparison().isEmpty());
            assertEquals(List.of("Nothing else stands out."), inspection.advice());
            assertFalse(DoctorPage.of(inspection, "title", List.of()).contains("never fire"));
        }
    }

    @Test
    void allOfGammaZeroIsDead() {
        float[] zero = new float[3];
        float[] one = {1, 1, 1};
        float[] none = {};
        BatchNormLayer layer = new BatchNormLayer("bn", 1e-5f, zero, zero, zero, one, none, none, none);
        assertArrayEquals(new int[] {0, 1, 2}, layer.dead());
        BatchNormLayer fixed = new BatchNormLayer("bn", 1e-5f, none, none, zero, one, none, none, none);
        assertEquals(0, fixed.dead().length, "without γ there is none near zero");
    }

    @Test
    void costsOnlyBeyondChance() {
        assertTrue(new BatchNormInspection.Comparison(1000, 64, 0.8, 0.9).costs());
        assertFalse(new BatchNormInspection.Comparison(1000, 64, 0.89, 0.9).costs());
        assertFalse(new BatchNormInspection.Comparison(1000, 64, 0.95, 0.9).costs());
    }
}
