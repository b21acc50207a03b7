package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;
import java.util.function.Function;

/**
 * The gradient of a convolution's weights in C ({@code native/src/ondine_convolution.c}): float32 or bfloat16, for activations in blocks of
 * 16 channels and kernels of one or three columns, with AVX-512. All else is oneDNN's.
 */
final class NativeConvolution {
    /** {@code ONDINE_CONVOLUTION_VERSION} of the header that the handles and {@link #CALL} were written from. */
    private static final int VERSION = 1;

    private static final int LANES = 16;

    /** The struct {@code ondine_convolution}. */
    private static final MemoryLayout CALL = MemoryLayout.structLayout(
            JAVA_LONG.withName("images"),
            JAVA_LONG.withName("in_blocks"),
            JAVA_LONG.withName("in_height"),
            JAVA_LONG.withName("in_width"),
            JAVA_LONG.withName("out_blocks"),
            JAVA_LONG.withName("out_height"),
            JAVA_LONG.withName("out_width"),
            JAVA_LONG.withName("kernel_height"),
            JAVA_LONG.withName("kernel_width"),
            JAVA_LONG.withName("stride_height"),
            JAVA_LONG.withName("stride_width"),
            JAVA_LONG.withName("padding_height"),
            JAVA_LONG.withName("padding_width"),
            ADDRESS.withName("x"),
            ADDRESS.withName("dy"),
            ADDRESS.withName("gradient"),
            ADDRESS.withName("scratch"),
            JAVA_LONG.withName("type"),
            JAVA_LONG.withName("threads"));

    private final MethodHandle supports;
    private final MethodHandle scratch;
    private final Function<MemorySegment, Step> backwardWeights;

    NativeConvolution(OwnKernels.Symbols symbols) {
        symbols.requireVersion("ondine_convolution_version", VERSION);
        this.supports = symbols.find("ondine_convolution_supports", FunctionDescriptor.of(JAVA_INT, ADDRESS));
        this.scratch = symbols.find("ondine_convolution_scratch", FunctionDescriptor.of(JAVA_LONG, ADDRESS));
        this.backwardWeights = symbols.kernel("ondine_convolution_backward_weights");
    }

    /**
     * The gradient of the weights of a convolution without groups, dilation and bias, if there is a kernel for it.
     *
     * @param arena keeps C's struct
     * @param x the layout of the input, (N, I, H, W)
     * @param dy that of the output's gradient, (N, O, H', W')
     * @param gradient that of the weights' gradient, (O, I, R, S)
     * @param stride of rows and columns
     * @param padding rows above and columns left of the input
     */
    Optional<Call> backwardWeights(
            Arena arena,
            MemoryDescriptor x,
            MemoryDescriptor dy,
            MemoryDescriptor gradient,
            long[] stride,
            long[] padding,
            int threads) {
        DataType type = x.dataType();
        if (type != DataType.FLOAT32 && type != DataType.BFLOAT16) return Optional.empty();
        // In float32 oneDNN multiplies single pixels as fast.
        if (type == DataType.FLOAT32 && gradient.rank() == 4 && gradient.dims()[3] == 1) return Optional.empty();
        if (!isBlocked(x, type, "aBcd16b")
                || !isBlocked(dy, type, "aBcd16b")
                || !isBlocked(gradient, DataType.FLOAT32, "ABcd16b16a")) return Optional.empty();
        return call(arena, type, x.dims(), dy.dims(), gradient.dims(), stride, padding, threads);
    }

    /** As {@link #backwardWeights}, of extents alone: all memory is in blocks as the kernel wants it. */
    Optional<Call> call(
            Arena arena,
            DataType type,
            long[] x,
            long[] dy,
            long[] gradient,
            long[] stride,
            long[] padding,
            int threads) {
        Call call = new Call(arena, type, x, dy, gradient, stride, padding, threads);
        return call.isSupported() ? Optional.of(call) : Optional.empty();
    }

    /** Whether memory is in these blocks, dense and without padding. */
    private static boolean isBlocked(MemoryDescriptor layout, DataType type, String tag) {
        if (layout.rank() != 4 || !layout.tag().equals(tag) || layout.dataType() != type) return false;
        long[] dims = layout.dims();
        boolean whole = dims[1] % LANES == 0 && (!tag.startsWith("A") || dims[0] % LANES == 0);
        return whole && elements(dims) > 0 && layout.size() == elements(dims) * type.bytes();
    }

    private static long elements(long[] dims) {
        long product = 1;
        for (long d : dims) product *= d;
        return product;
    }

    /** The arguments of one convolution, in C's struct. */
    final class Call {
        private final NativeStruct struct;
        private final long xBytes;
        private final long dyBytes;
        private final long gradientBytes;

        private Call(
                Arena arena,
                DataType type,
                long[] in,
                long[] out,
                long[] kernel,
                long[] stride,
                long[] padding,
                int threads) {
            this.struct = new NativeStruct(arena, CALL);
            this.xBytes = elements(in) * type.bytes();
            this.dyBytes = elements(out) * type.bytes();
            this.gradientBytes = elements(kernel) * Float.BYTES;
            struct.set("images", in[0]);
            struct.set("in_blocks", in[1] / LANES);
            struct.set("in_height", in[2]);
            struct.set("in_width", in[3]);
            struct.set("out_blocks", out[1] / LANES);
            struct.set("out_height", out[2]);
            struct.set("out_width", out[3]);
            struct.set("kernel_height", kernel[2]);
            struct.set("kernel_width", kernel[3]);
            struct.set("stride_height", stride[0]);
            struct.set("stride_width", stride[1]);
            struct.set("padding_height", padding[0]);
            struct.set("padding_width", padding[1]);
            struct.set("type", type == DataType.BFLOAT16 ? 1L : 0L);
            struct.set("threads", (long) threads);
        }

        private boolean isSupported() {
            try {
                return (int) supports.invokeExact(struct.memory()) != 0;
            } catch (Throwable e) {
                throw OwnKernels.unexpected(e);
            }
        }

        /** How much memory {@link #step} must be given besides; often none, and then {@link MemorySegment#NULL} will do. */
        long scratchBytes() {
            try {
                return (long) scratch.invokeExact(struct.memory());
            } catch (Throwable e) {
                throw OwnKernels.unexpected(e);
            }
        }

        /** The step that computes the gradient. */
        Step step(MemorySegment x, MemorySegment dy, MemorySegment gradient, MemorySegment memory) {
            struct.point("x", x, xBytes, Short.BYTES);
            struct.point("dy", dy, dyBytes, Short.BYTES);
            struct.point("gradient", gradient, gradientBytes, Float.BYTES);
            struct.point("scratch", memory, scratchBytes(), 64);
            return backwardWeights.apply(struct.memory());
        }
    }
}
