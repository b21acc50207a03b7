package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.ondine.onednn.ffi.dnnl_h;
import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.ToIntFunction;

/**
 * Shape, data type and layout of a tensor, as oneDNN sees it. What it says can be asked for ever; it can be handed to
 * oneDNN, and compared, only while its arena is open.
 */
public final class MemoryDescriptor {
    /** No tensor: an absent bias. */
    public static final MemoryDescriptor NONE = new MemoryDescriptor(MemorySegment.NULL, Layout.NONE, 0);

    private final MemorySegment handle;
    private final Layout layout;
    private final long size;

    private MemoryDescriptor(MemorySegment handle, Layout layout, long size) {
        this.handle = handle;
        this.layout = layout;
        this.size = size;
    }

    private static MemoryDescriptor read(MemorySegment handle) {
        Layout layout = Layout.read(handle);
        if (layout.kind() == Layout.Kind.ABSENT) return NONE;
        boolean isPart = layout.kind() == Layout.Kind.BLOCKED
                && layout.dataType() != null
                && (layout.offset() != 0 || !layout.isDense());
        long size = isPart ? layout.reach() * layout.dataType().bytes() : dnnl_h.dnnl_memory_desc_get_size(handle);
        return new MemoryDescriptor(handle, layout, size);
    }

    /** A descriptor that belongs to another object of the arena. */
    static MemoryDescriptor borrowed(Arena arena, MemorySegment pointer) {
        return pointer.address() == 0 ? NONE : read(Pointers.borrowed(arena, pointer));
    }

    private static MemoryDescriptor create(Arena arena, String call, ToIntFunction<MemorySegment> constructor) {
        return read(Pointers.create(arena, call, constructor, dnnl_h::dnnl_memory_desc_destroy));
    }

    /**
     * A tensor in a named layout.
     *
     * @param arena owns it
     * @param dims the extents, outermost first; of weights (output, input, …), with groups (group, output, input, …)
     * @throws IllegalArgumentException if the data type has no native counterpart
     * @throws OneDnnException if the layout is not of this rank
     */
    public static MemoryDescriptor of(Arena arena, long[] dims, DataType type, FormatTag tag) {
        OneDnn.load();
        int code = DataTypes.code(type);
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment extents = Pointers.dims(temporary, dims);
            return create(
                    arena,
                    "describing " + type.shortName() + " " + Arrays.toString(dims) + " as " + tag,
                    out -> dnnl_h.dnnl_memory_desc_create_with_tag(out, dims.length, extents, code, tag.code()));
        }
    }

    /** A tensor whose layout oneDNN chooses when it makes the primitive descriptor. */
    public static MemoryDescriptor any(Arena arena, long[] dims, DataType type) {
        return of(arena, dims, type, FormatTag.ANY);
    }

    /** A row-major tensor of rank 1 to 6. */
    public static MemoryDescriptor plain(Arena arena, long[] dims, DataType type) {
        return of(arena, dims, type, FormatTag.plain(dims.length));
    }

    /**
     * A tensor whose element (i, j, …) lies i·strides[0] + j·strides[1] + … elements behind the first.
     *
     * @throws IllegalArgumentException if there are not as many strides as extents
     * @throws OneDnnException if elements would overlap
     */
    public static MemoryDescriptor strided(Arena arena, long[] dims, DataType type, long[] strides) {
        OneDnn.load();
        if (dims.length != strides.length) {
            throw new IllegalArgumentException(strides.length + " strides " + Arrays.toString(strides) + " for "
                    + dims.length + " dimensions " + Arrays.toString(dims) + "; give one each");
        }
        int code = DataTypes.code(type);
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment extents = Pointers.dims(temporary, dims);
            MemorySegment steps = Pointers.dims(temporary, strides);
            return create(
                    arena,
                    "describing " + type.shortName() + " " + Arrays.toString(dims) + " with strides "
                            + Arrays.toString(strides),
                    out -> dnnl_h.dnnl_memory_desc_create_with_strides(out, dims.length, extents, code, steps));
        }
    }

    /**
     * The same memory seen with other extents: axes of one element come and go, neighbouring axes are joined or split.
     *
     * @throws OneDnnException if this layout does not allow it: padding, or axes that do not lie densely
     */
    public MemoryDescriptor reshape(Arena arena, long... dims) {
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment extents = Pointers.dims(temporary, dims);
            return create(
                    arena,
                    "reshaping " + this + " to " + Arrays.toString(dims),
                    out -> dnnl_h.dnnl_memory_desc_reshape(out, handle, dims.length, extents));
        }
    }

    /** As {@link #reshape}; nothing if this layout does not allow it. */
    public Optional<MemoryDescriptor> tryReshape(Arena arena, long... dims) {
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment extents = Pointers.dims(temporary, dims);
            MemorySegment out = temporary.allocate(ADDRESS);
            if (dnnl_h.dnnl_memory_desc_reshape(out, handle, dims.length, extents) != dnnl_h.dnnl_success()) {
                return Optional.empty();
            }
            dnnl_h.dnnl_memory_desc_destroy(out.get(ADDRESS, 0));
        }
        return Optional.of(reshape(arena, dims));
    }

    /**
     * The same memory with its axes in another order.
     *
     * @param permutation axis i of this becomes axis permutation[i] of the result
     */
    public MemoryDescriptor permute(Arena arena, int... permutation) {
        if (permutation.length != rank()) {
            throw new IllegalArgumentException(
                    "permutation " + Arrays.toString(permutation) + " of " + this + "; it must name every axis once");
        }
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment axes = Pointers.ints(temporary, permutation);
            return create(
                    arena,
                    "permuting the axes of " + this + " by " + Arrays.toString(permutation),
                    out -> dnnl_h.dnnl_memory_desc_permute_axes(out, handle, axes));
        }
    }

    /**
     * A part of this tensor, in the same memory: bind it with the memory of the whole.
     *
     * @param dims the extents of the part
     * @param offsets where it begins on every axis
     * @throws OneDnnException if it reaches over the edge or cuts through a block
     */
    public MemoryDescriptor submemory(Arena arena, long[] dims, long[] offsets) {
        if (dims.length != rank() || offsets.length != rank()) {
            throw new IllegalArgumentException("part " + Arrays.toString(dims) + " at " + Arrays.toString(offsets)
                    + " of " + this + "; it needs " + rank() + " extents and offsets");
        }
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment extents = Pointers.dims(temporary, dims);
            MemorySegment begin = Pointers.dims(temporary, offsets);
            return create(
                    arena,
                    "taking the part " + Arrays.toString(dims) + " at " + Arrays.toString(offsets) + " of " + this,
                    out -> dnnl_h.dnnl_memory_desc_create_submemory(out, handle, extents, begin));
        }
    }

    MemorySegment handle() {
        return handle;
    }

    /** Whether this is {@link #NONE}. */
    public boolean isNone() {
        return layout.kind() == Layout.Kind.ABSENT;
    }

    /** Whether the layout is still to be chosen by oneDNN. */
    public boolean isAny() {
        return layout.kind() == Layout.Kind.ANY;
    }

    /**
     * How many elements neighbours along each axis are apart.
     *
     * @return nothing if that does not say where every element lies: with blocks, padding, or a first element that is not the memory's
     */
    public Optional<long[]> strides() {
        return layout.isStrided() ? Optional.of(layout.strides().clone()) : Optional.empty();
    }

    /** Whether the elements lie row-major, without gaps or padding, as Java code reads them. */
    public boolean isPlain() {
        return layout.isPlain();
    }

    public int rank() {
        return layout.dims().length;
    }

    /** A copy of the extents. */
    public long[] dims() {
        return layout.dims().clone();
    }

    /**
     * The type of an element.
     *
     * @throws IllegalStateException if there is none, or none that Ondine knows
     */
    public DataType dataType() {
        if (layout.dataType() == null) throw new IllegalStateException("no data type in the descriptor " + this);
        return layout.dataType();
    }

    /** The name of the type of an element, {@code f32}; {@code other} if Ondine knows no such type. */
    public String typeName() {
        return layout.dataType() == null ? "other" : layout.dataType().shortName();
    }

    /** How many bytes it takes from the beginning of the memory, padding included; 0 while the layout is not chosen. */
    public long size() {
        return size;
    }

    /** The layout alone in oneDNN's notation: {@code aBcd16b}, {@code any}, {@code opaque}. */
    public String tag() {
        return layout.tag();
    }

    /** Type, layout and shape: {@code f32 aBcd16b (128x64x32x32)}. */
    public String describe() {
        return layout.toString();
    }

    /** Whether shape, type and layout are the same, by oneDNN's own comparison. */
    @Override
    public boolean equals(Object other) {
        if (this == other) return true;
        if (!(other instanceof MemoryDescriptor that) || isNone() || that.isNone()) return false;
        return dnnl_h.dnnl_memory_desc_equal(handle, that.handle) != 0;
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(layout.dims()) * 31
                + (layout.dataType() == null ? 0 : layout.dataType().ordinal());
    }

    @Override
    public String toString() {
        return describe();
    }
}
