package dev.ondine.onednn.api;

import static dev.ondine.onednn.api.Segments.constant;
import static dev.ondine.onednn.api.Segments.counting;
import static dev.ondine.onednn.api.Segments.floats;
import static dev.ondine.onednn.api.Segments.memory;
import static dev.ondine.onednn.api.Segments.plain;
import static dev.ondine.onednn.api.Segments.run;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Convolutions, products and pooling against sums worked out by hand: small integers, so every result is exact. */
class ProductPrimitivesTest {
    private static final Window UNIT = Window.of(new long[] {1, 1}, new long[] {0, 0});

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

    /** The image 1 … 9 with the kernel (1 2; 3 4). */
    @Test
    void convolution() {
        Memory src = memory(arena, plain(arena, 1, 1, 3, 3), counting(9, 1));
        Memory weights = memory(arena, plain(arena, 1, 1, 2, 2), 1, 2, 3, 4);
        Memory bias = memory(arena, plain(arena, 1), 10);
        Memory dst = memory(arena, plain(arena, 1, 1, 2, 2));

        PrimitiveDescriptor forward = run(
                arena,
                Convolutions.forward(
                        Propagation.FORWARD_TRAINING,
                        src.descriptor(),
                        weights.descriptor(),
                        bias.descriptor(),
                        dst.descriptor(),
                        UNIT,
                        attributes),
                Map.of(Arg.SRC, src, Arg.WEIGHTS, weights, Arg.BIAS, bias, Arg.DST, dst));
        assertArrayEquals(new float[] {47, 57, 77, 87}, floats(dst));

        Memory diffDst = memory(arena, plain(arena, 1, 1, 2, 2), constant(4, 1));
        Memory diffSrc = memory(arena, plain(arena, 1, 1, 3, 3));
        run(
                arena,
                Convolutions.backwardData(
                        diffSrc.descriptor(), weights.descriptor(), diffDst.descriptor(), UNIT, forward, attributes),
                Map.of(Arg.DIFF_DST, diffDst, Arg.WEIGHTS, weights, Arg.DIFF_SRC, diffSrc));
        assertArrayEquals(new float[] {1, 3, 2, 4, 10, 6, 3, 7, 4}, floats(diffSrc));

        Memory diffWeights = memory(arena, plain(arena, 1, 1, 2, 2));
        Memory diffBias = memory(arena, plain(arena, 1));
        run(
                arena,
                Convolutions.backwardWeights(
                        src.descriptor(),
                        diffWeights.descriptor(),
                        diffBias.descriptor(),
                        diffDst.descriptor(),
                        UNIT,
                        forward,
                        attributes),
                Map.of(
                        Arg.SRC, src,
                        Arg.DIFF_DST, diffDst,
                        Arg.DIFF_WEIGHTS, diffWeights,
                        Arg.DIFF_BIAS, diffBias));
        assertArrayEquals(new float[] {12, 16, 24, 28}, floats(diffWeights));
        assertArrayEquals(new float[] {4}, floats(diffBias));
    }

    /** Stride, dilation and different paddings at both ends: each a number that changes this result. */
    @Test
    void convolutionWindow() {
        Memory src = memory(arena, plain(arena, 1, 1, 5), 1, 2, 3, 4, 5);
        Memory weights = memory(arena, plain(arena, 1, 1, 2), 1, 10);
        Memory dst = memory(arena, plain(arena, 1, 1, 3));
        Window window = new Window(new long[] {2}, new long[] {1}, new long[] {1}, new long[] {1});

        run(
                arena,
                Convolutions.forward(
                        Propagation.FORWARD_INFERENCE,
                        src.descriptor(),
                        weights.descriptor(),
                        MemoryDescriptor.NONE,
                        dst.descriptor(),
                        window,
                        attributes),
                Map.of(Arg.SRC, src, Arg.WEIGHTS, weights, Arg.DST, dst));

        assertArrayEquals(new float[] {20, 42, 4}, floats(dst));
    }

    /** Two groups of one channel; and a ReLU and an addition on the way out. */
    @Test
    void groupedConvolutionWithPostOps() {
        Memory src = memory(arena, plain(arena, 1, 2, 1, 2), 1, 2, 3, 4);
        Memory weights = memory(arena, plain(arena, 2, 1, 1, 1, 1), 2, -1);
        Memory dst = memory(arena, plain(arena, 1, 2, 1, 2), constant(4, 100));
        Memory other = memory(arena, plain(arena, 1, 2, 1, 2), 0.5f, 1.5f, 2.5f, 3.5f);
        PostOps postOps = PostOps.create(arena)
                .eltwise(Algorithm.ELTWISE_RELU, 0, 0)
                .sum(1)
                .binary(Algorithm.BINARY_ADD, other.descriptor());

        run(
                arena,
                Convolutions.forward(
                        Propagation.FORWARD_INFERENCE,
                        src.descriptor(),
                        weights.descriptor(),
                        MemoryDescriptor.NONE,
                        dst.descriptor(),
                        UNIT,
                        Attributes.create(arena).postOps(postOps)),
                Map.of(Arg.SRC, src, Arg.WEIGHTS, weights, Arg.DST, dst, Arg.postOpSource(2), other));

        assertArrayEquals(new float[] {102.5f, 105.5f, 102.5f, 103.5f}, floats(dst));
    }

    @Test
    void convolutionInTheLayoutThatOneDnnChooses() {
        PrimitiveDescriptor descriptor = Convolutions.forward(
                        Propagation.FORWARD_TRAINING,
                        MemoryDescriptor.any(arena, new long[] {2, 32, 8, 8}, DataType.FLOAT32),
                        MemoryDescriptor.any(arena, new long[] {64, 32, 3, 3}, DataType.FLOAT32),
                        MemoryDescriptor.NONE,
                        MemoryDescriptor.any(arena, new long[] {2, 64, 8, 8}, DataType.FLOAT32),
                        Window.of(new long[] {1, 1}, new long[] {1, 1}),
                        attributes)
                .create(arena);

        assertFalse(descriptor.query(MemoryQuery.SRC).isAny());
        assertFalse(descriptor.query(MemoryQuery.WEIGHTS).isAny());
        assertEquals(descriptor.query(MemoryQuery.DST), descriptor.query(Arg.DST));
        assertEquals(MemoryDescriptor.NONE, descriptor.query(Arg.BIAS));
        assertEquals("convolution forward_training", descriptor.primitive());
        if (OneDnn.effectiveIsa().isAtLeast(CpuIsa.AVX2)) {
            assertFalse(descriptor.isReference(), descriptor.implementation());
        }
    }

    @Test
    void deconvolution() {
        Memory src = memory(arena, plain(arena, 1, 1, 2, 2), constant(4, 1));
        Memory weights = memory(arena, plain(arena, 1, 1, 2, 2), 1, 2, 3, 4);
        Memory dst = memory(arena, plain(arena, 1, 1, 3, 3));
        PrimitiveDescriptor forward = run(
                arena,
                Deconvolutions.forward(
                        Propagation.FORWARD_TRAINING,
                        src.descriptor(),
                        weights.descriptor(),
                        MemoryDescriptor.NONE,
                        dst.descriptor(),
                        UNIT,
                        attributes),
                Map.of(Arg.SRC, src, Arg.WEIGHTS, weights, Arg.DST, dst));
        assertArrayEquals(new float[] {1, 3, 2, 4, 10, 6, 3, 7, 4}, floats(dst));

        Memory diffDst = memory(arena, plain(arena, 1, 1, 3, 3), counting(9, 1));
        Memory diffSrc = memory(arena, plain(arena, 1, 1, 2, 2));
        run(
                arena,
                Deconvolutions.backwardData(
                        diffSrc.descriptor(), weights.descriptor(), diffDst.descriptor(), UNIT, forward, attributes),
                Map.of(Arg.DIFF_DST, diffDst, Arg.WEIGHTS, weights, Arg.DIFF_SRC, diffSrc));
        assertArrayEquals(new float[] {37, 47, 67, 77}, floats(diffSrc));

        Memory diffWeights = memory(arena, plain(arena, 1, 1, 2, 2));
        run(
                arena,
                Deconvolutions.backwardWeights(
                        src.descriptor(),
                        diffWeights.descriptor(),
                        MemoryDescriptor.NONE,
                        diffDst.descriptor(),
                        UNIT,
                        forward,
                        attributes),
                Map.of(Arg.SRC, src, Arg.DIFF_DST, diffDst, Arg.DIFF_WEIGHTS, diffWeights));
        assertArrayEquals(new float[] {12, 16, 24, 28}, floats(diffWeights));
    }

    @Test
    void innerProduct() {
        Memory src = memory(arena, plain(arena, 2, 3), 1, 2, 3, 4, 5, 6);
        Memory weights = memory(arena, plain(arena, 2, 3), 1, 0, -1, 2, 1, 0);
        Memory bias = memory(arena, plain(arena, 2), 10, 20);
        Memory dst = memory(arena, plain(arena, 2, 2));
        PrimitiveDescriptor forward = run(
                arena,
                InnerProducts.forward(
                        Propagation.FORWARD_TRAINING,
                        src.descriptor(),
                        weights.descriptor(),
                        bias.descriptor(),
                        dst.descriptor(),
                        attributes),
                Map.of(Arg.SRC, src, Arg.WEIGHTS, weights, Arg.BIAS, bias, Arg.DST, dst));
        assertArrayEquals(new float[] {8, 24, 8, 33}, floats(dst));

        Memory diffDst = memory(arena, plain(arena, 2, 2), 1, 2, 3, 4);
        Memory diffSrc = memory(arena, plain(arena, 2, 3));
        run(
                arena,
                InnerProducts.backwardData(
                        diffSrc.descriptor(), weights.descriptor(), diffDst.descriptor(), forward, attributes),
                Map.of(Arg.DIFF_DST, diffDst, Arg.WEIGHTS, weights, Arg.DIFF_SRC, diffSrc));
        assertArrayEquals(new float[] {5, 2, -1, 11, 4, -3}, floats(diffSrc));

        Memory diffWeights = memory(arena, plain(arena, 2, 3));
        Memory diffBias = memory(arena, plain(arena, 2));
        run(
                arena,
                InnerProducts.backwardWeights(
                        src.descriptor(),
                        diffWeights.descriptor(),
                        diffBias.descriptor(),
                        diffDst.descriptor(),
                        forward,
                        attributes),
                Map.of(
                        Arg.SRC, src,
                        Arg.DIFF_DST, diffDst,
                        Arg.DIFF_WEIGHTS, diffWeights,
                        Arg.DIFF_BIAS, diffBias));
        assertArrayEquals(new float[] {13, 17, 21, 18, 24, 30}, floats(diffWeights));
        assertArrayEquals(new float[] {4, 6}, floats(diffBias));
    }

    @Test
    void matMul() {
        Memory src = memory(arena, plain(arena, 2, 3), 1, 2, 3, 4, 5, 6);
        Memory weights = memory(arena, plain(arena, 3, 2), 1, 2, 0, 1, -1, 0);
        Memory bias = memory(arena, plain(arena, 1, 2), 10, 20);
        Memory dst = memory(arena, plain(arena, 2, 2));

        run(
                arena,
                MatMuls.of(src.descriptor(), weights.descriptor(), bias.descriptor(), dst.descriptor(), attributes),
                Map.of(Arg.SRC, src, Arg.WEIGHTS, weights, Arg.BIAS, bias, Arg.DST, dst));

        assertArrayEquals(new float[] {8, 24, 8, 33}, floats(dst));
    }

    @Test
    void maximumPoolingKeepsWhereTheMaximumWas() {
        Memory src = memory(arena, plain(arena, 1, 1, 2, 4), 1, 5, 2, 2, 3, 4, 8, 1);
        Memory dst = memory(arena, plain(arena, 1, 1, 1, 2));
        Window window = Window.of(new long[] {2, 2}, new long[] {0, 0});
        long[] kernel = {2, 2};
        PrimitiveDescriptor forward = Poolings.forward(
                        Propagation.FORWARD_TRAINING,
                        Algorithm.POOLING_MAX,
                        src.descriptor(),
                        dst.descriptor(),
                        kernel,
                        window,
                        attributes)
                .create(arena);
        Memory workspace = memory(arena, forward.query(MemoryQuery.WORKSPACE));
        Segments.bind(arena, forward, Map.of(Arg.SRC, src, Arg.DST, dst, Arg.WORKSPACE, workspace))
                .run();
        assertArrayEquals(new float[] {5, 8}, floats(dst));

        Memory diffDst = memory(arena, plain(arena, 1, 1, 1, 2), 10, 20);
        Memory diffSrc = memory(arena, plain(arena, 1, 1, 2, 4), constant(8, -1));
        run(
                arena,
                Poolings.backward(
                        Algorithm.POOLING_MAX,
                        diffSrc.descriptor(),
                        diffDst.descriptor(),
                        kernel,
                        window,
                        forward,
                        attributes),
                Map.of(Arg.DIFF_DST, diffDst, Arg.WORKSPACE, workspace, Arg.DIFF_SRC, diffSrc));
        assertArrayEquals(new float[] {0, 10, 0, 0, 0, 0, 20, 0}, floats(diffSrc));
    }

    @Test
    void averagePoolingCountsPaddingOrNot() {
        Memory src = memory(arena, plain(arena, 1, 1, 1, 2), 4, 8);
        Memory dst = memory(arena, plain(arena, 1, 1, 1, 2));
        Window window = new Window(new long[] {1, 2}, new long[2], new long[] {0, 1}, new long[] {0, 1});
        for (Algorithm algorithm :
                new Algorithm[] {Algorithm.POOLING_AVG_INCLUDE_PADDING, Algorithm.POOLING_AVG_EXCLUDE_PADDING}) {
            run(
                    arena,
                    Poolings.forward(
                            Propagation.FORWARD_INFERENCE,
                            algorithm,
                            src.descriptor(),
                            dst.descriptor(),
                            new long[] {1, 2},
                            window,
                            attributes),
                    Map.of(Arg.SRC, src, Arg.DST, dst));
            boolean include = algorithm == Algorithm.POOLING_AVG_INCLUDE_PADDING;
            assertArrayEquals(include ? new float[] {2, 4} : new float[] {4, 8}, floats(dst), algorithm.toString());
        }
    }
}
