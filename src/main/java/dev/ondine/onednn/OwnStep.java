package dev.ondine.onednn;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * One call of a kernel of Ondine's own in C.
 *
 * @param address of the function, {@code void f(const struct *)}
 * @param function the way there
 * @param arguments its struct
 */
record OwnStep(MemorySegment address, MethodHandle function, MemorySegment arguments) implements Step {
    @Override
    public void run(long step) {
        try {
            function.invokeExact(arguments);
        } catch (Throwable e) {
            throw OwnKernels.unexpected(e);
        }
    }
}
