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
import java.util.function.Function;

/**
 * Where two gradients meet behind a residual block's ReLU, in one pass ({@code native/src/ondine_residual.c}): their sum where the block's
 * output is above zero, else zero. As an addition and a ReLU's gradient it would be two, and the sum written and read between.
 */
final class NativeResidual {
    /** {@code ONDINE_RESIDUAL_VERSION} of the header that the handles were written from. */
    private static final int VERSION = 1;

    /** The struct {@code ondine_residual}. */
    private static final MemoryLayout CALL = MemoryLayout.structLayout(
            ADDRESS.withName("a"),
            ADDRESS.withName("b"),
            ADDRESS.withName("y"),
            ADDRESS.withName("result"),
            JAVA_LONG.withName("count"),
            JAVA_INT.withName("type"),
            JAVA_INT.withName("threads"));

    private final MethodHandle supports;
    private final Function<MemorySegment, Step> backward;

    NativeResidual(OwnKernels.Symbols symbols) {
        symbols.requireVersion("ondine_residual_version", VERSION);
        this.supports = symbols.find("ondine_residual_supports", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        this.backward = symbols.kernel("ondine_residual_backward");
    }

    /** Whether all memory of a layout is elements, of a type that this processor has the instructions for. */
    boolean supports(MemoryDescriptor layout) {
        DataType type = layout.dataType();
        if (type != DataType.FLOAT32 && type != DataType.BFLOAT16) return false;
        long elements = 1;
        for (long d : layout.dims()) elements *= d;
        return elements > 0 && layout.size() == elements * type.bytes() && runs(type);
    }

    private boolean runs(DataType type) {
        try {
            return (int) supports.invokeExact(code(type)) != 0;
        } catch (Throwable e) {
            throw OwnKernels.unexpected(e);
        }
    }

    private static int code(DataType type) {
        return type == DataType.BFLOAT16 ? 1 : 0;
    }

    /**
     * The step that leaves {@code y > 0 ? a + b : 0} in the result, which may be a or b.
     *
     * @throws IllegalArgumentException if the layout is not supported or memory is too small
     */
    Step backward(
            Arena arena,
            MemoryDescriptor layout,
            MemorySegment a,
            MemorySegment b,
            MemorySegment y,
            MemorySegment result,
            int threads) {
        if (!supports(layout)) throw new IllegalArgumentException("not for " + layout);
        int size = layout.dataType().bytes();
        NativeStruct call = new NativeStruct(arena, CALL);
        call.point("a", a, layout.size(), size);
        call.point("b", b, layout.size(), size);
        call.point("y", y, layout.size(), size);
        call.point("result", result, layout.size(), size);
        call.set("count", layout.size() / size);
        call.set("type", code(layout.dataType()));
        call.set("threads", threads);
        return backward.apply(call.memory());
    }
}
