package dev.ondine.onednn;

import dev.ondine.onednn.api.MemoryDescriptor;

/** Where a value lies and in which layout. A value can lie in several slots, in another layout each. */
record Slot(Buffer buffer, MemoryDescriptor layout) {
    @Override
    public String toString() {
        return buffer.name() + ":" + layout.tag();
    }
}
