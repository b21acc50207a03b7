package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The processor that everything runs on: one for the process, made at its first use and never destroyed. */
final class Engine {
    private Engine() {}

    private static final class Holder {
        static final MemorySegment CPU = create();

        private static MemorySegment create() {
            return Pointers.create(
                    Arena.global(),
                    "creating the engine",
                    out -> dnnl_h.dnnl_engine_create(out, dnnl_h.dnnl_cpu(), 0),
                    dnnl_h::dnnl_engine_destroy);
        }
    }

    static MemorySegment cpu() {
        OneDnn.load();
        return Holder.CPU;
    }
}
