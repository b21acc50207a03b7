package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ondine.onednn.ffi.dnnl_h;
import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What a memory descriptor says, read out of it once.
 *
 * @param dataType null if Ondine has no such type
 * @param strides of the outer dimensions, in elements; empty unless blocked
 * @param paddedDims the extents rounded up to whole blocks
 * @param blocks the extents of the inner blocks, outermost first; empty for a plain or permuted layout
 * @param blockedDims the dimension that each inner block is of
 * @param offset of the first element, in elements
 */
record Layout(
        Kind kind,
        DataType dataType,
        long[] dims,
        long[] paddedDims,
        long[] strides,
        long[] blocks,
        long[] blockedDims,
        long offset) {

    /** Whether the layout is still to be chosen, is given by strides and blocks, or is known to oneDNN only. */
    enum Kind {
        ABSENT,
        ANY,
        BLOCKED,
        OPAQUE
    }

    static final Layout NONE =
            new Layout(Kind.ABSENT, null, new long[0], new long[0], new long[0], new long[0], new long[0], 0);

    static Layout read(MemorySegment descriptor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            int rank = queryInt(descriptor, dnnl_h.dnnl_query_ndims_s32(), out);
            if (rank == 0) return NONE;
            int formatKind = queryInt(descriptor, dnnl_h.dnnl_query_format_kind(), out);
            DataType type = DataTypes.of(queryInt(descriptor, dnnl_h.dnnl_query_data_type(), out));
            long[] dims = queryDims(descriptor, dnnl_h.dnnl_query_dims(), rank, out);
            long[] padded = queryDims(descriptor, dnnl_h.dnnl_query_padded_dims(), rank, out);
            if (formatKind != dnnl_h.dnnl_blocked()) {
                Kind kind = formatKind == dnnl_h.dnnl_format_kind_any() ? Kind.ANY : Kind.OPAQUE;
                return new Layout(kind, type, dims, padded, new long[0], new long[0], new long[0], 0);
            }
            query(descriptor, dnnl_h.dnnl_query_submemory_offset_s64(), out);
            long offset = out.get(JAVA_LONG, 0);
            long[] strides = queryDims(descriptor, dnnl_h.dnnl_query_strides(), rank, out);
            int count = queryInt(descriptor, dnnl_h.dnnl_query_inner_nblks_s32(), out);
            long[] blocks = queryDims(descriptor, dnnl_h.dnnl_query_inner_blks(), count, out);
            long[] blockedDims = queryDims(descriptor, dnnl_h.dnnl_query_inner_idxs(), count, out);
            return new Layout(Kind.BLOCKED, type, dims, padded, strides, blocks, blockedDims, offset);
        }
    }

    private static void query(MemorySegment descriptor, int what, MemorySegment out) {
        OneDnnException.check(dnnl_h.dnnl_memory_desc_query(descriptor, what, out), "reading a memory descriptor");
    }

    private static int queryInt(MemorySegment descriptor, int what, MemorySegment out) {
        query(descriptor, what, out);
        return out.get(JAVA_INT, 0);
    }

    private static long[] queryDims(MemorySegment descriptor, int what, int count, MemorySegment out) {
        if (count == 0) return new long[0];
        query(descriptor, what, out);
        return Pointers.sized(out.get(ADDRESS, 0), (long) count * Long.BYTES).toArray(JAVA_LONG);
    }

    /** Whether strides alone say where every element lies. */
    boolean isStrided() {
        return kind == Kind.BLOCKED && blocks.length == 0 && offset == 0 && Arrays.equals(dims, paddedDims);
    }

    /** Whether the elements lie row-major without gaps, padding or offset. */
    boolean isPlain() {
        if (!isStrided()) return false;
        long expected = 1;
        for (int i = dims.length - 1; i >= 0; i--) {
            // The stride of an axis with one element is never used.
            if (dims[i] != 1 && strides[i] != expected) return false;
            expected *= dims[i];
        }
        return true;
    }

    /** The extent of a dimension in blocks; in elements if it is not blocked. */
    private long outer(int dim) {
        long extent = paddedDims[dim];
        for (int b = 0; b < blocks.length; b++) {
            if (blockedDims[b] == dim) extent /= blocks[b];
        }
        return extent;
    }

    private long blockElements() {
        return Arrays.stream(blocks).reduce(1, (a, b) -> a * b);
    }

    /** {@code f32 aBcd16b (128x64x32x32)}. */
    @Override
    public String toString() {
        if (kind == Kind.ABSENT) return "none";
        String shape = Arrays.stream(dims).mapToObj(Long::toString).collect(Collectors.joining("x", "(", ")"));
        return (dataType == null ? "other" : dataType.shortName()) + " " + tag() + " " + shape;
    }

    /** The name of the layout in oneDNN's notation; strides follow if the elements do not lie densely. */
    String tag() {
        return switch (kind) {
            case ABSENT -> "none";
            case ANY -> "any";
            case OPAQUE -> "opaque";
            case BLOCKED -> blockedTag();
        };
    }

    /** The dimensions from the outermost in memory to the innermost. */
    private int[] order() {
        return IntStream.range(0, dims.length)
                .boxed()
                .sorted((a, b) ->
                        strides[a] != strides[b] ? Long.compare(strides[b], strides[a]) : Integer.compare(a, b))
                .mapToInt(i -> i)
                .toArray();
    }

    private String blockedTag() {
        int[] order = order();
        StringBuilder tag = new StringBuilder();
        for (int dim : order) {
            char letter = (char) ('a' + dim);
            boolean split = Arrays.stream(blockedDims).anyMatch(d -> d == dim);
            tag.append(split ? Character.toUpperCase(letter) : letter);
        }
        for (int b = 0; b < blocks.length; b++) {
            tag.append(blocks[b]).append((char) ('a' + blockedDims[b]));
        }
        if (!isDense()) tag.append(" strides ").append(Arrays.toString(strides));
        if (offset != 0) tag.append(" offset ").append(offset);
        return tag.toString();
    }

    /** Whether a blocked layout has no gaps between its elements, padding aside. */
    boolean isDense() {
        int[] order = order();
        long expected = blockElements();
        for (int i = order.length - 1; i >= 0; i--) {
            int dim = order[i];
            if (outer(dim) == 1) continue;
            if (strides[dim] != expected) return false;
            expected *= outer(dim);
        }
        return true;
    }

    /**
     * How many elements there are from the beginning of the memory to the last element of a blocked layout. oneDNN
     * counts to the end of the last row instead, which for a part of a larger tensor lies outside of that.
     */
    long reach() {
        long last = offset + blockElements() - 1;
        for (int i = 0; i < dims.length; i++) {
            if (dims[i] == 0) return 0;
            last += (outer(i) - 1) * strides[i];
        }
        return last + 1;
    }
}
