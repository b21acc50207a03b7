package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.FormatTag;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Batch normalization in C against its definition in double, and the same bits for every number of threads. */
class NativeBatchNormTest {
    private static final float EPSILON = 1e-5f;

    /** Roundings of float32 on the way of one value: chunks of 256 are summed in strands, the rest nearly all in double. Few add up. */
    private static final double FLOAT = 140 * 0x1p-24;

    /** One rounding to bfloat16 at the end. */
    private static final double BFLOAT = 0x1p-8;

    private static NativeBatchNorm kernels;

    @BeforeAll
    static void load() {
        OneDnn.load();
        Optional<OwnKernels> found = OwnKernels.best();
        assumeTrue(found.isPresent(), "build-native.sh has not been run");
        kernels = found.get().batchNorm();
    }

    /** Rows, without pixels; numbers of pixels that break pairs, chunks of 256 and pieces of 1024; blocks that make several groups, or less than one. */
    @ParameterizedTest
    @CsvSource({
        "FLOAT32,  1, 32, 0,    1",
        "FLOAT32,  2, 32, 0,    2",
        "FLOAT32,  64, 256, 0,  2",
        "FLOAT32,  33, 250, 0,  2",
        "FLOAT32,  700, 161, 0, 3",
        "FLOAT32,  3, 5, 0,     1",
        "FLOAT32,  256, 63, 0,  1",
        "FLOAT32,  1, 16, 16,   1",
        "FLOAT32,  3, 32, 17,   2",
        "FLOAT32,  2, 48, 257,  2",
        "FLOAT32,  5, 16, 513,  3",
        "FLOAT32,  1, 16, 1025, 2",
        "FLOAT32,  3, 64, 2049, 4",
        "FLOAT32,  40, 80, 256, 2",
        "FLOAT32,  70, 80, 1024, 2",
        "BFLOAT16, 1, 16, 16,   1",
        "BFLOAT16, 3, 32, 17,   2",
        "BFLOAT16, 2, 48, 257,  2",
        "BFLOAT16, 5, 16, 513,  3",
        "BFLOAT16, 1, 16, 1025, 2",
        "BFLOAT16, 3, 64, 2049, 4",
        "BFLOAT16, 130, 96, 1024, 2",
    })
    void followsTheDefinition(DataType type, int images, int channels, int space, int threads) {
        for (boolean relu : new boolean[] {false, true}) {
            try (Arena arena = Arena.ofShared()) {
                Case c = new Case(arena, type, images, channels, space, relu);
                c.run(threads, false);
                c.verify();
                MemorySegment y = c.copy(c.y);
                c.y.fill((byte) 1);
                c.again(threads + 1);
                assertEquals(-1, y.mismatch(c.y), "y made again");
                c.verifySum(threads);
                MemorySegment dx = c.copy(c.dx);
                float[] sums = c.sums();
                c.run(threads + 1, true);
                assertEquals(-1, y.mismatch(c.y), "y of another number of threads");
                assertEquals(-1, dx.mismatch(c.dy), "dx of another number of threads, over dy");
                assertArrayEquals(sums, c.sums(), "statistics and gradients of another number of threads");
            }
        }
    }

    /** Sums of squares around zero would have no digit left of such a variance. */
    @ParameterizedTest
    @CsvSource({"4, 300", "600, 0"})
    void aSmallVarianceOfLargeValuesIsKept(int images, int space) {
        try (Arena arena = Arena.ofShared()) {
            Case c = new Case(arena, DataType.FLOAT32, images, 16, space, false);
            for (long i = 0; i < c.elements; i++)
                c.x.setAtIndex(JAVA_FLOAT, i, 4096 + (i / 16 % 2 == 0 ? 0.5f : -0.5f));
            c.run(2, false);
            for (int i = 0; i < 16; i++) {
                assertEquals(4096, c.mean.getAtIndex(JAVA_FLOAT, i));
                assertEquals(0.25f, c.variance.getAtIndex(JAVA_FLOAT, i));
            }
        }
    }

    /** Their squares are infinite. */
    @Test
    void hugeValuesThatAreAllTheSameHaveNoVariance() {
        try (Arena arena = Arena.ofShared()) {
            for (DataType type : List.of(DataType.FLOAT32, DataType.BFLOAT16)) {
                for (int space : type == DataType.FLOAT32 ? List.of(0, 300) : List.of(300)) {
                    Case c = new Case(arena, type, 2, 16, space, false);
                    for (long i = 0; i < c.elements; i++) c.set(c.x, i, 0x1p66f);
                    c.run(2, false);
                    for (int i = 0; i < 16; i++) {
                        assertEquals(0x1p66f, c.mean.getAtIndex(JAVA_FLOAT, i));
                        assertEquals(0, c.variance.getAtIndex(JAVA_FLOAT, i));
                        float y = NativeResidualTest.rounded(type, c.shift.getAtIndex(JAVA_FLOAT, i));
                        assertEquals(y, c.get(c.y, i));
                    }
                }
            }
        }
    }

    @Test
    void whatIsNotGivenIsOneAndZero() {
        try (Arena arena = Arena.ofShared()) {
            for (DataType type : List.of(DataType.FLOAT32, DataType.BFLOAT16)) {
                for (int space : type == DataType.FLOAT32 ? List.of(0, 50) : List.of(50)) {
                    Case c = new Case(arena, type, 3, 32, space, true);
                    for (int i = 0; i < 32; i++) {
                        c.scale.setAtIndex(JAVA_FLOAT, i, 1);
                        c.shift.setAtIndex(JAVA_FLOAT, i, 0);
                    }
                    c.run(2, false);
                    MemorySegment y = c.copy(c.y);
                    MemorySegment dx = c.copy(c.dx);
                    NativeBatchNorm.Call forward = kernels.call(arena, c.layout, EPSILON, true, 2);
                    forward.x(c.x).result(c.y).mean(c.mean).variance(c.variance);
                    forward.scratch(arena.allocate(forward.scratchBytes(), 64))
                            .forward()
                            .run(0);
                    NativeBatchNorm.Call backward = kernels.call(arena, c.layout, EPSILON, true, 2);
                    backward.x(c.x).dy(c.given).result(c.dx).mean(c.mean).variance(c.variance);
                    backward.scratch(arena.allocate(backward.scratchBytes(), 64))
                            .backward()
                            .run(0);
                    assertEquals(-1, y.mismatch(c.y), "y");
                    assertEquals(-1, dx.mismatch(c.dx), "dx");
                }
            }
        }
    }

    /** A second normalization with the first's statistics takes them for constants, whoever made them. */
    @Test
    void theStatisticsOfABatchCanBeGivenToAnother() {
        List<Integer> one = List.of(1, 1);
        List<Integer> none = List.of(0, 0);
        GraphBuilder b = new GraphBuilder();
        Value x = b.input("x", DataType.FLOAT32, Shape.of(4, 16, 6, 6));
        Value weight = b.parameter("weight", Shape.of(16, 16, 1, 1));
        Value z = b.add(new Op.Convolution(one, none, none, one, 1, false), x, weight);
        List<Value> first = b.addAll(new Op.BatchNormalization(EPSILON, true, false, false, false), List.of(z));
        Value second =
                b.add(new Op.BatchNormalization(EPSILON, false, false, false, false), z, first.get(1), first.get(2));
        Value y = b.add(new Op.Add(false), first.get(0), second);
        b.output("y", y);
        Value dy = b.input("dy", DataType.FLOAT32, y.shape());
        Graph graph = Differentiate.apply(b.build(), y, dy, List.of(weight));
        float[] own = gradient(new OneDnnBackend(), graph, true);
        assertArrayEquals(gradient(new OneDnnBackend().ownKernels(false), graph, false), own, 1e-3f);
    }

    private static float[] gradient(OneDnnBackend backend, Graph graph, boolean own) {
        try (Arena arena = Arena.ofShared();
                OneDnnPlan plan = backend.compile(graph, PlanOptions.threads(2))) {
            if (plan.print().contains("avx512")) {
                assertEquals(own, plan.stepNames().stream().anyMatch(n -> n.contains("ondine:")), plan.print());
            }
            SplittableRandom random = new SplittableRandom(3);
            for (String name : List.of("x", "dy")) {
                float[] values = new float[4 * 16 * 6 * 6];
                for (int i = 0; i < values.length; i++) values[i] = (float) random.nextDouble(-1, 1);
                plan.input(name).copyFrom(values);
            }
            MemorySegment weights = arena.allocate(JAVA_FLOAT, 16 * 16);
            for (int i = 0; i < 16 * 16; i++) weights.setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
            plan.pack(0, weights, plan.weights());
            plan.run(0);
            plan.unpack(0, plan.gradients(), weights);
            return weights.toArray(JAVA_FLOAT);
        }
    }

    @Test
    void whatIsNoNumberStaysInItsChannel() {
        try (Arena arena = Arena.ofShared()) {
            for (DataType type : List.of(DataType.FLOAT32, DataType.BFLOAT16)) {
                for (int space : type == DataType.FLOAT32 ? List.of(0, 33) : List.of(33)) {
                    Case c = new Case(arena, type, 2, 32, space, true);
                    c.set(c.x, 5, Float.NaN);
                    c.run(2, false);
                    for (long i = 0; i < c.elements; i++) {
                        int channel = c.channel(i);
                        assertEquals(channel == 5, Float.isNaN(c.get(c.y, i)), type + ", y of channel " + channel);
                        assertEquals(channel == 5, Float.isNaN(c.get(c.dx, i)), type + ", dx of channel " + channel);
                    }
                }
            }
        }
    }

    @Test
    void otherLayoutsAreOneDnns() {
        try (Arena arena = Arena.ofShared()) {
            assertTrue(supports(arena, FormatTag.ABCD_16B, 2, 32, 4, 4));
            assertFalse(supports(arena, FormatTag.ABCD_16B, 2, 32, 3, 5), "few pixels");
            assertFalse(supports(arena, FormatTag.ABCD_16B, 2, 24, 4, 4), "padding");
            assertFalse(supports(arena, FormatTag.ABCD_8B, 2, 32, 4, 4), "blocks of 8");
            assertFalse(supports(arena, FormatTag.ACDB, 2, 32, 4, 4), "channels last");
            assertFalse(supports(arena, FormatTag.ABCD, 2, 32, 4, 4), "row-major");
            assertTrue(supports(arena, FormatTag.AB, 2, 5), "rows");
            assertTrue(supports(arena, FormatTag.AB, 5000, 257), "rows");
            assertFalse(supports(arena, FormatTag.AB, 5000, 31), "many rows of few channels");
            assertFalse(supports(arena, FormatTag.BA, 2, 32), "columns");
            MemoryDescriptor larger = layout(arena, DataType.FLOAT32, FormatTag.ABCD_16B, 2, 64, 4, 4);
            assertFalse(
                    kernels.supports(larger.submemory(arena, new long[] {2, 32, 4, 4}, new long[] {0, 32, 0, 0})),
                    "a part of something");
        }
    }

    private static boolean supports(Arena arena, FormatTag tag, long... dims) {
        return kernels.supports(layout(arena, DataType.FLOAT32, tag, dims));
    }

    private static MemoryDescriptor layout(Arena arena, DataType type, FormatTag tag, long... dims) {
        return MemoryDescriptor.of(arena, dims, type, tag);
    }

    @Test
    void memoryThatIsTooSmallOrMissingIsRefused() {
        try (Arena arena = Arena.ofShared()) {
            MemoryDescriptor layout = layout(arena, DataType.FLOAT32, FormatTag.ABCD_16B, 2, 32, 4, 4);
            NativeBatchNorm.Call call = kernels.call(arena, layout, EPSILON, false, 1);
            assertThrows(IllegalArgumentException.class, () -> call.x(arena.allocate(layout.size() - 1, 64)));
            assertThrows(IllegalArgumentException.class, () -> call.mean(arena.allocate(124, 64)));
            assertThrows(IllegalArgumentException.class, () -> call.scale(MemorySegment.ofArray(new float[32])));
            var e = assertThrows(IllegalStateException.class, call::forward);
            assertEquals("no x was given", e.getMessage());
            MemoryDescriptor other = layout(arena, DataType.FLOAT32, FormatTag.ABCD, 2, 32, 4, 4);
            assertThrows(IllegalArgumentException.class, () -> kernels.call(arena, other, EPSILON, false, 1));
        }
    }

    /** One normalization and its gradient, with the numbers that they take and make. */
    private static final class Case {
        final Arena arena;
        final MemoryDescriptor layout;
        final DataType type;
        final int images;
        final int channels;
        final boolean rows;
        final int space;
        final boolean relu;
        final long elements;
        final MemorySegment x;
        final MemorySegment given;
        final MemorySegment dy;
        final MemorySegment y;
        final MemorySegment dx;
        final MemorySegment scale;
        final MemorySegment shift;
        final MemorySegment mean;
        final MemorySegment variance;
        final MemorySegment scaleGradient;
        final MemorySegment shiftGradient;

        Case(Arena arena, DataType type, int images, int channels, int space, boolean relu) {
            this.arena = arena;
            this.type = type;
            this.images = images;
            this.channels = channels;
            this.rows = space == 0;
            this.space = Math.max(space, 1);
            this.relu = relu;
            this.layout = rows
                    ? layout(arena, type, FormatTag.AB, images, channels)
                    : layout(arena, type, FormatTag.ABCD_16B, images, channels, 1, space);
            assumeTrue(kernels.supports(layout), "this processor has no AVX-512 for " + type);
            this.elements = (long) images * channels * this.space;
            this.x = activations();
            this.given = activations();
            this.dy = activations();
            this.y = activations();
            this.dx = activations();
            this.scale = perChannel();
            this.shift = perChannel();
            this.mean = perChannel();
            this.variance = perChannel();
            this.scaleGradient = perChannel();
            this.shiftGradient = perChannel();
            SplittableRandom random = new SplittableRandom(7);
            for (long i = 0; i < elements; i++) {
                set(x, i, (float) (channel(i) % 5 - 2 + random.nextDouble(-1, 1)));
                set(given, i, (float) random.nextDouble(-1, 2));
            }
            for (int c = 0; c < channels; c++) {
                scale.setAtIndex(JAVA_FLOAT, c, (float) random.nextDouble(-2, 2));
                shift.setAtIndex(JAVA_FLOAT, c, (float) random.nextDouble(-1, 1));
            }
        }

        private MemorySegment activations() {
            return arena.allocate(layout.size(), 64);
        }

        private MemorySegment perChannel() {
            return arena.allocate((long) channels * Float.BYTES, 64);
        }

        MemorySegment copy(MemorySegment from) {
            return activations().copyFrom(from);
        }

        int channel(long i) {
            if (rows) return (int) (i % channels);
            return (int) (i / 16 / space % (channels / 16) * 16 + i % 16);
        }

        void set(MemorySegment memory, long i, float value) {
            if (type == DataType.FLOAT32) memory.setAtIndex(JAVA_FLOAT, i, value);
            else memory.setAtIndex(JAVA_SHORT, i, (short) (Float.floatToRawIntBits(value) >>> 16));
        }

        float get(MemorySegment memory, long i) {
            return type == DataType.FLOAT32
                    ? memory.getAtIndex(JAVA_FLOAT, i)
                    : Float.intBitsToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
        }

        float[] sums() {
            float[] all = new float[4 * channels];
            int at = 0;
            for (MemorySegment s : List.of(mean, variance, scaleGradient, shiftGradient)) {
                for (int c = 0; c < channels; c++) all[at++] = s.getAtIndex(JAVA_FLOAT, c);
            }
            return all;
        }

        void run(int threads, boolean inPlace) {
            dy.copyFrom(given);
            NativeBatchNorm.Call forward = kernels.call(arena, layout, EPSILON, relu, threads);
            forward.x(x).result(y).scale(scale).shift(shift).mean(mean).variance(variance);
            forward.scratch(arena.allocate(forward.scratchBytes(), 64))
                    .forward()
                    .run(0);
            NativeBatchNorm.Call backward = kernels.call(arena, layout, EPSILON, relu, threads);
            backward.x(x).dy(dy).result(inPlace ? dy : dx).scale(scale).shift(shift);
            backward.mean(mean).variance(variance).scaleGradient(scaleGradient).shiftGradient(shiftGradient);
            backward.scratch(arena.allocate(backward.scratchBytes(), 64))
                    .backward()
                    .run(0);
        }

        /** y into its memory, from the statistics that {@link #run} left. */
        void again(int threads) {
            NativeBatchNorm.Call again = kernels.call(arena, layout, EPSILON, relu, threads);
            again.x(x).result(y).scale(scale).shift(shift).mean(mean).variance(variance);
            again.scratch(arena.allocate(again.scratchBytes(), 64)).again().run(0);
        }

        /** What a residual block adds, before the ReLU: elsewhere, where the result goes, and when it is made again. */
        void verifySum(int threads) {
            NativeBatchNorm.Call plain = kernels.call(arena, layout, EPSILON, false, threads);
            NativeBatchNorm.Call sum = kernels.call(arena, layout, EPSILON, relu, threads);
            MemorySegment scratch = arena.allocate(sum.scratchBytes(), 64);
            MemorySegment z = activations();
            plain.x(x).result(y).scale(scale).shift(shift).mean(mean).variance(variance);
            plain.scratch(scratch).forward().run(0);
            sum.x(x)
                    .addend(given)
                    .result(z)
                    .scale(scale)
                    .shift(shift)
                    .mean(mean)
                    .variance(variance);
            sum.scratch(scratch).forward().run(0);
            for (long i = 0; i < elements; i++) {
                float expected = get(y, i) + get(given, i);
                if (relu) expected = Math.max(0, expected);
                // The sum of two of the type, rounded once.
                assertEquals(NativeResidualTest.rounded(type, expected), get(z, i), "sum");
            }
            MemorySegment first = copy(z);
            sum.result(z);
            z.fill((byte) 1);
            sum.again().run(0);
            assertEquals(-1, first.mismatch(z), "sum made again");
            z.copyFrom(given);
            sum.addend(z).forward().run(0);
            assertEquals(-1, first.mismatch(z), "sum in the addend's place");
            z.copyFrom(given);
            sum.again().run(0);
            assertEquals(-1, first.mismatch(z), "sum made again in the addend's place");
        }

        void verify() {
            double last = type == DataType.FLOAT32 ? FLOAT : BFLOAT;
            double m = (double) images * space;
            double[] mu = new double[channels];
            double[] var = new double[channels];
            for (long i = 0; i < elements; i++) mu[channel(i)] += get(x, i) / m;
            for (long i = 0; i < elements; i++) {
                double d = get(x, i) - mu[channel(i)];
                var[channel(i)] += d * d / m;
            }
            double[] beta = new double[channels];
            double[] gamma = new double[channels];
            double[] betaSize = new double[channels];
            for (long i = 0; i < elements; i++) {
                int c = channel(i);
                double normal = (get(x, i) - mu[c]) / Math.sqrt(var[c] + EPSILON);
                double g = gradient(i, normal);
                beta[c] += g;
                gamma[c] += g * normal;
                betaSize[c] += Math.abs(get(given, i));
            }
            for (int c = 0; c < channels; c++) {
                near("mean", mu[c], mean.getAtIndex(JAVA_FLOAT, c), FLOAT * 3);
                near("variance", var[c], variance.getAtIndex(JAVA_FLOAT, c), FLOAT * 3);
                // A normalized value is at most some 2 here.
                near("shift gradient", beta[c], shiftGradient.getAtIndex(JAVA_FLOAT, c), FLOAT * betaSize[c]);
                near("scale gradient", gamma[c], scaleGradient.getAtIndex(JAVA_FLOAT, c), FLOAT * 3 * betaSize[c]);
            }
            for (long i = 0; i < elements; i++) {
                int c = channel(i);
                double rate = 1 / Math.sqrt(var[c] + EPSILON);
                double normal = (get(x, i) - mu[c]) * rate;
                double value = affine(c, normal);
                double result = relu ? Math.max(0, value) : value;
                near("y", result, get(y, i), FLOAT * 8 + last * Math.abs(result));
                // Where rounding decides of the sign, either gradient is right.
                if (relu && Math.abs(value) < FLOAT * 8) continue;
                double g = gradient(i, normal);
                double slope = scale.getAtIndex(JAVA_FLOAT, c) * rate * (g - beta[c] / m - normal * gamma[c] / m);
                near("dx", slope, get(dx, i), FLOAT * 60 + last * Math.abs(slope));
            }
        }

        private double affine(int c, double normal) {
            return normal * scale.getAtIndex(JAVA_FLOAT, c) + shift.getAtIndex(JAVA_FLOAT, c);
        }

        /** Of y, behind the ReLU; its sign as the kernel's arithmetic has it where that is closer than a rounding. */
        private double gradient(long i, double normal) {
            double value = affine(channel(i), normal);
            boolean passes = Math.abs(value) < FLOAT * 8 ? get(y, i) > 0 : value > 0;
            return !relu || passes ? get(given, i) : 0;
        }

        private void near(String what, double expected, double actual, double tolerance) {
            if (!(Math.abs(expected - actual) <= tolerance)) {
                assertEquals(expected, actual, tolerance, what + " of " + layout);
            }
        }
    }
}
