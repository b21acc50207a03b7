package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Team;
import dev.ondine.nn.ParameterRole;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.OpenMpTeam;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each optimizer's arithmetic, against PyTorch's numbers (src/test/resources/optimizers) and against itself on other threads. */
class OptimizersTest {
    /** Newton and Schulz' polynomial turns an error of x into one of up to 3.4445·x, five times over. */
    private static final double MUON_GAIN = Math.pow(3.4445, 5);

    private static final Optimizer SGD = Optimizer.Sgd.of(0.1).momentum(0.9);

    static Stream<GoldenFile> files() {
        return GoldenFile.in("/optimizers").stream().filter(f -> !f.name().startsWith("clip"));
    }

    private static Optimizer of(GoldenFile f) {
        return switch (f.name()) {
            case "rmsprop_centered" ->
                Optimizer.RmsProp.of(1e-2).momentum(0.9).centered(true).weightDecay(1e-2);
            case "rmsprop_momentum" -> Optimizer.RmsProp.of(1e-2).alpha(0.9).momentum(0.8);
            case "muon" -> Optimizer.Muon.of(0.02).weightDecay(0.1);
            case "muon_tall" -> Optimizer.Muon.of(0.02);
            case "lars" -> Optimizer.Lars.of(0.5).weightDecay(1e-2).trust(0.01);
            case "lars_still" -> Optimizer.Lars.of(0.5).momentum(0).trust(0.01);
            case "lamb" -> Optimizer.Lamb.of(0.01).weightDecay(0.1);
            case "lookahead" -> new Optimizer.Lookahead(SGD, 2, 0.3);
            default -> throw new AssertionError(f.name() + " has no optimizer");
        };
    }

    @ParameterizedTest
    @MethodSource("files")
    void followsPyTorchsNumbers(GoldenFile f) {
        Tensor w = f.get("weight0").convertTo(DataType.FLOAT32);
        Tensor g = Tensor.allocate(DataType.FLOAT32, w.shape());
        Optimizer optimizer = of(f);
        Update update = Updates.of(optimizer, w, g);
        boolean muon = f.name().startsWith("muon");
        for (int i = 0; f.has("grad" + i); i++) {
            g.copyFrom(f.get("grad" + i));
            update.step(optimizer.learningRate(), i + 1);
            // A handful of roundings a step, or as many as a row of the matrix is long and then magnified.
            double tolerance = Tolerances.sum(i + 1) * (muon ? MUON_GAIN : 1);
            Tolerances.assertClose(f + ", weight" + (i + 1), f.get("weight" + (i + 1)), w, tolerance);
        }
        assertFalse(Arrays.equals(w.toFloatArray(), f.get("weight0").toFloatArray()));
    }

    static List<Optimizer> optimizers() {
        return List.of(
                SGD,
                Optimizer.Sgd.of(0.1).momentum(0.9).nesterov(true).weightDecay(1e-3),
                Optimizer.Adam.of(0.01),
                Optimizer.Adam.decoupled(0.01),
                Optimizer.RmsProp.of(0.01).momentum(0.5).centered(true),
                Optimizer.Lars.of(0.5).weightDecay(1e-3),
                Optimizer.Lamb.of(0.01),
                Optimizer.Muon.of(0.02).weightDecay(1e-2),
                Optimizer.Lookahead.of(Optimizer.Adam.of(0.01)));
    }

    /** Large enough for a team everywhere; three rows more than a team shares evenly. */
    private static float[] run(Optimizer optimizer, UpdateKernels kernels, Team team) {
        Random random = new Random(1);
        Tensor w = Tensor.allocate(DataType.FLOAT32, Shape.of(19, 27, 7, 9));
        Tensor g = Tensor.allocate(DataType.FLOAT32, w.shape());
        for (long i = 0; i < w.elements(); i++) w.setFloatAt(i, (float) random.nextGaussian());
        Update update = Updates.of(optimizer, w, g, ParameterRole.WEIGHT, kernels, team);
        for (int step = 1; step <= 6; step++) {
            for (long i = 0; i < w.elements(); i++) g.setFloatAt(i, (float) random.nextGaussian());
            update.step(optimizer.learningRate(), step);
        }
        return w.toFloatArray();
    }

    @ParameterizedTest
    @MethodSource("optimizers")
    void theSameBitsOnAnyThreadsAndKernels(Optimizer optimizer) {
        OneDnn.load();
        UpdateKernels java = new JavaUpdateKernels("for a test");
        float[] alone = run(optimizer, java, Team.alone());
        assertArrayEquals(alone, run(optimizer, java, new OpenMpTeam(3)));
        assertArrayEquals(alone, run(optimizer, UpdateKernels.best(), Team.alone()));
        assertArrayEquals(alone, run(optimizer, UpdateKernels.best(), new OpenMpTeam(2)));
    }

    /** What Muon is for: the singular values of a step are near 1 (Jordan: between 0.5 and 1.5), whatever the gradient's were. */
    @Test
    void muonsStepsAreNearlyOrthogonal() {
        int rows = 6;
        int columns = 20;
        float[] x = new float[rows * columns];
        Random random = new Random(3);
        // Rows of very different length: singular values from about 4 down to 0.1.
        for (int i = 0; i < x.length; i++) x[i] = (float) random.nextGaussian() * (1f / (1 + i / columns * 7));
        new NewtonSchulz(rows, x.length).orthogonalize(x, rows, columns, 5, Team.alone());
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < rows; j++) {
                double dot = 0;
                for (int k = 0; k < columns; k++) dot += (double) x[i * columns + k] * x[j * columns + k];
                if (i == j) assertTrue(dot > 0.25 && dot < 2.25, i + ": " + dot);
                // Rows of an orthogonal matrix have nothing in common; with singular values of 0.5 to 1.5, this at
                // most.
                else assertTrue(Math.abs(dot) < 1, i + ", " + j + ": " + dot);
            }
        }
    }

    /** LARS and LAMB: a bias has the ratio 1 and no decay, which makes of LARS plain SGD, and of LAMB plain Adam. */
    @Test
    void biasesAreNotScaled() {
        assertArrayEquals(
                bias(Optimizer.Sgd.of(0.5).momentum(0.9)),
                bias(Optimizer.Lars.of(0.5).weightDecay(0.1)));
        float[] adam = bias(Optimizer.Adam.of(0.5).epsilon(1e-6));
        float[] lamb = bias(Optimizer.Lamb.of(0.5));
        Tolerances.assertClose("lamb", Tensor.of(adam, adam.length), Tensor.of(lamb, lamb.length), Tolerances.sum(3));
    }

    private static float[] bias(Optimizer optimizer) {
        Tensor w = Tensor.of(new float[] {1, -2, 3}, 3);
        Tensor g = Tensor.of(new float[] {0.5f, 0.25f, -4}, 3);
        Update update =
                Updates.of(optimizer, w, g, ParameterRole.SHIFT, new JavaUpdateKernels("for a test"), Team.alone());
        for (int step = 1; step <= 3; step++) {
            g.copyFrom(new float[] {0.5f, 0.25f, -4 + step});
            update.step(optimizer.learningRate(), step);
        }
        return w.toFloatArray();
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        for (Runnable wrong : List.<Runnable>of(
                () -> Optimizer.RmsProp.of(0.1).alpha(1),
                () -> Optimizer.RmsProp.of(0.1).momentum(-1),
                () -> Optimizer.Lars.of(0.1).trust(0),
                () -> Optimizer.Lars.of(0.1).momentum(1),
                () -> Optimizer.Lamb.of(0),
                () -> Optimizer.Lamb.of(0.1).weightDecay(-1),
                () -> Optimizer.Muon.of(0.1).momentum(0.4),
                () -> new Optimizer.Muon(0.1, 0.9, 0, 0, Optimizer.Adam.of(0.1)),
                () -> new Optimizer.Lookahead(SGD, 0, 0.5),
                () -> new Optimizer.Lookahead(SGD, 1, 1.5),
                () -> Optimizer.Lookahead.of(Optimizer.Lookahead.of(SGD)),
                () -> Clipping.byNorm(-1),
                () -> Clipping.byValue(Double.NaN),
                () -> ParameterGroup.of(_ -> true).rate(0),
                () -> ParameterGroup.of(_ -> true).weightDecay(-1))) {
            assertThrows(IllegalArgumentException.class, wrong::run);
        }
    }

    @Test
    void normsAreThoseOfDoublePrecision() {
        OneDnn.load();
        Random random = new Random(2);
        int n = 40_000;
        Tensor x = Tensor.allocate(DataType.FLOAT32, Shape.of(n));
        double[] expected = new double[2];
        for (int i = 0; i < n; i++) {
            x.setFloatAt(i, (float) random.nextGaussian());
            double v = x.getFloatAt(i);
            if (i < 13) expected[0] += v * v;
            else if (i >= 16) expected[1] += v * v;
        }
        var spec = new dev.ondine.nn.ParameterSpec("w", DataType.FLOAT32, x.shape(), null, true, ParameterRole.WEIGHT);
        var no = java.util.OptionalDouble.empty();
        SliceNorms norms = new SliceNorms(
                List.of(new UpdateTarget.Slice(spec, 0, 0, 13, 1, no), new UpdateTarget.Slice(spec, 1, 16, n, 1, no)));
        // Double sums of squares of float32, which are exact: only the order differs.
        double tolerance = n * 0x1p-52;
        norms.measure(x.segment(), Team.alone());
        double first = norms.norm();
        for (int i = 0; i < 2; i++) {
            assertEquals(Math.sqrt(expected[i]), norms.norm(i), tolerance * Math.sqrt(expected[i]));
        }
        norms.measure(x.segment(), new OpenMpTeam(3));
        assertEquals(first, norms.norm(), "the same bits on any number of threads");
        assertEquals(Math.sqrt(expected[0] + expected[1]), first, tolerance * first);
    }
}
