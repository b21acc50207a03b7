package dev.ondine.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Backends;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Predictor;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AttributionTest {
    private static final Shape SAMPLE = Shape.of(1, 6, 6);

    private static Layer network() {
        return Layers.sequential(
                Layers.conv2d(1, 4, 3).padding(1).bias(false),
                Layers.batchNorm2d(4),
                Layers.tanh(),
                Layers.flatten(),
                Layers.linear(4 * 36, 3));
    }

    /** Differences of float32 outputs of about 1 over a step of 2·0.01: rounding 1e-7/0.02, and a third derivative of about 1 times 0.01². */
    private static final float DIFFERENCES = 2e-3f;

    @ParameterizedTest
    @ValueSource(strings = {"onednn", "reference"})
    void inputGradientIsTheSlope(String name) {
        Backend backend = Backends.named(name);
        try (Model model = Model.of(network(), SAMPLE, 3);
                Predictor predictor = new Predictor(model, Normalization.identity(1), backend, 1)) {
            randomStatistics(model);
            float[] x = random(36, 1);
            float[] slope = Attribution.inputGradient(model, backend, PlanOptions.threads(1), x, 2);
            float largest = 0;
            for (int i = 0; i < 36; i++) {
                float[] up = x.clone();
                up[i] += 0.01f;
                float[] down = x.clone();
                down[i] -= 0.01f;
                float difference = (predictor.predict(up)[2] - predictor.predict(down)[2]) / (up[i] - down[i]);
                assertEquals(difference, slope[i], DIFFERENCES, "pixel " + i);
                largest = Math.max(largest, Math.abs(slope[i]));
            }
            assertTrue(largest > 10 * DIFFERENCES, "the network depends on its input: " + largest);
        }
    }

    /** Only the pixel in the middle has a weight: it alone, and the squares that reach it, count. */
    @Test
    void occlusionFindsThePixelThatCounts() {
        try (Model model = Model.of(Layers.sequential(Layers.flatten(), Layers.linear(36, 2)), SAMPLE, 1)) {
            Tensor weight = model.parameters().get("1.weight");
            for (int i = 0; i < 72; i++) weight.setFloatAt(i, i == 14 ? 2 : 0);
            model.parameters().touch();
            float[] x = random(36, 2);
            x[14] = 1;
            try (Predictor predictor =
                    new Predictor(model, Normalization.identity(1), Backends.named("reference"), 1)) {
                float[] single = Attribution.occlusion(predictor, x, SAMPLE, 0, 1, 1, new float[1]);
                for (int i = 0; i < 36; i++) {
                    if (i == 14) assertTrue(single[i] > 0.1, "pixel 14: " + single[i]);
                    else assertEquals(0, single[i], "pixel " + i);
                }
                float[] against = Attribution.occlusion(predictor, x, SAMPLE, 1, 3, 2, new float[1]);
                assertTrue(against[14] < 0, "speaks against the other class");
                assertEquals(0, against[35], "no square around the corner reaches pixel 14");
            }
        }
    }

    @Test
    void strideBeyondTheSquareLeavesPixelsOut() {
        assertThrows(
                IllegalArgumentException.class,
                () -> Attribution.occlusion(null, new float[36], SAMPLE, 0, 2, 3, new float[1]));
    }

    private static void randomStatistics(Model model) {
        Random random = new Random(5);
        for (int c = 0; c < 4; c++) {
            model.parameters().get("1.running_mean").setFloatAt(c, (float) random.nextGaussian() * 0.3f);
            model.parameters().get("1.running_var").setFloatAt(c, 0.5f + random.nextFloat());
            model.parameters().get("1.weight").setFloatAt(c, 0.5f + random.nextFloat());
        }
        model.parameters().touch();
    }

    private static float[] random(int n, long seed) {
        Random random = new Random(seed);
        float[] x = new float[n];
        for (int i = 0; i < n; i++) x[i] = random.nextFloat();
        return x;
    }
}
