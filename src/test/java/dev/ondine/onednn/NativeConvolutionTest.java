package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Attributes;
import dev.ondine.onednn.api.Convolutions;
import dev.ondine.onednn.api.FormatTag;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.onednn.api.Window;
import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The gradient of weights in C against its definition. Values are small integers, of which every sum is exact in float32 in any order, so
 * that any difference is a wrong index.
 */
class NativeConvolutionTest {
    private static NativeConvolution kernels;

    @BeforeAll
    static void load() {
        OneDnn.load();
        Optional<OwnKernels> found = OwnKernels.best();
        assumeTrue(found.isPresent(), "build-native.sh has not been run");
        kernels = found.get().convolution();
    }

    /** Odd batches, one image, edges, kernels larger than the image, padding on either side, pieces of several images or of rows. */
    @ParameterizedTest
    @CsvSource({
        // images, in, out, height, width, kernel, stride, padding, threads, rows and columns of padding at the end
        // beyond those
        "1, 16, 16,  5,  5, 3x3, 1, 1, 1, 0",
        "3, 32, 48,  9,  7, 3x3, 1, 1, 2, 0",
        "4, 16, 32,  9,  7, 3x3, 2, 1, 2, 0",
        "5, 32, 16,  8,  8, 1x1, 2, 0, 3, 0",
        "2, 48, 32,  5,  6, 1x1, 1, 0, 2, 0",
        "6, 32, 32, 16, 16, 3x3, 1, 1, 4, 0",
        "9, 16, 16, 32, 32, 3x3, 1, 1, 2, 0",
        "3, 32, 64, 40, 30, 3x3, 1, 1, 2, 0",
        "3, 16, 80, 40, 30, 3x3, 2, 1, 2, 0",
        "7, 16, 16,  3,  3, 3x3, 1, 0, 2, 0",
        "2, 16, 16,  1,  1, 3x3, 1, 1, 2, 0",
        "3, 16, 16,  2,  9, 3x3, 2, 2, 2, 0",
        "2, 16, 32, 12, 11, 5x3, 1, 2, 2, 0",
        "2, 32, 16, 12, 11, 3x1, 2, 1, 2, 0",
        "2, 32, 16, 11, 12, 1x3, 3, 1, 1, 0",
        "4, 16, 16,  7,  8, 1x1, 2, 1, 2, 0",
        "20, 256, 144, 4, 4, 3x3, 1, 1, 2, 0",
        "3, 32, 16,  8,  8, 3x3, 2, 0, 2, 1",
        "4, 16, 16,  9,  6, 3x3, 1, 0, 2, 2",
    })
    void followsTheDefinition(
            int images,
            int in,
            int out,
            int height,
            int width,
            String kernel,
            int stride,
            int padding,
            int threads,
            int extra) {
        int rows = Integer.parseInt(kernel.split("x")[0]);
        int columns = Integer.parseInt(kernel.split("x")[1]);
        int outHeight = (height + 2 * padding + extra - rows) / stride + 1;
        int outWidth = (width + 2 * padding + extra - columns) / stride + 1;
        for (DataType type : List.of(DataType.FLOAT32, DataType.BFLOAT16)) {
            verify(type, images, in, out, height, width, rows, columns, outHeight, outWidth, stride, padding, threads);
        }
    }

    private static void verify(
            DataType type,
            int images,
            int in,
            int out,
            int height,
            int width,
            int rows,
            int columns,
            int outHeight,
            int outWidth,
            int stride,
            int padding,
            int threads) {
        try (Arena arena = Arena.ofShared()) {
            long[] x = {images, in, height, width};
            long[] dy = {images, out, outHeight, outWidth};
            long[] gradient = {out, in, rows, columns};
            var found = kernels.call(arena, type, x, dy, gradient, both(stride), both(padding), threads);
            assumeTrue(found.isPresent(), "this processor has no AVX-512 for " + type);
            int[] xs = integers(images * in * height * width, 1);
            int[] dys = integers(images * out * outHeight * outWidth, 2);
            MemorySegment result = arena.allocate((long) out * in * rows * columns * Float.BYTES, 64)
                    .fill((byte) -1);
            NativeConvolution.Call call = found.get();
            // What is in the scratch memory must not matter.
            MemorySegment scratch = arena.allocate(call.scratchBytes(), 64).fill((byte) -1);
            Step step = call.step(blocked(arena, type, x, xs), blocked(arena, type, dy, dys), result, scratch);
            step.run(0);
            step.run(1);
            for (int o = 0; o < out; o++) {
                // A few channels of many.
                for (int i = o % 7; i < in; i += in > 64 ? 37 : 1) {
                    for (int r = 0; r < rows; r++) {
                        for (int s = 0; s < columns; s++) {
                            long sum = 0;
                            for (int n = 0; n < images; n++) {
                                for (int h = 0; h < outHeight; h++) {
                                    int y = h * stride + r - padding;
                                    if (y < 0 || y >= height) continue;
                                    for (int w = 0; w < outWidth; w++) {
                                        int z = w * stride + s - padding;
                                        if (z < 0 || z >= width) continue;
                                        sum += (long) xs[((n * in + i) * height + y) * width + z]
                                                * dys[((n * out + o) * outHeight + h) * outWidth + w];
                                    }
                                }
                            }
                            long at = ((((long) (o / 16 * (in / 16) + i / 16) * rows + r) * columns + s) * 16 + i % 16)
                                            * 16
                                    + o % 16;
                            float made = result.getAtIndex(JAVA_FLOAT, at);
                            if (made != (double) sum) {
                                assertEquals((double) sum, made, "weight (" + o + ", " + i + ", " + r + ", " + s + ")");
                            }
                        }
                    }
                }
            }
        }
    }

    @Test
    void whatItHasNoKernelForIsOneDnns() {
        try (Arena arena = Arena.ofShared()) {
            MemoryDescriptor x = layout(arena, DataType.BFLOAT16, FormatTag.ABCD_16B, 2, 32, 8, 8);
            MemoryDescriptor dy = layout(arena, DataType.BFLOAT16, FormatTag.ABCD_16B, 2, 16, 8, 8);
            MemoryDescriptor gradient = weights(arena, x, dy);
            MemoryDescriptor narrow = layout(arena, DataType.BFLOAT16, FormatTag.ABCD_16B, 2, 24, 8, 8);
            MemoryDescriptor wide = layout(arena, DataType.FLOAT32, FormatTag.ABCD_16B, 2, 32, 8, 8);
            MemoryDescriptor last = layout(arena, DataType.BFLOAT16, FormatTag.ACDB, 2, 32, 8, 8);
            MemoryDescriptor plain = MemoryDescriptor.plain(arena, new long[] {16, 32, 3, 3}, DataType.FLOAT32);
            assertTrue(find(arena, narrow, dy, gradient).isEmpty(), "padding");
            assertTrue(find(arena, wide, dy, gradient).isEmpty(), "float32 and bfloat16");
            assertTrue(find(arena, last, dy, gradient).isEmpty(), "channels last");
            assertTrue(find(arena, x, dy, plain).isEmpty(), "row-major weights");
            long[] five = {16, 32, 5, 5};
            assertTrue(
                    kernels.call(arena, DataType.BFLOAT16, x.dims(), dy.dims(), five, both(1), both(2), 2)
                            .isEmpty(),
                    "five columns");
            assertTrue(find(arena, x, dy, gradient).isPresent(), "what it is for");
        }
    }

    @Test
    void memoryThatIsTooSmallIsRefused() {
        try (Arena arena = Arena.ofShared()) {
            MemoryDescriptor x = layout(arena, DataType.BFLOAT16, FormatTag.ABCD_16B, 2, 32, 8, 8);
            MemoryDescriptor dy = layout(arena, DataType.BFLOAT16, FormatTag.ABCD_16B, 2, 16, 8, 8);
            MemoryDescriptor gradient = weights(arena, x, dy);
            var found = find(arena, x, dy, gradient);
            assumeTrue(found.isPresent(), "this processor does not multiply bfloat16 with AVX-512");
            NativeConvolution.Call call = found.get();
            MemorySegment all = arena.allocate(1 << 20, 64);
            MemorySegment little = all.asSlice(0, 1023);
            assertThrows(IllegalArgumentException.class, () -> call.step(little, all, all, all));
            assertThrows(IllegalArgumentException.class, () -> call.step(all, little, all, all));
            assertThrows(IllegalArgumentException.class, () -> call.step(all, all, little, all));
            assertThrows(IllegalArgumentException.class, () -> call.step(all, all, all, little));
            assertThrows(IllegalArgumentException.class, () -> call.step(all, all, all, all.asSlice(4)));
        }
    }

    private static Optional<NativeConvolution.Call> find(
            Arena arena, MemoryDescriptor x, MemoryDescriptor dy, MemoryDescriptor gradient) {
        return kernels.backwardWeights(arena, x, dy, gradient, both(1), both(1), 2);
    }

    private static long[] both(int value) {
        return new long[] {value, value};
    }

    private static MemoryDescriptor layout(Arena arena, DataType type, FormatTag tag, long... dims) {
        return MemoryDescriptor.of(arena, dims, type, tag);
    }

    /** The layout that oneDNN chooses for these weights of three rows and columns. */
    private static MemoryDescriptor weights(Arena arena, MemoryDescriptor x, MemoryDescriptor dy) {
        assumeTrue(OneDnn.supportsBfloat16(), "this processor does not multiply bfloat16");
        long[] dims = {dy.dims()[1], x.dims()[1], 3, 3};
        Window window = new Window(both(1), both(0), both(1), both(1));
        Attributes attributes = Attributes.create(arena);
        PrimitiveDescriptor hint = Convolutions.forward(
                        Propagation.FORWARD_TRAINING,
                        x,
                        MemoryDescriptor.any(arena, dims, DataType.BFLOAT16),
                        MemoryDescriptor.NONE,
                        dy,
                        window,
                        attributes)
                .create(arena);
        return Convolutions.backwardWeights(
                        x,
                        MemoryDescriptor.any(arena, dims, DataType.FLOAT32),
                        MemoryDescriptor.NONE,
                        dy,
                        window,
                        hint,
                        attributes)
                .create(arena)
                .query(Arg.DIFF_WEIGHTS);
    }

    private static int[] integers(int count, int seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int[] values = new int[count];
        for (int i = 0; i < count; i++) values[i] = random.nextInt(-8, 9);
        return values;
    }

    /** Row-major integers in blocks of 16 channels. */
    private static MemorySegment blocked(Arena arena, DataType type, long[] dims, int[] values) {
        int channels = (int) dims[1];
        int space = (int) (dims[2] * dims[3]);
        MemorySegment memory = arena.allocate((long) values.length * type.bytes(), 64);
        for (int i = 0; i < values.length; i++) {
            int n = i / space / channels;
            int c = i / space % channels;
            long at = ((long) (n * (channels / 16) + c / 16) * space + i % space) * 16 + c % 16;
            if (type == DataType.FLOAT32) memory.setAtIndex(JAVA_FLOAT, at, values[i]);
            else memory.setAtIndex(JAVA_SHORT, at, (short) (Float.floatToRawIntBits(values[i]) >>> 16));
        }
        return memory;
    }
}
