package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A compiled primitive: its code is generated here, or taken from oneDNN's cache. */
public final class Primitive {
    private final MemorySegment handle;
    private final PrimitiveDescriptor descriptor;

    private Primitive(MemorySegment handle, PrimitiveDescriptor descriptor) {
        this.handle = handle;
        this.descriptor = descriptor;
    }

    /** Compiles what the descriptor describes; owned by the arena. */
    public static Primitive create(Arena arena, PrimitiveDescriptor descriptor) {
        MemorySegment handle = Pointers.create(
                arena,
                descriptor.toString(),
                out -> dnnl_h.dnnl_primitive_create(out, descriptor.handle()),
                dnnl_h::dnnl_primitive_destroy);
        return new Primitive(handle, descriptor);
    }

    public PrimitiveDescriptor descriptor() {
        return descriptor;
    }

    MemorySegment handle() {
        return handle;
    }
}
