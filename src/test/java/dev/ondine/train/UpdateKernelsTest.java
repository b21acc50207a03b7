package dev.ondine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.backend.Team;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.OpenMpTeam;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

class UpdateKernelsTest {

    /** Vector tails, then one more than a chunk of the Java kernels several times over. */
    static final int[] SIZES = {1, 13, 17, 31, 207, 4099};

    /** Enough for the native kernels to make a team, and no whole number of cache lines for a thread. */
    private static final int TEAM_SIZE = 40_013;

    private static final int STEPS = 4;

    /** Half an ulp of float32 as a fraction: what one rounding may add. */
    private static final double ROUNDING = 0x1p-24;

    private static final Team ALONE = Team.alone();

    private static final UpdateKernels JAVA = new JavaUpdateKernels("for a test");

    private static UpdateKernels nativeKernels() {
        UpdateKernels best = UpdateKernels.best();
        assumeTrue(best instanceof NativeUpdateKernels, "build-native.sh has not been run");
        return best;
    }

    record Sgd(float momentum, float gradientWeight, float weightDecay, boolean nesterov) {
        static final float LR = 0.1f;

        void step(UpdateKernels kernels, Blocks b, boolean first, Team team) {
            b.ranges.set(0, LR, weightDecay, gradientWeight);
            kernels.sgd(b.w, b.g, b.v, b.ranges, momentum, nesterov, first, team);
        }
    }

    private static List<Sgd> sgds() {
        List<Sgd> all = new ArrayList<>();
        for (float decay : new float[] {0, 5e-4f}) {
            all.add(new Sgd(0, 1, decay, false));
            for (boolean nesterov : new boolean[] {false, true}) {
                all.add(new Sgd(0.9f, 1, decay, nesterov));
                all.add(new Sgd(0.9f, 0.75f, decay, nesterov));
            }
        }
        return all;
    }

    record Adam(float l2, double weightDecay, double beta1) {
        static final double LR = 1e-2;
        static final double BETA2 = 0.999;
        static final float EPSILON = 1e-8f;

        float keep() {
            return (float) (1 - LR * weightDecay);
        }

        float blend1() {
            return (float) (1 - beta1);
        }

        float stepSize(int step) {
            return (float) (LR / (1 - Math.pow(beta1, step)));
        }

        static float rootBias2(int step) {
            return (float) Math.sqrt(1 - Math.pow(BETA2, step));
        }

        void step(UpdateKernels kernels, Blocks b, int step, Team team) {
            b.ranges.set(0, l2, keep(), stepSize(step));
            kernels.adam(
                    b.w,
                    b.g,
                    b.m,
                    b.v,
                    b.ranges,
                    blend1(),
                    (float) BETA2,
                    (float) (1 - BETA2),
                    EPSILON,
                    rootBias2(step),
                    team);
        }
    }

    /** Adam, Adam with weight decay, AdamW, and a β₁ on the other side of lerp's two formulas. */
    static final List<Adam> ADAMS =
            List.of(new Adam(0, 0, 0.9), new Adam(1e-2f, 0, 0.9), new Adam(0, 1e-2, 0.9), new Adam(0, 0, 0.4));

    record RmsProp(float momentum, double weightDecay, double alpha, boolean centered) {
        static final float LR = 1e-2f;
        static final float EPSILON = 1e-8f;

        void step(UpdateKernels kernels, Blocks b, Team team) {
            b.ranges.set(0, LR, weightDecay, 0);
            kernels.rmsProp(
                    b.w,
                    b.g,
                    b.s,
                    centered ? b.m : MemorySegment.NULL,
                    momentum != 0 ? b.v : MemorySegment.NULL,
                    b.ranges,
                    (float) alpha,
                    (float) (1 - alpha),
                    EPSILON,
                    momentum,
                    team);
        }
    }

    /** With and without each, and an α on the other side of lerp's two formulas. */
    static final List<RmsProp> RMSPROPS = List.of(
            new RmsProp(0, 0, 0.99, false),
            new RmsProp(0.9f, 1e-2, 0.99, false),
            new RmsProp(0, 1e-2, 0.99, true),
            new RmsProp(0.9f, 0, 0.4, true));

    /** Parameters, gradients and three blocks of state, each with a value behind its end that nobody may touch. */
    record Blocks(
            int n, MemorySegment w, MemorySegment g, MemorySegment m, MemorySegment v, MemorySegment s, Ranges ranges) {
        static final float CANARY = 12345;

        static Blocks of(Arena arena, int n, float state) {
            MemorySegment[] blocks = new MemorySegment[5];
            SplittableRandom random = new SplittableRandom(n);
            for (int b = 0; b < blocks.length; b++) {
                blocks[b] = arena.allocate((n + 1L) * Float.BYTES, 64);
                for (int i = 0; i < n; i++) {
                    blocks[b].setAtIndex(JAVA_FLOAT, i, b < 2 ? (float) random.nextDouble(-1, 1) : state);
                }
                blocks[b].setAtIndex(JAVA_FLOAT, n, CANARY);
            }
            return new Blocks(n, blocks[0], blocks[1], blocks[2], blocks[3], blocks[4], Ranges.all(arena, n));
        }

        /** The next gradients: something else at every step, with some zeros. */
        void nextGradients(int step) {
            SplittableRandom random = new SplittableRandom(31L * n + step);
            for (int i = 0; i < n; i++) {
                g.setAtIndex(JAVA_FLOAT, i, i % 11 == step ? 0 : (float) random.nextDouble(-1, 1));
            }
        }

        void assertCanaries() {
            for (MemorySegment block : List.of(w, g, m, v, s)) {
                assertEquals(CANARY, block.getAtIndex(JAVA_FLOAT, n));
            }
        }
    }

    private static float[] values(MemorySegment block) {
        return block.toArray(JAVA_FLOAT);
    }

    private static void assertSameBits(Blocks expected, Blocks actual, String what) {
        // Floats compare as bits here, NaN and the sign of zero included.
        assertArrayEquals(values(expected.w), values(actual.w), () -> "parameters, " + what);
        assertArrayEquals(values(expected.m), values(actual.m), () -> "first moments, " + what);
        assertArrayEquals(values(expected.v), values(actual.v), () -> "second moments or momentum, " + what);
        assertArrayEquals(values(expected.s), values(actual.s), () -> "mean squares, " + what);
    }

    @ParameterizedTest
    @FieldSource("SIZES")
    void sgdIsTheFormulaInDoublePrecision(int n) {
        for (Sgd sgd : sgds()) {
            try (Arena arena = Arena.ofShared()) {
                // NaN: the momentum buffer must not be read at the first step, nor at all without momentum.
                Blocks b = Blocks.of(arena, n, Float.NaN);
                for (int step = 0; step < STEPS; step++) {
                    b.nextGradients(step);
                    float[] w = values(b.w);
                    float[] g = values(b.g);
                    float[] v = values(b.v);
                    sgd.step(JAVA, b, step == 0, ALONE);
                    b.assertCanaries();
                    for (int i = 0; i < n; i++) {
                        double d = g[i] + (double) sgd.weightDecay * w[i];
                        double direction = d;
                        double size = Math.abs(g[i]) + Math.abs(sgd.weightDecay * w[i]);
                        if (sgd.momentum != 0) {
                            double velocity =
                                    step == 0 ? d : (double) sgd.momentum * v[i] + (double) sgd.gradientWeight * d;
                            direction = sgd.nesterov ? d + sgd.momentum * velocity : velocity;
                            size = 2 * size + 2 * Math.abs(step == 0 ? 0 : v[i]);
                            // At most four roundings lead to the velocity.
                            assertEquals(
                                    velocity, b.v.getAtIndex(JAVA_FLOAT, i), 4 * ROUNDING * size, sgd + " v at " + i);
                        }
                        // At most six lead to the direction, one each to the product and to the difference.
                        assertEquals(
                                w[i] - (double) Sgd.LR * direction,
                                b.w.getAtIndex(JAVA_FLOAT, i),
                                ROUNDING * (8 * Sgd.LR * size + 2 * Math.abs(w[i])),
                                sgd + " w at " + i);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @FieldSource("SIZES")
    void adamIsTheFormulaInDoublePrecision(int n) {
        for (Adam adam : ADAMS) {
            try (Arena arena = Arena.ofShared()) {
                Blocks b = Blocks.of(arena, n, 0);
                for (int step = 1; step <= STEPS; step++) {
                    b.nextGradients(step);
                    float[] w = values(b.w);
                    float[] g = values(b.g);
                    float[] m = values(b.m);
                    float[] v = values(b.v);
                    adam.step(JAVA, b, step, ALONE);
                    b.assertCanaries();
                    for (int i = 0; i < n; i++) {
                        double d = g[i] + (double) adam.l2 * w[i];
                        double mean = m[i] + adam.blend1() * (d - m[i]);
                        double square = v[i] * (double) (float) Adam.BETA2 + (float) (1 - Adam.BETA2) * d * d;
                        double scale = adam.stepSize(step) / (Math.sqrt(square) / Adam.rootBias2(step) + Adam.EPSILON);
                        double gradientSize = Math.abs(g[i]) + Math.abs(adam.l2 * w[i]);
                        double meanSize = Math.abs(m[i]) + gradientSize;
                        // Two roundings of d, three of lerp.
                        assertEquals(mean, b.m.getAtIndex(JAVA_FLOAT, i), 5 * ROUNDING * meanSize, adam + " m at " + i);
                        // Two roundings of d, each counted twice by its square, two products and a sum.
                        double squareError = ROUNDING * (2 * v[i] + 7 * (1 - Adam.BETA2) * gradientSize * gradientSize);
                        assertEquals(square, b.v.getAtIndex(JAVA_FLOAT, i), squareError, adam + " v at " + i);
                        // A root halves the relative error; then root, two quotients, sum and product.
                        double scaleError = square == 0 ? 0 : squareError / square / 2 + 5 * ROUNDING;
                        assertEquals(
                                (double) w[i] * adam.keep() - scale * mean,
                                b.w.getAtIndex(JAVA_FLOAT, i),
                                scale * (5 * ROUNDING * meanSize + scaleError * Math.abs(mean))
                                        + 2 * ROUNDING * (Math.abs(w[i]) + scale * Math.abs(mean)),
                                adam + " w at " + i);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @FieldSource("SIZES")
    void nativeSgdIsJavasToTheBit(int n) {
        UpdateKernels kernels = nativeKernels();
        for (Sgd sgd : sgds()) {
            compareSgd(sgd, kernels, n, ALONE);
        }
    }

    @ParameterizedTest
    @FieldSource("SIZES")
    void nativeAdamIsJavasToTheBit(int n) {
        UpdateKernels kernels = nativeKernels();
        for (Adam adam : ADAMS) {
            compareAdam(adam, kernels, n, ALONE);
        }
    }

    @ParameterizedTest
    @FieldSource("SIZES")
    void rmsPropIsTheFormulaInDoublePrecision(int n) {
        for (RmsProp rms : RMSPROPS) {
            try (Arena arena = Arena.ofShared()) {
                Blocks b = Blocks.of(arena, n, 0);
                for (int step = 0; step < STEPS; step++) {
                    b.nextGradients(step);
                    float[] w = values(b.w);
                    float[] g = values(b.g);
                    float[] m = values(b.m);
                    float[] v = values(b.v);
                    float[] s = values(b.s);
                    rms.step(JAVA, b, ALONE);
                    b.assertCanaries();
                    for (int i = 0; i < n; i++) {
                        double blend = (float) (1 - rms.alpha);
                        double d = g[i] + (double) (float) rms.weightDecay * w[i];
                        double square = s[i] * (double) (float) rms.alpha + blend * d * d;
                        double mean = rms.centered ? m[i] + blend * (d - m[i]) : 0;
                        double spread = square - mean * mean;
                        double size = Math.abs(g[i]) + Math.abs(rms.weightDecay * w[i]);
                        // As Adam's; a centered spread has the error of both squares.
                        double error = ROUNDING * (2 * s[i] + 7 * blend * size * size)
                                + (rms.centered ? ROUNDING * 12 * (m[i] * m[i] + size * size) : 0);
                        if (!(spread > 16 * error))
                            continue; // cancelled, or no gradient yet: no digit of the root is sure
                        double scale = 1 / (Math.sqrt(spread) + RmsProp.EPSILON);
                        double relative = error / spread / 2 + 6 * ROUNDING;
                        double direction = rms.momentum * v[i] + d * scale;
                        double directionSize = Math.abs(rms.momentum * v[i]) + size * scale;
                        assertEquals(
                                w[i] - RmsProp.LR * direction,
                                b.w.getAtIndex(JAVA_FLOAT, i),
                                RmsProp.LR * directionSize * (relative + 4 * ROUNDING) + 2 * ROUNDING * Math.abs(w[i]),
                                rms + " w at " + i);
                    }
                }
            }
        }
    }

    /** Parts with coefficients of their own, what lies between them untouched; on all kernels, alone and on a team. */
    @Test
    void rangesHaveTheirOwnCoefficients() {
        OneDnn.load();
        int n = TEAM_SIZE;
        List<Ranges.Range> parts = List.of(
                new Ranges.Range(3, 20),
                new Ranges.Range(20, 21),
                new Ranges.Range(100, 30_001),
                new Ranges.Range(n - 7, n));
        for (UpdateKernels kernels : List.of(JAVA, UpdateKernels.best())) {
            for (Team team : List.of(ALONE, new OpenMpTeam(3))) {
                try (Arena arena = Arena.ofShared()) {
                    Ranges ranges = new Ranges(arena, parts);
                    for (int r = 0; r < parts.size(); r++) ranges.set(r, 0.1 * (r + 1), 0.01 * r, 1);
                    Blocks b = Blocks.of(arena, n, 0);
                    Blocks whole = Blocks.of(arena, n, 0);
                    kernels.sgd(b.w, b.g, b.v, ranges, 0.9f, false, false, team);
                    b.assertCanaries();
                    float[] before = values(whole.w);
                    for (int r = 0; r < parts.size(); r++) {
                        Blocks one = Blocks.of(arena, n, 0);
                        one.ranges.set(0, 0.1 * (r + 1), 0.01 * r, 1);
                        JAVA.sgd(one.w, one.g, one.v, one.ranges, 0.9f, false, false, ALONE);
                        for (long i = parts.get(r).from(); i < parts.get(r).to(); i++) {
                            before[(int) i] = one.w.getAtIndex(JAVA_FLOAT, i);
                        }
                    }
                    assertArrayEquals(before, values(b.w), kernels.describe());
                }
            }
        }
        assertThrows(IllegalArgumentException.class, () -> new Ranges.Range(5, 5));
        try (Arena arena = Arena.ofConfined()) {
            List<Ranges.Range> crossed = List.of(new Ranges.Range(0, 5), new Ranges.Range(4, 6));
            assertThrows(IllegalArgumentException.class, () -> new Ranges(arena, crossed));
        }
    }

    /** 7 is more than there are cores here or in most places. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void aTeamComputesTheSameBits(int threads) {
        OneDnn.load();
        OpenMpTeam team = new OpenMpTeam(threads);
        assertEquals(OpenMpTeam.isAvailable() ? threads : 1, team.size());
        // The Java kernels are always tested; the native ones too if they were built.
        for (UpdateKernels kernels : List.of(JAVA, UpdateKernels.best())) {
            for (Sgd sgd : sgds()) {
                compareSgd(sgd, kernels, TEAM_SIZE, team);
            }
            for (Adam adam : ADAMS) {
                compareAdam(adam, kernels, TEAM_SIZE, team);
            }
            for (RmsProp rms : RMSPROPS) {
                compareRmsProp(rms, kernels, TEAM_SIZE, team);
            }
        }
    }

    @ParameterizedTest
    @FieldSource("SIZES")
    void nativeRmsPropIsJavasToTheBit(int n) {
        UpdateKernels kernels = nativeKernels();
        for (RmsProp rms : RMSPROPS) {
            compareRmsProp(rms, kernels, n, ALONE);
        }
    }

    private static void compareRmsProp(RmsProp rms, UpdateKernels kernels, int n, Team team) {
        try (Arena arena = Arena.ofShared()) {
            Blocks expected = Blocks.of(arena, n, 0);
            Blocks actual = Blocks.of(arena, n, 0);
            for (int step = 0; step < STEPS; step++) {
                expected.nextGradients(step);
                actual.nextGradients(step);
                rms.step(JAVA, expected, ALONE);
                rms.step(kernels, actual, team);
                actual.assertCanaries();
                assertSameBits(expected, actual, rms + ", step " + step);
            }
        }
    }

    private static void compareSgd(Sgd sgd, UpdateKernels kernels, int n, Team team) {
        try (Arena arena = Arena.ofShared()) {
            Blocks expected = Blocks.of(arena, n, Float.NaN);
            Blocks actual = Blocks.of(arena, n, Float.NaN);
            for (int step = 0; step < STEPS; step++) {
                expected.nextGradients(step);
                actual.nextGradients(step);
                sgd.step(JAVA, expected, step == 0, ALONE);
                sgd.step(kernels, actual, step == 0, team);
                actual.assertCanaries();
                assertSameBits(expected, actual, sgd + ", step " + step);
            }
        }
    }

    private static void compareAdam(Adam adam, UpdateKernels kernels, int n, Team team) {
        try (Arena arena = Arena.ofShared()) {
            Blocks expected = Blocks.of(arena, n, 0);
            Blocks actual = Blocks.of(arena, n, 0);
            for (int step = 1; step <= STEPS; step++) {
                expected.nextGradients(step);
                actual.nextGradients(step);
                adam.step(JAVA, expected, step, ALONE);
                adam.step(kernels, actual, step, team);
                actual.assertCanaries();
                assertSameBits(expected, actual, adam + ", step " + step);
            }
        }
    }

    @Test
    void withoutMomentumThereNeedBeNoBuffer() {
        for (UpdateKernels kernels : List.of(JAVA, UpdateKernels.best())) {
            try (Arena arena = Arena.ofShared()) {
                MemorySegment w = arena.allocateFrom(JAVA_FLOAT, 1, 2);
                MemorySegment g = arena.allocateFrom(JAVA_FLOAT, 4, -4);
                Ranges ranges = Ranges.all(arena, 2);
                ranges.set(0, 0.25, 0, 1);
                kernels.sgd(w, g, MemorySegment.NULL, ranges, 0, false, true, ALONE);
                assertArrayEquals(new float[] {0, 3}, values(w));
            }
        }
    }

    @Test
    void blocksThatAreTooSmallOrClosedAreRefused() {
        for (UpdateKernels kernels : List.of(JAVA, UpdateKernels.best())) {
            Arena arena = Arena.ofShared();
            Blocks b = Blocks.of(arena, 8, 0);
            MemorySegment small = b.v.asSlice(0, 7 * Float.BYTES);
            var sgd = assertThrows(
                    IllegalArgumentException.class,
                    () -> kernels.sgd(b.w, b.g, small, b.ranges, 0.9f, false, true, ALONE));
            assertEquals("The update covers 8 values, but the block of momentum buffer holds 7", sgd.getMessage());
            var adam = assertThrows(
                    IllegalArgumentException.class,
                    () -> kernels.adam(b.w, b.g, small, b.v, b.ranges, 0.1f, 0.9f, 0.1f, 1e-8f, 1, ALONE));
            assertEquals("The update covers 8 values, but the block of first moments holds 7", adam.getMessage());
            var rms = assertThrows(
                    IllegalArgumentException.class,
                    () -> kernels.rmsProp(
                            b.w, b.g, small, MemorySegment.NULL, b.v, b.ranges, 0.9f, 0.1f, 1e-8f, 0, ALONE));
            assertEquals("The update covers 8 values, but the block of mean squares holds 7", rms.getMessage());
            arena.close();
            assertThrows(
                    IllegalStateException.class, () -> kernels.sgd(b.w, b.g, b.v, b.ranges, 0.9f, false, true, ALONE));
        }
    }
}
