package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * Batch normalization of training in C ({@code native/src/ondine_batch_norm.c}), on the OpenMP team that oneDNN runs on: for activations
 * in blocks of 16 channels, or float32 rows of channels, with AVX-512. What other layouts and processors need is oneDNN's.
 */
final class NativeBatchNorm {
    /** {@code ONDINE_BATCH_NORM_VERSION} of the header that the handles and {@link #CALL} were written from. */
    private static final int VERSION = 3;

    private static final int LANES = 16;

    /** {@code ONDINE_BATCH_NORM_ROWS}. */
    private static final int ROWS = 2;

    /** Rows of so many channels keep every thread of 16 busy, as each has some of its own. */
    private static final int MANY_CHANNELS = 256;

    /** With fewer channels, not more elements than this: a few threads have them done before many have met. */
    private static final int FEW_ELEMENTS = 1 << 16;

    /** With fewer pixels of an image and block, the sums of each cost as much as what is summed. */
    private static final int LEAST_SPACE = 16;

    /** The struct {@code ondine_batch_norm}. */
    private static final MemoryLayout CALL = MemoryLayout.structLayout(
            JAVA_LONG.withName("images"),
            JAVA_LONG.withName("blocks"),
            JAVA_LONG.withName("space"),
            ADDRESS.withName("x"),
            ADDRESS.withName("dy"),
            ADDRESS.withName("addend"),
            ADDRESS.withName("result"),
            ADDRESS.withName("scale"),
            ADDRESS.withName("shift"),
            ADDRESS.withName("mean"),
            ADDRESS.withName("variance"),
            ADDRESS.withName("scale_gradient"),
            ADDRESS.withName("shift_gradient"),
            ADDRESS.withName("scratch"),
            JAVA_FLOAT.withName("epsilon"),
            JAVA_INT.withName("type"),
            JAVA_INT.withName("relu"),
            JAVA_INT.withName("missing"),
            JAVA_INT.withName("threads"),
            MemoryLayout.paddingLayout(Integer.BYTES));

    /** What gives a call each operand of oneDNN's primitive. */
    private static final Map<Arg, BiConsumer<Call, MemorySegment>> SETTERS = Map.ofEntries(
            Map.entry(Arg.SRC, Call::x),
            Map.entry(Arg.SRC_1, Call::addend),
            Map.entry(Arg.DIFF_DST, Call::dy),
            Map.entry(Arg.DST, Call::result),
            Map.entry(Arg.DIFF_SRC, Call::result),
            Map.entry(Arg.SCALE, Call::scale),
            Map.entry(Arg.SHIFT, Call::shift),
            Map.entry(Arg.MEAN, Call::mean),
            Map.entry(Arg.VARIANCE, Call::variance),
            Map.entry(Arg.SCRATCHPAD, Call::scratch),
            Map.entry(Arg.DIFF_SCALE, Call::scaleGradient),
            Map.entry(Arg.DIFF_SHIFT, Call::shiftGradient));

    private final MethodHandle supports;
    private final MethodHandle scratch;
    private final Function<MemorySegment, Step> forward;
    private final Function<MemorySegment, Step> again;
    private final Function<MemorySegment, Step> backward;

    NativeBatchNorm(OwnKernels.Symbols symbols) {
        symbols.requireVersion("ondine_batch_norm_version", VERSION);
        this.supports = symbols.find("ondine_batch_norm_supports", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        this.scratch = symbols.find("ondine_batch_norm_scratch", FunctionDescriptor.of(JAVA_LONG, ADDRESS));
        this.forward = symbols.kernel("ondine_batch_norm_forward");
        this.again = symbols.kernel("ondine_batch_norm_again");
        this.backward = symbols.kernel("ondine_batch_norm_backward");
    }

    /**
     * Whether activations in this layout are normalized faster here than by oneDNN: dense blocks of 16 channels without padding, and rows
     * of float32 channels, many or short. Which kernel it is does not depend on the number of threads, so that no bit does.
     */
    boolean supports(MemoryDescriptor layout) {
        long[] dims = layout.dims();
        DataType type = layout.dataType();
        long elements = 1;
        for (long d : dims) elements *= d;
        if (elements == 0 || layout.size() != elements * type.bytes()) return false;
        if (isRows(layout)) {
            boolean enough = dims[1] >= MANY_CHANNELS || elements <= FEW_ELEMENTS;
            return enough && type == DataType.FLOAT32 && runs(ROWS);
        }
        if (dims.length < 3 || !layout.tag().matches("aB[c-e]+" + LANES + "b") || dims[1] % LANES != 0) return false;
        boolean known = type == DataType.FLOAT32 || type == DataType.BFLOAT16;
        return known && elements / dims[0] / dims[1] >= LEAST_SPACE && runs(code(layout));
    }

    private static boolean isRows(MemoryDescriptor layout) {
        return layout.rank() == 2 && layout.isPlain();
    }

    private boolean runs(int code) {
        try {
            return (int) supports.invokeExact(code) != 0;
        } catch (Throwable e) {
            throw OwnKernels.unexpected(e);
        }
    }

    private static int code(MemoryDescriptor layout) {
        if (isRows(layout)) return ROWS;
        return layout.dataType() == DataType.BFLOAT16 ? 1 : 0;
    }

    /** A normalization of activations in a layout that is supported. */
    Call call(Arena arena, MemoryDescriptor layout, float epsilon, boolean relu, int threads) {
        if (!supports(layout)) throw new IllegalArgumentException("not for " + layout);
        return new Call(arena, layout, epsilon, relu, threads);
    }

    /** The arguments of one normalization, forward or backward, in C's struct. */
    final class Call {
        private final NativeStruct struct;
        private final long activationBytes;
        private final long channelBytes;

        private Call(Arena arena, MemoryDescriptor layout, float epsilon, boolean relu, int threads) {
            long[] dims = layout.dims();
            long space = 1;
            for (int i = 2; i < dims.length; i++) space *= dims[i];
            this.struct = new NativeStruct(arena, CALL);
            this.activationBytes = layout.size();
            this.channelBytes = dims[1] * Float.BYTES;
            struct.set("images", dims[0]);
            long blocks = Math.ceilDiv(dims[1], LANES);
            struct.set("blocks", blocks);
            struct.set("missing", Math.toIntExact(blocks * LANES - dims[1]));
            struct.set("space", space);
            struct.set("type", code(layout));
            struct.set("relu", relu ? 1 : 0);
            struct.set("threads", threads);
            struct.set("epsilon", epsilon);
        }

        private Call point(String name, MemorySegment memory, long bytes) {
            struct.point(name, memory, bytes, Float.BYTES);
            return this;
        }

        /** How much memory {@link #scratch} must be given; 0 if it need not. */
        long scratchBytes() {
            try {
                return (long) scratch.invokeExact(struct.memory());
            } catch (Throwable e) {
                throw OwnKernels.unexpected(e);
            }
        }

        /** Gives it all operands of a step, by what they are to oneDNN's primitive. */
        Call take(Map<Arg, Slot> operands) {
            operands.forEach(
                    (arg, slot) -> SETTERS.get(arg).accept(this, slot.buffer().segment()));
            return this;
        }

        Call x(MemorySegment x) {
            return point("x", x, activationBytes);
        }

        Call dy(MemorySegment dy) {
            return point("dy", dy, activationBytes);
        }

        /** Not backward's: what is added before the ReLU. */
        Call addend(MemorySegment addend) {
            return point("addend", addend, activationBytes);
        }

        /** Forward y, backward dx. */
        Call result(MemorySegment result) {
            return point("result", result, activationBytes);
        }

        Call scale(MemorySegment scale) {
            return point("scale", scale, channelBytes);
        }

        Call shift(MemorySegment shift) {
            return point("shift", shift, channelBytes);
        }

        Call mean(MemorySegment mean) {
            return point("mean", mean, channelBytes);
        }

        Call variance(MemorySegment variance) {
            return point("variance", variance, channelBytes);
        }

        Call scaleGradient(MemorySegment gradient) {
            return point("scale_gradient", gradient, channelBytes);
        }

        Call shiftGradient(MemorySegment gradient) {
            return point("shift_gradient", gradient, channelBytes);
        }

        Call scratch(MemorySegment memory) {
            return point("scratch", memory, scratchBytes());
        }

        /** The step that computes y, mean and variance. */
        Step forward() {
            require("x", "result", "mean", "variance");
            return forward.apply(struct.memory());
        }

        /** The step that computes y once more from the mean and variance that {@link #forward} left. */
        Step again() {
            require("x", "result", "mean", "variance");
            return again.apply(struct.memory());
        }

        /** The step that computes dx and the gradients of scale and shift, those that were given memory. */
        Step backward() {
            require("x", "dy", "result", "mean", "variance");
            return backward.apply(struct.memory());
        }

        private void require(String... names) {
            struct.require(names);
            if (scratchBytes() > 0) struct.require("scratch");
        }
    }
}
