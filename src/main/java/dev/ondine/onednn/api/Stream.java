package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Where executions are sent, in order. On the CPU each has finished when it returns. */
public final class Stream {
    private final MemorySegment handle;

    private Stream(MemorySegment handle) {
        this.handle = handle;
    }

    /** A stream on the CPU, owned by the arena. */
    public static Stream create(Arena arena) {
        MemorySegment engine = Engine.cpu();
        return new Stream(Pointers.create(
                arena,
                "creating a stream",
                out -> dnnl_h.dnnl_stream_create(out, engine, dnnl_h.dnnl_stream_in_order()),
                dnnl_h::dnnl_stream_destroy));
    }

    /** Waits until all that was sent has finished. */
    public void waitFor() {
        OneDnnException.check(dnnl_h.dnnl_stream_wait(handle), "waiting for a stream");
    }

    MemorySegment handle() {
        return handle;
    }
}
