package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ondine.onednn.ffi.dnnl_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;

/** Native pointers under Java's ownership. The few restricted methods that this takes are all called here. */
final class Pointers {
    private Pointers() {}

    /**
     * Runs a constructor of oneDNN with an out-pointer and gives what it made to the arena, to be destroyed when that
     * closes.
     */
    static MemorySegment create(
            Arena arena, String call, ToIntFunction<MemorySegment> constructor, Consumer<MemorySegment> destroyer) {
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment out = temporary.allocate(ADDRESS);
            OneDnnException.check(constructor.applyAsInt(out), call);
            return owned(arena, out.get(ADDRESS, 0), destroyer);
        }
    }

    /**
     * The pointer with the arena's lifetime; the destroyer runs when the arena closes, or at once if it is closed
     * already.
     */
    @SuppressWarnings("restricted") // the pointer was made by oneDNN and its destroyer is oneDNN's for it
    static MemorySegment owned(Arena arena, MemorySegment pointer, Consumer<MemorySegment> destroyer) {
        try {
            return pointer.reinterpret(arena, destroyer);
        } catch (RuntimeException e) {
            destroyer.accept(pointer);
            throw e;
        }
    }

    /**
     * The pointer with the arena's lifetime, but without a destroyer: something else in the arena owns what it points
     * to.
     */
    @SuppressWarnings("restricted") // only narrows the lifetime
    static MemorySegment borrowed(Arena arena, MemorySegment pointer) {
        return pointer.reinterpret(arena, null);
    }

    /** The memory at a pointer that oneDNN returned, with its size in bytes. */
    @SuppressWarnings("restricted") // sizes come from oneDNN's interface
    static MemorySegment sized(MemorySegment pointer, long bytes) {
        return pointer.reinterpret(bytes);
    }

    /** A zero-terminated string at a pointer that oneDNN returned. */
    @SuppressWarnings("restricted") // the string ends with a zero byte
    static String string(MemorySegment pointer) {
        return pointer.reinterpret(Long.MAX_VALUE).getString(0);
    }

    /**
     * A copy of the values as oneDNN's {@code dnnl_dims_t}: always of full length, so that oneDNN never reads past an
     * array that is too short.
     */
    static MemorySegment dims(Arena arena, long... values) {
        if (values.length > dnnl_h.DNNL_MAX_NDIMS()) {
            throw new IllegalArgumentException(
                    values.length + " dimensions; oneDNN takes at most " + dnnl_h.DNNL_MAX_NDIMS());
        }
        MemorySegment copy = arena.allocate(JAVA_LONG, dnnl_h.DNNL_MAX_NDIMS());
        MemorySegment.copy(values, 0, copy, JAVA_LONG, 0, values.length);
        return copy;
    }

    static MemorySegment ints(Arena arena, int... values) {
        return arena.allocateFrom(JAVA_INT, values);
    }
}
