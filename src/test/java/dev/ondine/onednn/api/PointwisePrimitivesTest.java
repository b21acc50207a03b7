package dev.ondine.onednn.api;

import static dev.ondine.onednn.api.Segments.counting;
import static dev.ondine.onednn.api.Segments.floats;
import static dev.ondine.onednn.api.Segments.memory;
import static dev.ondine.onednn.api.Segments.plain;
import static dev.ondine.onednn.api.Segments.run;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Element-wise functions, copies, reductions and softmax against values worked out by hand. */
class PointwisePrimitivesTest {
    /** oneDNN's exp is a polynomial: a few units in the last place of values near 1. */
    private static final float EXPONENTIAL = 1e-6f;

    /** Its log adds table entries to a polynomial and is off by up to 2e-6 around log 2. */
    private static final float LOGARITHM = 4e-6f;

    private final Arena arena = Arena.ofConfined();
    private Attributes attributes;

    @BeforeEach
    void defaults() {
        attributes = Attributes.create(arena);
    }

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void reluInPlaceWithTheGradientFromItsResult() {
        Memory data = memory(arena, plain(arena, 1, 4), -1, 2, -3, 4);
        MemoryDescriptor layout = data.descriptor();
        assertTrue(Algorithm.ELTWISE_RELU_USE_DST.usesDestinationForBackward());
        assertFalse(Algorithm.ELTWISE_RELU.usesDestinationForBackward());
        PrimitiveDescriptor forward = run(
                arena,
                Eltwises.forward(
                        Propagation.FORWARD_TRAINING,
                        Algorithm.ELTWISE_RELU_USE_DST,
                        layout,
                        layout,
                        0.5f,
                        0,
                        attributes),
                Map.of(Arg.SRC, data, Arg.DST, data));
        assertArrayEquals(new float[] {-0.5f, 2, -1.5f, 4}, floats(data));

        Memory diff = memory(arena, layout, 10, 20, 30, 40);
        run(
                arena,
                Eltwises.backward(Algorithm.ELTWISE_RELU_USE_DST, layout, layout, layout, 0.5f, 0, forward, attributes),
                Map.of(Arg.DST, data, Arg.DIFF_DST, diff, Arg.DIFF_SRC, diff));
        assertArrayEquals(new float[] {5, 20, 15, 40}, floats(diff));
    }

    @Test
    void binaryBroadcastsAndTakesPostOps() {
        Memory first = memory(arena, plain(arena, 2, 2), 1, 2, 3, 4);
        Memory second = memory(arena, plain(arena, 1, 2), 10, -10);
        PostOps relu = PostOps.create(arena).eltwise(Algorithm.ELTWISE_RELU, 0, 0);

        run(
                arena,
                Binaries.of(
                        Algorithm.BINARY_ADD,
                        first.descriptor(),
                        second.descriptor(),
                        first.descriptor(),
                        Attributes.create(arena).postOps(relu)),
                Map.of(Arg.SRC, first, Arg.SRC_1, second, Arg.DST, first));

        assertArrayEquals(new float[] {11, 0, 13, 0}, floats(first));
    }

    @Test
    void scalesAreAppliedToAnArgument() {
        Memory src = memory(arena, plain(arena, 2, 2), 1, 2, 3, 4);
        Memory dst = memory(arena, plain(arena, 2, 2));
        Memory scale = memory(arena, plain(arena, 1), 3);

        run(
                arena,
                Reorders.of(
                        src.descriptor(),
                        dst.descriptor(),
                        Attributes.create(arena).scalesMask(Arg.SRC, 0)),
                Map.of(Arg.SRC, src, Arg.DST, dst, Arg.scales(Arg.SRC), scale));

        assertArrayEquals(new float[] {3, 6, 9, 12}, floats(dst));
    }

    @Test
    void concat() {
        Memory a = memory(arena, plain(arena, 2, 1), 1, 2);
        Memory b = memory(arena, plain(arena, 2, 2), 3, 4, 5, 6);
        Memory dst = memory(arena, plain(arena, 2, 3));

        run(
                arena,
                Concats.of(1, List.of(a.descriptor(), b.descriptor()), dst.descriptor(), attributes),
                Map.of(Arg.multipleSource(0), a, Arg.multipleSource(1), b, Arg.DST, dst));

        assertArrayEquals(new float[] {1, 3, 4, 2, 5, 6}, floats(dst));
    }

    @Test
    void sum() {
        Memory a = memory(arena, plain(arena, 2), 1, 2);
        Memory b = memory(arena, plain(arena, 2), 3, 4);
        Memory dst = memory(arena, plain(arena, 2));
        List<MemoryDescriptor> sources = List.of(a.descriptor(), b.descriptor());

        run(
                arena,
                Sums.of(new float[] {1, 10}, sources, dst.descriptor(), attributes),
                Map.of(Arg.multipleSource(0), a, Arg.multipleSource(1), b, Arg.DST, dst));

        assertArrayEquals(new float[] {31, 42}, floats(dst));
        assertThrows(
                IllegalArgumentException.class, () -> Sums.of(new float[] {1}, sources, dst.descriptor(), attributes));
    }

    @Test
    void softmaxAndItsLogarithm() {
        Memory src = memory(arena, plain(arena, 1, 2), 7, 7);
        Memory dst = memory(arena, plain(arena, 1, 2));
        MemoryDescriptor layout = src.descriptor();
        run(
                arena,
                Softmaxes.forward(Propagation.FORWARD_TRAINING, Algorithm.SOFTMAX_LOG, layout, layout, 1, attributes),
                Map.of(Arg.SRC, src, Arg.DST, dst));
        float half = (float) Math.log(0.5);
        assertArrayEquals(new float[] {half, half}, floats(dst), LOGARITHM);

        PrimitiveDescriptor forward = run(
                arena,
                Softmaxes.forward(
                        Propagation.FORWARD_TRAINING, Algorithm.SOFTMAX_ACCURATE, layout, layout, 1, attributes),
                Map.of(Arg.SRC, src, Arg.DST, dst));
        assertArrayEquals(new float[] {0.5f, 0.5f}, floats(dst), EXPONENTIAL);

        Memory diffDst = memory(arena, layout, 1, 0);
        Memory diffSrc = memory(arena, layout);
        run(
                arena,
                Softmaxes.backward(Algorithm.SOFTMAX_ACCURATE, layout, layout, layout, 1, forward, attributes),
                Map.of(Arg.DST, dst, Arg.DIFF_DST, diffDst, Arg.DIFF_SRC, diffSrc));
        assertArrayEquals(new float[] {0.25f, -0.25f}, floats(diffSrc), EXPONENTIAL);
    }

    @Test
    void reduction() {
        Memory src = memory(arena, plain(arena, 2, 3), 1, 2, 3, 4, 5, 6);
        Memory columns = memory(arena, plain(arena, 1, 3));
        run(
                arena,
                Reductions.of(Algorithm.REDUCTION_SUM, src.descriptor(), columns.descriptor(), 0, 0, attributes),
                Map.of(Arg.SRC, src, Arg.DST, columns));
        assertArrayEquals(new float[] {5, 7, 9}, floats(columns));
    }

    @Test
    void reorderChangesLayoutAndType() {
        Memory src = memory(arena, plain(arena, 1, 2, 1, 2), 1, 2, 3, 4);
        MemoryDescriptor channelsLast =
                MemoryDescriptor.of(arena, new long[] {1, 2, 1, 2}, DataType.BFLOAT16, FormatTag.ACDB);
        Memory dst = Memory.of(arena, channelsLast, Segments.bytes(arena, channelsLast.size()));

        run(arena, Reorders.of(src.descriptor(), channelsLast, attributes), Map.of(Arg.SRC, src, Arg.DST, dst));

        short[] bits = dst.data().toArray(JAVA_SHORT);
        float[] values = new float[bits.length];
        for (int i = 0; i < bits.length; i++) values[i] = Float.intBitsToFloat(bits[i] << 16);
        assertArrayEquals(new float[] {1, 3, 2, 4}, values);
    }

    @Test
    void reorderPadsBlocksWithZeros() {
        Memory src = memory(arena, plain(arena, 1, 3, 1, 1), 1, 2, 3);
        MemoryDescriptor blocked =
                MemoryDescriptor.of(arena, new long[] {1, 3, 1, 1}, DataType.FLOAT32, FormatTag.ABCD_8B);
        Memory dst = memory(arena, blocked, Segments.constant(8, Float.NaN));

        run(arena, Reorders.of(src.descriptor(), blocked, attributes), Map.of(Arg.SRC, src, Arg.DST, dst));

        assertArrayEquals(new float[] {1, 2, 3, 0, 0, 0, 0, 0}, floats(dst));
    }

    @Test
    void partOfATensorIsReadInPlace() {
        Memory whole = memory(arena, plain(arena, 2, 3), 1, 2, 3, 4, 5, 6);
        MemoryDescriptor column = whole.descriptor().submemory(arena, new long[] {2, 1}, new long[] {0, 2});
        Memory part = Memory.of(arena, column, whole.data());
        Memory dst = memory(arena, plain(arena, 2, 1));

        run(arena, Reorders.of(column, dst.descriptor(), attributes), Map.of(Arg.SRC, part, Arg.DST, dst));

        assertArrayEquals(new float[] {3, 6}, floats(dst));
    }

    @Test
    void resampling() {
        Memory src = memory(arena, plain(arena, 1, 1, 1, 2), 1, 2);
        Memory dst = memory(arena, plain(arena, 1, 1, 1, 4));
        PrimitiveDescriptor forward = run(
                arena,
                Resamplings.forward(
                        Propagation.FORWARD_TRAINING,
                        Algorithm.RESAMPLING_NEAREST,
                        src.descriptor(),
                        dst.descriptor(),
                        attributes),
                Map.of(Arg.SRC, src, Arg.DST, dst));
        assertArrayEquals(new float[] {1, 1, 2, 2}, floats(dst));

        Memory diffDst = memory(arena, dst.descriptor(), 1, 2, 3, 4);
        Memory diffSrc = memory(arena, src.descriptor());
        run(
                arena,
                Resamplings.backward(
                        Algorithm.RESAMPLING_NEAREST, src.descriptor(), dst.descriptor(), forward, attributes),
                Map.of(Arg.DIFF_DST, diffDst, Arg.DIFF_SRC, diffSrc));
        assertArrayEquals(new float[] {3, 7}, floats(diffSrc));
    }

    /** The axis as a matrix with rows of the group size, transposed; and back. */
    @Test
    void shuffle() {
        Memory src = memory(arena, plain(arena, 1, 6), counting(6, 0));
        Memory dst = memory(arena, src.descriptor());
        MemoryDescriptor layout = src.descriptor();
        PrimitiveDescriptor forward = run(
                arena,
                Shuffles.forward(Propagation.FORWARD_TRAINING, layout, layout, 1, 3, attributes),
                Map.of(Arg.SRC, src, Arg.DST, dst));
        assertArrayEquals(new float[] {0, 3, 1, 4, 2, 5}, floats(dst));

        Memory back = memory(arena, layout);
        run(
                arena,
                Shuffles.backward(layout, layout, 1, 3, forward, attributes),
                Map.of(Arg.DIFF_DST, dst, Arg.DIFF_SRC, back));
        assertArrayEquals(counting(6, 0), floats(back));
    }

    @Test
    void prelu() {
        Memory src = memory(arena, plain(arena, 1, 2, 1, 2), -1, 2, -3, 4);
        Memory weights = memory(arena, plain(arena, 1, 2, 1, 1), 0.5f, 2);
        Memory dst = memory(arena, src.descriptor());
        MemoryDescriptor layout = src.descriptor();
        PrimitiveDescriptor forward = run(
                arena,
                PRelus.forward(Propagation.FORWARD_TRAINING, layout, weights.descriptor(), layout, attributes),
                Map.of(Arg.SRC, src, Arg.WEIGHTS, weights, Arg.DST, dst));
        assertArrayEquals(new float[] {-0.5f, 2, -6, 4}, floats(dst));

        Memory diffDst = memory(arena, layout, 1, 1, 10, 10);
        Memory diffSrc = memory(arena, layout);
        Memory diffWeights = memory(arena, weights.descriptor());
        run(
                arena,
                PRelus.backward(
                        layout, weights.descriptor(), layout, weights.descriptor(), layout, forward, attributes),
                Map.of(
                        Arg.SRC, src,
                        Arg.WEIGHTS, weights,
                        Arg.DIFF_DST, diffDst,
                        Arg.DIFF_SRC, diffSrc,
                        Arg.DIFF_WEIGHTS, diffWeights));
        assertArrayEquals(new float[] {0.5f, 1, 20, 10}, floats(diffSrc));
        assertArrayEquals(new float[] {-1, -30}, floats(diffWeights));
    }
}
