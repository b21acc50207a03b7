package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.tensor.DataType;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Where two gradients meet behind a residual block's ReLU, in one pass ({@code native/src/ondine_residual.c}): their sum where the block's
 * output is above zero, else zero. As an addition and a ReLU's gradient it would be two, and the sum written and read between.
 */
final class NativeResidual {
    /** {@code ONDINE_RESIDUAL_VERSION} of the header that the handles were written from. */
    private static final int VERSION = 1;

    private final MethodHandle supports;
    private final MethodHandle backward;

    NativeResidual(OwnKernels.Symbols symbols) {
        symbols.requireVersion("ondine_residual_version", VERSION);
        this.supports = symbols.find("ondine_residual_supports", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        this.backward = symbols.find(
                "ondine_residual_backward",
                FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT));
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
            MemoryDescriptor layout,
            MemorySegment a,
            MemorySegment b,
            MemorySegment y,
            MemorySegment result,
            int threads) {
        if (!supports(layout)) throw new IllegalArgumentException("not for " + layout);
        int size = layout.dataType().bytes();
        for (MemorySegment memory : new MemorySegment[] {a, b, y, result}) {
            NativeStruct.check("gradients and output", memory, layout.size(), size);
        }
        long count = layout.size() / size;
        int type = code(layout.dataType());
        return _ -> {
            try {
                backward.invokeExact(a, b, y, result, count, type, threads);
            } catch (Throwable e) {
                throw OwnKernels.unexpected(e);
            }
        };
    }
}
