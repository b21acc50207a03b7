package dev.ondine.backend;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Large blocks of memory. {@link Arena#allocate} writes zeros into all of a block on the calling thread, and the system gives each
 * page its memory only then: for gigabytes that takes seconds. Here the system's own zeroed pages are taken and all threads touch
 * them.
 */
public final class NativeMemory {
    /** What oneDNN's kernels want. */
    private static final long ALIGNMENT = 64;

    /** Below this the C library may give memory that was in use before and clear it itself. */
    private static final long LARGE = 1 << 20;

    /** The smallest page of any platform. */
    private static final long PAGE = 4096;

    private static final MethodHandle CALLOC = function("calloc", FunctionDescriptor.of(ADDRESS, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle FREE = function("free", FunctionDescriptor.ofVoid(ADDRESS));

    private NativeMemory() {}

    @SuppressWarnings("restricted") // two functions of the C standard
    private static MethodHandle function(String name, FunctionDescriptor type) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
    }

    /**
     * Zeroed memory, all of it present, aligned for primitives.
     *
     * @param arena owns it; must be usable from all threads
     * @param bytes at least 0; the block has a multiple of 64, and is never empty
     * @param team that touches the pages
     * @throws OutOfMemoryError if the system has not so much
     */
    public static MemorySegment allocate(Arena arena, long bytes, Team team) {
        long size = Math.max(1, Math.ceilDiv(bytes, ALIGNMENT)) * ALIGNMENT;
        if (size < LARGE || team.size() == 1) return arena.allocate(size, ALIGNMENT);
        MemorySegment block = calloc(arena, size + ALIGNMENT);
        MemorySegment aligned = block.asSlice(-block.address() & (ALIGNMENT - 1), size);
        long pages = Math.ceilDiv(size, PAGE);
        team.run((part, parts) -> {
            long end = Team.start(pages, part + 1, parts);
            for (long page = Team.start(pages, part, parts); page < end; page++) {
                aligned.set(JAVA_BYTE, page * PAGE, (byte) 0);
            }
        });
        return aligned;
    }

    @SuppressWarnings("restricted") // the pointer was made by calloc, of this size, and free is its destroyer
    private static MemorySegment calloc(Arena arena, long bytes) {
        MemorySegment pointer;
        try {
            pointer = (MemorySegment) CALLOC.invokeExact(1L, bytes);
        } catch (Throwable e) {
            throw new AssertionError("C functions throw nothing", e);
        }
        if (pointer.address() == 0) {
            throw new OutOfMemoryError("the system has no " + bytes + " bytes for a block of memory");
        }
        try {
            return pointer.reinterpret(bytes, arena, NativeMemory::free);
        } catch (RuntimeException e) {
            free(pointer);
            throw e;
        }
    }

    private static void free(MemorySegment block) {
        try {
            FREE.invokeExact(block);
        } catch (Throwable e) {
            throw new AssertionError("C functions throw nothing", e);
        }
    }
}
