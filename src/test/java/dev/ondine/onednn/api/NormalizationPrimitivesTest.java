package dev.ondine.onednn.api;

import static dev.ondine.onednn.api.Segments.floats;
import static dev.ondine.onednn.api.Segments.memory;
import static dev.ondine.onednn.api.Segments.plain;
import static dev.ondine.onednn.api.Segments.run;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Normalizations against values worked out by hand. The inputs are a power of two from their mean and ε is 0, so that
 * statistics and results are exact in any order of summation.
 */
class NormalizationPrimitivesTest {
    private static final Set<NormalizationFlag> SCALE_SHIFT =
            EnumSet.of(NormalizationFlag.USE_SCALE, NormalizationFlag.USE_SHIFT);

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

    /** Two images of two channels of two pixels: means 2 and 10, variances 1 and 4, so x̂ is −1, 1, … */
    private Memory batch() {
        return memory(arena, plain(arena, 2, 2, 1, 2), 1, 3, 8, 12, 1, 3, 8, 12);
    }

    @Test
    void batchNormalizationWithReluForwardAndBackward() {
        Set<NormalizationFlag> flags = EnumSet.copyOf(SCALE_SHIFT);
        flags.add(NormalizationFlag.FUSE_NORM_RELU);
        Memory src = batch();
        Memory dst = memory(arena, src.descriptor());
        Memory scale = memory(arena, plain(arena, 2), 2, 3);
        Memory shift = memory(arena, plain(arena, 2), 5, -1);
        Memory mean = memory(arena, plain(arena, 2));
        Memory variance = memory(arena, plain(arena, 2));
        PrimitiveDescriptor forward = BatchNormalizations.forward(
                        Propagation.FORWARD_TRAINING, src.descriptor(), dst.descriptor(), 0, flags, attributes)
                .create(arena);
        Memory workspace = memory(arena, forward.query(MemoryQuery.WORKSPACE));
        assertTrue(workspace.descriptor().size() > 0, "the mask of the ReLU");
        Segments.bind(
                        arena,
                        forward,
                        Map.of(
                                Arg.SRC, src,
                                Arg.SCALE, scale,
                                Arg.SHIFT, shift,
                                Arg.MEAN, mean,
                                Arg.VARIANCE, variance,
                                Arg.WORKSPACE, workspace,
                                Arg.DST, dst))
                .run();
        assertArrayEquals(new float[] {2, 10}, floats(mean));
        assertArrayEquals(new float[] {1, 4}, floats(variance));
        assertArrayEquals(new float[] {3, 7, 0, 2, 3, 7, 0, 2}, floats(dst));

        Memory diffDst = memory(arena, src.descriptor(), 1, 2, 5, 6, 3, 4, 7, 8);
        Memory diffSrc = memory(arena, src.descriptor());
        Memory diffScale = memory(arena, plain(arena, 2));
        Memory diffShift = memory(arena, plain(arena, 2));
        run(
                arena,
                BatchNormalizations.backward(
                        Propagation.BACKWARD,
                        diffSrc.descriptor(),
                        diffDst.descriptor(),
                        src.descriptor(),
                        0,
                        flags,
                        forward,
                        attributes),
                Map.of(
                        Arg.SRC, src,
                        Arg.MEAN, mean,
                        Arg.VARIANCE, variance,
                        Arg.DIFF_DST, diffDst,
                        Arg.SCALE, scale,
                        Arg.WORKSPACE, workspace,
                        Arg.DIFF_SRC, diffSrc,
                        Arg.DIFF_SCALE, diffScale,
                        Arg.DIFF_SHIFT, diffShift));
        // With the masked gradient g: γ/σ·(g − mean(g) − x̂·mean(g·x̂)).
        assertArrayEquals(new float[] {2, 14}, floats(diffScale));
        assertArrayEquals(new float[] {10, 14}, floats(diffShift));
        assertArrayEquals(new float[] {-2, -2, 0, -1.5f, 2, 2, 0, 1.5f}, floats(diffSrc));
    }

    @Test
    void batchNormalizationWithGivenStatistics() {
        Memory src = batch();
        Memory dst = memory(arena, src.descriptor());

        run(
                arena,
                BatchNormalizations.forward(
                        Propagation.FORWARD_INFERENCE,
                        src.descriptor(),
                        dst.descriptor(),
                        0,
                        EnumSet.of(NormalizationFlag.USE_GLOBAL_STATS),
                        attributes),
                Map.of(
                        Arg.SRC,
                        src,
                        Arg.MEAN,
                        memory(arena, plain(arena, 2), 1, 8),
                        Arg.VARIANCE,
                        memory(arena, plain(arena, 2), 4, 16),
                        Arg.DST,
                        dst));

        assertArrayEquals(new float[] {0, 1, 0, 1, 0, 1, 0, 1}, floats(dst));
    }

    @Test
    void batchNormalizationInBlockedLayoutIsNotTheReference() {
        MemoryDescriptor image =
                MemoryDescriptor.of(arena, new long[] {4, 32, 7, 7}, DataType.FLOAT32, FormatTag.ABCD_16B);
        Set<NormalizationFlag> flags = EnumSet.copyOf(SCALE_SHIFT);
        flags.add(NormalizationFlag.FUSE_NORM_RELU);
        PrimitiveDescriptor descriptor = BatchNormalizations.forward(
                        Propagation.FORWARD_TRAINING, image, image, 1e-5f, flags, attributes)
                .create(arena);
        if (OneDnn.effectiveIsa().isAtLeast(CpuIsa.AVX512_CORE)) {
            assertFalse(descriptor.isReference(), descriptor.implementation());
        }
        assertEquals("f32 a (32)", descriptor.query(Arg.MEAN).describe());
        assertEquals("f32 a (32)", descriptor.query(Arg.SCALE).describe());
    }

    @Test
    void layerNormalization() {
        Memory src = memory(arena, plain(arena, 2, 4), 1, 3, 1, 3, 8, 12, 8, 12);
        Memory dst = memory(arena, src.descriptor());
        Memory scale = memory(arena, plain(arena, 4), 1, 2, 3, 4);
        Memory shift = memory(arena, plain(arena, 4), 0, 0, 10, 10);
        Memory mean = memory(arena, plain(arena, 2));
        Memory variance = memory(arena, plain(arena, 2));
        PrimitiveDescriptor forward = run(
                arena,
                LayerNormalizations.forward(
                        Propagation.FORWARD_TRAINING,
                        src.descriptor(),
                        dst.descriptor(),
                        mean.descriptor(),
                        0,
                        SCALE_SHIFT,
                        attributes),
                Map.of(
                        Arg.SRC,
                        src,
                        Arg.SCALE,
                        scale,
                        Arg.SHIFT,
                        shift,
                        Arg.MEAN,
                        mean,
                        Arg.VARIANCE,
                        variance,
                        Arg.DST,
                        dst));
        assertArrayEquals(new float[] {2, 10}, floats(mean));
        assertArrayEquals(new float[] {1, 4}, floats(variance));
        assertArrayEquals(new float[] {-1, 2, 7, 14, -1, 2, 7, 14}, floats(dst));

        Memory diffDst = memory(arena, src.descriptor(), 1, 1, 1, 1, 1, 2, 3, 4);
        Memory diffSrc = memory(arena, src.descriptor());
        Memory diffScale = memory(arena, plain(arena, 4));
        Memory diffShift = memory(arena, plain(arena, 4));
        run(
                arena,
                LayerNormalizations.backward(
                        Propagation.BACKWARD,
                        diffSrc.descriptor(),
                        diffDst.descriptor(),
                        src.descriptor(),
                        mean.descriptor(),
                        0,
                        SCALE_SHIFT,
                        forward,
                        attributes),
                Map.of(
                        Arg.SRC, src,
                        Arg.MEAN, mean,
                        Arg.VARIANCE, variance,
                        Arg.DIFF_DST, diffDst,
                        Arg.SCALE, scale,
                        Arg.DIFF_SRC, diffSrc,
                        Arg.DIFF_SCALE, diffScale,
                        Arg.DIFF_SHIFT, diffShift));
        assertArrayEquals(new float[] {-2, 3, -4, 5}, floats(diffScale));
        assertArrayEquals(new float[] {2, 3, 4, 5}, floats(diffShift));
        // First row: g = γ·dy = 1 2 3 4, mean 2.5, mean(g·x̂) 0.5.
        assertArrayEquals(new float[] {-1, -1, 1, 1}, Arrays.copyOf(floats(diffSrc), 4));
    }

    @Test
    void groupNormalization() {
        Memory src = memory(arena, plain(arena, 1, 4, 1, 2), 1, 3, 1, 3, 8, 12, 8, 12);
        Memory dst = memory(arena, src.descriptor());
        Memory mean = memory(arena, plain(arena, 1, 2));
        Memory variance = memory(arena, plain(arena, 1, 2));
        Memory scale = memory(arena, plain(arena, 4), 1, 2, 3, 4);
        Memory shift = memory(arena, plain(arena, 4), 0, 0, 10, 10);
        PrimitiveDescriptor forward = run(
                arena,
                GroupNormalizations.forward(
                        Propagation.FORWARD_TRAINING,
                        src.descriptor(),
                        dst.descriptor(),
                        2,
                        0,
                        SCALE_SHIFT,
                        attributes),
                Map.of(
                        Arg.SRC,
                        src,
                        Arg.SCALE,
                        scale,
                        Arg.SHIFT,
                        shift,
                        Arg.MEAN,
                        mean,
                        Arg.VARIANCE,
                        variance,
                        Arg.DST,
                        dst));
        assertArrayEquals(new float[] {2, 10}, floats(mean));
        assertArrayEquals(new float[] {1, 4}, floats(variance));
        assertArrayEquals(new float[] {-1, 1, -2, 2, 7, 13, 6, 14}, floats(dst));

        Memory diffDst = memory(arena, src.descriptor(), 1, 2, 1, 2, 0, 0, 0, 0);
        Memory diffSrc = memory(arena, src.descriptor());
        Memory diffScale = memory(arena, plain(arena, 4));
        Memory diffShift = memory(arena, plain(arena, 4));
        run(
                arena,
                GroupNormalizations.backward(
                        Propagation.BACKWARD,
                        diffSrc.descriptor(),
                        diffDst.descriptor(),
                        src.descriptor(),
                        2,
                        0,
                        SCALE_SHIFT,
                        forward,
                        attributes),
                Map.of(
                        Arg.SRC, src,
                        Arg.MEAN, mean,
                        Arg.VARIANCE, variance,
                        Arg.DIFF_DST, diffDst,
                        Arg.SCALE, scale,
                        Arg.DIFF_SRC, diffSrc,
                        Arg.DIFF_SCALE, diffScale,
                        Arg.DIFF_SHIFT, diffShift));
        assertArrayEquals(new float[] {1, 1, 0, 0}, floats(diffScale));
        assertArrayEquals(new float[] {3, 3, 0, 0}, floats(diffShift));
        // g = γ·dy = 1 2 2 4, mean 2.25, mean(g·x̂) 0.75.
        assertArrayEquals(new float[] {-0.5f, -1, 0.5f, 1, 0, 0, 0, 0}, floats(diffSrc));
    }
}
