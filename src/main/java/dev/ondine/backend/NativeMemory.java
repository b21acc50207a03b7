package dev.ondine.backend;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
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

    /** Of x86-64, and of ARM with the usual 4 kB. */
    private static final long HUGE_PAGE = 2 << 20;

    private static final int MADV_HUGEPAGE = 14;

    /** Null elsewhere than on Linux. */
    private static final MethodHandle MADVISE = System.getProperty("os.name").equals("Linux")
            ? function("madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT))
            : null;

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
        return allocate(arena, bytes, bytes, team);
    }

    /**
     * As {@link #allocate(Arena, long, Team)}, of which the first {@code present} bytes are present; the rest becomes so when it is
     * written.
     */
    public static MemorySegment allocate(Arena arena, long bytes, long present, Team team) {
        long size = Math.max(1, Math.ceilDiv(bytes, ALIGNMENT)) * ALIGNMENT;
        if (size < LARGE || (team.size() == 1 && present == bytes)) return arena.allocate(size, ALIGNMENT);
        MemorySegment block = calloc(arena, size + ALIGNMENT);
        MemorySegment aligned = block.asSlice(-block.address() & (ALIGNMENT - 1), size);
        adviseHugePages(aligned);
        long pages = Math.ceilDiv(Math.min(present, size), PAGE);
        team.run((part, parts) -> {
            long end = Team.start(pages, part + 1, parts);
            for (long page = Team.start(pages, part, parts); page < end; page++) {
                aligned.set(JAVA_BYTE, page * PAGE, (byte) 0);
            }
        });
        return aligned;
    }

    /**
     * Asks for large pages where the system gives them to who asks (Linux with {@code transparent_hugepage} set to {@code madvise}): one
     * fault in 512 then, and fewer misses of the processor's table of pages. A wish: if it is refused, nothing is lost.
     */
    private static void adviseHugePages(MemorySegment block) {
        if (MADVISE == null) return;
        long start = -Math.floorDiv(-block.address(), HUGE_PAGE) * HUGE_PAGE;
        long bytes = Math.floorDiv(block.address() + block.byteSize() - start, HUGE_PAGE) * HUGE_PAGE;
        if (bytes <= 0) return;
        try {
            int _ = (int) MADVISE.invokeExact(MemorySegment.ofAddress(start), bytes, MADV_HUGEPAGE);
        } catch (Throwable e) {
            throw new AssertionError("C functions throw nothing", e);
        }
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
