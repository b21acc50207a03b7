package dev.ondine.onednn;

import java.lang.foreign.MemorySegment;

/**
 * A piece of memory that steps read and write. It gets its place when all steps are known; buffers whose lives do not overlap share
 * memory, and one that is overwritten in place becomes part of its successor.
 */
final class Buffer {
    /** Before the first step: touched then by the caller. */
    static final int BEFORE = -1;

    /** After the last. */
    static final int AFTER = Integer.MAX_VALUE;

    private final String name;
    private boolean external;
    private long bytes;
    private Buffer host;
    /** Where in its host it begins; 0 but for a part. */
    private long within;

    private boolean part;

    private boolean pinned;
    private boolean fetched;
    private int first = Integer.MAX_VALUE;
    private int last = -1;
    private long offset;
    private MemorySegment segment;

    private Buffer(String name, long bytes, boolean external) {
        this.name = name;
        this.bytes = bytes;
        this.external = external;
    }

    /** A buffer that the planner places; {@code name} is for printing. */
    Buffer(String name, long bytes) {
        this(name, bytes, false);
    }

    /** A buffer whose memory somebody else owns and binds: a parameter, its gradient. */
    static Buffer external(String name) {
        return new Buffer(name, 0, true);
    }

    /** A part of this buffer's memory, seen as a buffer of its own. */
    Buffer part(long offset, long bytes) {
        Buffer part = new Buffer(name, bytes, false);
        part.host = this;
        part.within = offset;
        part.part = true;
        return part;
    }

    /** What this is a part of; itself if it is none. */
    Buffer whole() {
        Buffer b = this;
        while (b.part) b = b.host;
        return b;
    }

    String name() {
        return name;
    }

    long bytes() {
        return bytes;
    }

    /** The buffer whose memory this one uses: itself, unless it was merged. */
    Buffer root() {
        Buffer b = this;
        while (b.host != null) b = b.host;
        return b;
    }

    boolean isExternal() {
        return root().external;
    }

    /** Keeps the contents from before the first step until after the last: the caller reads or writes them. */
    void pin() {
        root().pinned = true;
    }

    /** Takes {@link #pin} back: the caller writes it before the first step, and it lives until the last that reads it. */
    void unpin() {
        Buffer r = root();
        r.pinned = false;
        r.touch(BEFORE);
    }

    boolean isPinned() {
        return root().pinned;
    }

    /** Says that it is what is brought to the caller after the steps, if the caller asks for it. */
    void fetch() {
        Buffer r = root();
        r.pinned = false;
        r.fetched = true;
        r.touch(AFTER);
    }

    boolean isFetched() {
        return root().fetched;
    }

    /** A step reads or writes it. */
    void touch(int step) {
        Buffer r = root();
        r.first = Math.min(r.first, step);
        r.last = Math.max(r.last, step);
    }

    /** The first step that touches it; −1 if it is pinned. */
    int first() {
        return isPinned() ? BEFORE : root().first;
    }

    /** The last step that touches it; the greatest int if it is pinned. */
    int last() {
        return isPinned() ? AFTER : root().last;
    }

    /** Uses the memory of another buffer from now on, whose life grows by this one's. */
    void mergeInto(Buffer other) {
        Buffer mine = root();
        Buffer theirs = other.root();
        theirs.first = Math.min(theirs.first, mine.first);
        theirs.last = Math.max(theirs.last, mine.last);
        theirs.pinned |= mine.pinned;
        mine.host = theirs;
    }

    /** Bytes from the beginning of the arena. */
    long offset() {
        return root().offset + fromRoot();
    }

    private long fromRoot() {
        long bytes = 0;
        for (Buffer b = this; b.host != null; b = b.host) bytes += b.within;
        return bytes;
    }

    void place(long where) {
        offset = where;
    }

    /** Gives an external buffer its memory. */
    void bind(MemorySegment memory) {
        segment = memory;
        bytes = memory.byteSize();
    }

    /** Takes a buffer out of the planner's hands: its memory is somebody else's. */
    void bindExternally(MemorySegment memory) {
        Buffer r = root();
        r.external = true;
        r.bind(memory);
    }

    /** Gives a placed buffer its part of the arena. */
    void materialize(MemorySegment arena) {
        segment = arena.asSlice(offset, bytes);
    }

    /** Its memory, once it has one. */
    MemorySegment segment() {
        MemorySegment memory = root().segment;
        long from = fromRoot();
        if (from > 0) return memory.asSlice(from, bytes);
        return bytes < memory.byteSize() ? memory.asSlice(0, bytes) : memory;
    }
}
