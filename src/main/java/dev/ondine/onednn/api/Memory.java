package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A tensor that primitives read and write: a descriptor and the off-heap memory it is about, which stays the caller's.
 */
public final class Memory {
    /** What oneDNN's kernels want; at 16 bytes they are up to 15 % slower. */
    public static final int ALIGNMENT = 64;

    private final MemorySegment handle;
    private final MemoryDescriptor descriptor;
    private final MemorySegment data;

    private Memory(MemorySegment handle, MemoryDescriptor descriptor, MemorySegment data) {
        this.handle = handle;
        this.descriptor = descriptor;
        this.data = data;
    }

    /**
     * Binds a descriptor to memory.
     *
     * @param arena owns the binding, not the memory
     * @param descriptor with a chosen layout
     * @param data off-heap, at a multiple of {@value #ALIGNMENT} bytes, at least {@link MemoryDescriptor#size()} bytes
     *     long; it must live as long as the arena
     * @throws IllegalArgumentException if the data is not so, or the descriptor has no layout yet
     */
    public static Memory of(Arena arena, MemoryDescriptor descriptor, MemorySegment data) {
        if (descriptor.isNone() || descriptor.isAny()) {
            throw new IllegalArgumentException("memory for the descriptor '" + descriptor
                    + "'; ask the primitive descriptor for the layout that it chose");
        }
        if (!data.isNative()) {
            throw new IllegalArgumentException(
                    "memory for " + descriptor + " lies on the Java heap; allocate it off-heap, in an arena");
        }
        if (data.byteSize() < descriptor.size()) {
            throw new IllegalArgumentException("memory of " + data.byteSize() + " bytes for " + descriptor
                    + ", which takes " + descriptor.size() + " bytes");
        }
        if (data.address() % ALIGNMENT != 0) {
            throw new IllegalArgumentException("memory for " + descriptor + " begins at 0x"
                    + Long.toHexString(data.address()) + "; align it to " + ALIGNMENT + " bytes");
        }
        MemorySegment engine = Engine.cpu();
        MemorySegment handle = Pointers.create(
                arena,
                "creating a memory object",
                out -> dnnl_h.dnnl_memory_create(out, descriptor.handle(), engine, data),
                dnnl_h::dnnl_memory_destroy);
        return new Memory(handle, descriptor, data);
    }

    MemorySegment handle() {
        return handle;
    }

    public MemoryDescriptor descriptor() {
        return descriptor;
    }

    /** The memory itself. */
    public MemorySegment data() {
        return data;
    }

    @Override
    public String toString() {
        return descriptor + " at 0x" + Long.toHexString(data.address());
    }
}
