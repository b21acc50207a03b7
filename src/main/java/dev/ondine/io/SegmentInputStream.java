package dev.ondine.io;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** The bytes of a segment, one after another. */
final class SegmentInputStream extends InputStream {
    private final MemorySegment segment;
    private long position;

    SegmentInputStream(MemorySegment segment) {
        this.segment = segment;
    }

    @Override
    public int read() {
        return position == segment.byteSize() ? -1 : segment.get(JAVA_BYTE, position++) & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, into.length);
        if (length == 0) return 0;
        if (position == segment.byteSize()) return -1;
        int n = (int) Math.min(length, segment.byteSize() - position);
        MemorySegment.copy(segment, JAVA_BYTE, position, into, offset, n);
        position += n;
        return n;
    }
}
