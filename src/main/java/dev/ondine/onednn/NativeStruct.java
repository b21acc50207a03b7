package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;

/** The arguments of a kernel in C, in a struct of its own: zero until they are set, by their names. */
final class NativeStruct {
    private final MemoryLayout layout;
    private final MemorySegment memory;

    NativeStruct(Arena arena, MemoryLayout layout) {
        this.layout = layout;
        this.memory = arena.allocate(layout);
    }

    /** What C is given. */
    MemorySegment memory() {
        return memory;
    }

    void set(String name, int value) {
        memory.set(JAVA_INT, offset(name), value);
    }

    void set(String name, long value) {
        memory.set(JAVA_LONG, offset(name), value);
    }

    void set(String name, float value) {
        memory.set(JAVA_FLOAT, offset(name), value);
    }

    /**
     * Sets a pointer.
     *
     * @throws IllegalArgumentException if C would read or write where it may not: it would not notice
     */
    void point(String name, MemorySegment to, long bytes, int alignment) {
        if (to.byteSize() < bytes || !to.isNative() || to.address() % alignment != 0) {
            throw new IllegalArgumentException(name + " must lie off the heap, aligned to " + alignment
                    + " bytes, and hold " + bytes + " bytes, not " + to);
        }
        memory.set(ADDRESS, offset(name), to);
    }

    /** @throws IllegalStateException unless these pointers have been set */
    void require(String... names) {
        for (String name : names) {
            if (memory.get(ADDRESS, offset(name)).address() == 0) {
                throw new IllegalStateException("no " + name + " was given");
            }
        }
    }

    private long offset(String name) {
        return layout.byteOffset(MemoryLayout.PathElement.groupElement(name));
    }
}
