package dev.ondine.nn;

import static dev.ondine.nn.Layers.batchNorm1d;
import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.groupNorm;
import static dev.ondine.nn.Layers.instanceNorm1d;
import static dev.ondine.nn.Layers.instanceNorm2d;
import static dev.ondine.nn.Layers.layerNorm;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.graph.ModelException;
import dev.ondine.nn.models.ResNets;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the normalizing layers declare, begin with and refuse. */
class NormalizationLayersTest {
    private static final Shape IMAGE = Shape.of(6, 4, 4);

    private static List<String> names(Layer layer, Shape sample) {
        try (Model model = Model.of(layer, sample, 0)) {
            return model.parameters().specs().stream().map(ParameterSpec::name).toList();
        }
    }

    private static String problem(Layer layer, Shape sample) {
        return assertThrows(
                        ModelException.class, () -> Model.of(layer, sample, 0).close())
                .getMessage();
    }

    @Test
    void parametersAreThoseOfPyTorch() {
        List<String> running = List.of("running_mean", "running_var", "num_batches_tracked");
        assertEquals(List.of("weight", "bias"), names(layerNorm(4), IMAGE));
        assertEquals(List.of("weight"), names(layerNorm(4).shift(false), IMAGE));
        assertEquals(List.of("weight", "bias"), names(groupNorm(3, 6), IMAGE));
        assertEquals(List.of(), names(groupNorm(3, 6).affine(false), IMAGE));
        assertEquals(List.of(), names(instanceNorm2d(6), IMAGE));
        assertEquals(List.of("weight", "bias"), names(instanceNorm2d(6).affine(true), IMAGE));
        assertEquals(running, names(batchNorm2d(6).affine(false), IMAGE));
        assertEquals(List.of("weight", "bias"), names(batchNorm2d(6).trackRunningStats(false), IMAGE));
        assertEquals("bias", names(batchNorm2d(6).scale(false), IMAGE).getFirst());
        assertEquals("weight", names(batchNorm2d(6).shift(false), IMAGE).getFirst());
        assertEquals(4, names(batchNorm2d(6).shift(false), IMAGE).size());
        assertEquals(5, names(batchNorm2d(6).frozen(), IMAGE).size());
    }

    @Test
    void aLayersNormHasTheShapeOfTheAxes() {
        try (Model model = Model.of(layerNorm(6, 4, 4), IMAGE, 0)) {
            assertEquals(IMAGE, model.parameters().get("weight").shape());
            assertEquals(IMAGE, model.outputShape());
        }
    }

    @Test
    void momentumAndDecayAreTwoNamesOfOneNumber() {
        assertEquals(batchNorm2d(6).momentum(0.25), batchNorm2d(6).decay(0.75));
        assertTrue(Float.isNaN(batchNorm2d(6).cumulative().momentum()));
        for (double bad : new double[] {-0.1, 1.1, Double.NaN}) {
            assertThrows(IllegalArgumentException.class, () -> batchNorm2d(6).momentum(bad));
        }
    }

    @Test
    void gammaBeginsAsItIsToldTo() {
        try (Model model = Model.of(batchNorm2d(6).initialScale(0.5), IMAGE, 0)) {
            float[] gamma = model.parameters().get("weight").toFloatArray();
            assertArrayEquals(new float[] {0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f}, gamma);
        }
        assertThrows(IllegalArgumentException.class, () -> batchNorm2d(6).initialScale(Double.NaN));
        assertThrows(
                IllegalArgumentException.class,
                () -> batchNorm2d(6).scale(false).initialScale(0));
    }

    @Test
    void residualBlocksBeginAsTheirShortcuts() {
        Layer plain = ResNets.cifar(8, 3, 10);
        Shape image = Shape.of(3, 8, 8);
        try (Model before = Model.of(plain, image, 1);
                Model after = Model.of(Residual.withZeroLast(plain), image, 1)) {
            assertEquals(
                    before.parameters().specs().size(),
                    after.parameters().specs().size());
            int zeros = 0;
            for (ParameterSpec spec : after.parameters().specs()) {
                float[] expected = spec.dataType().isFloat()
                        ? before.parameters().get(spec.name()).toFloatArray()
                        : new float[0];
                if (spec.name().endsWith("bn2.weight")) {
                    Arrays.fill(expected, 0);
                    zeros++;
                }
                if (spec.dataType().isFloat()) {
                    assertArrayEquals(
                            expected, after.parameters().get(spec.name()).toFloatArray(), spec.name());
                }
            }
            assertEquals(3, zeros);
        }
    }

    @Test
    void whatDoesNotFitIsSaid() {
        assertTrue(problem(layerNorm(5), IMAGE).contains("its last axes"));
        assertTrue(problem(layerNorm(2, 6, 4, 4), IMAGE).contains("behind the batch"));
        assertTrue(problem(groupNorm(2, 4), IMAGE).contains("4 features"));
        assertTrue(problem(instanceNorm1d(6), IMAGE).contains("1 spatial axes"));
        assertTrue(problem(batchNorm1d(6), IMAGE).contains("(N, C) or (N, C, L)"));
        // Each value would be its own mean.
        assertTrue(problem(instanceNorm2d(6), Shape.of(6, 1, 1)).contains("more than one value"));
        assertTrue(problem(groupNorm(6, 6), Shape.of(6)).contains("more than one value"));
        assertThrows(IllegalArgumentException.class, () -> groupNorm(4, 6));
        assertThrows(IllegalArgumentException.class, () -> layerNorm());
        assertThrows(IllegalArgumentException.class, () -> layerNorm(0));
        assertThrows(IllegalArgumentException.class, () -> layerNorm(4).epsilon(0));
    }
}
