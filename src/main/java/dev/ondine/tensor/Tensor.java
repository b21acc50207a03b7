package dev.ondine.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A typed array outside the Java heap, dense and row-major, in the machine's byte order: what native code reads and
 * writes.
 *
 * <p>A tensor either owns its memory ({@link #allocate(DataType, Shape)}, the {@code of} methods, {@link #convertTo})
 * and frees it in {@link #close()}, or borrows it ({@link #allocate(Arena, DataType, Shape)}, {@link #view},
 * {@link #reshape}); closing a borrowing tensor does nothing, its memory lives as long as the arena or the tensor that
 * it comes from. Use after the memory was freed is an {@link IllegalStateException} in every thread, never a crash.
 * Nothing is freed by the garbage collector.
 *
 * <p>Methods named after a Java type read every element type whose values fit into it without loss: {@code float} reads
 * f32, bf16 and f16, {@code double} all floating-point types, {@code int} s32 and u8, {@code long} all whole-number
 * types. Writing takes f32, bf16 and f16 from {@code float} (rounded to nearest, ties to even), s32 and u8 (0 to 255)
 * from {@code int}, f64 from {@code double} and s64 from {@code long}. Anything else is an
 * {@link IllegalArgumentException}.
 *
 * <p>Not synchronized. A tensor of more than 2^31 elements works; only the methods that make Java arrays refuse it.
 */
public final class Tensor implements AutoCloseable {
    /** The alignment of allocated tensors in bytes: a cache line and the widest vector register. */
    public static final int ALIGNMENT = 64;

    private final MemorySegment segment;
    private final DataType type;
    private final Shape shape;
    /** The arena that {@link #close()} closes; null if the memory is borrowed. */
    private final Arena owned;

    private Tensor(MemorySegment segment, DataType type, Shape shape, Arena owned) {
        this.segment = segment;
        this.type = type;
        this.shape = shape;
        this.owned = owned;
    }

    /**
     * A tensor of zeros that owns its memory, usable from every thread until it is closed.
     *
     * @throws IllegalArgumentException if its bytes overflow a long
     * @throws OutOfMemoryError if there is not so much memory
     */
    public static Tensor allocate(DataType type, Shape shape) {
        Arena arena = Arena.ofShared();
        try {
            return new Tensor(zeros(arena, type, shape), type, shape, arena);
        } catch (Throwable e) {
            arena.close();
            throw e;
        }
    }

    /**
     * A tensor of zeros that lives as long as the arena, 64-byte aligned. Its {@link #close()} does nothing: whoever
     * made the arena closes that.
     *
     * @throws IllegalArgumentException if its bytes overflow a long
     * @throws OutOfMemoryError if there is not so much memory
     */
    public static Tensor allocate(Arena arena, DataType type, Shape shape) {
        return new Tensor(zeros(arena, type, shape), type, shape, null);
    }

    /**
     * A tensor over the beginning of somebody else's off-heap memory. It shares the memory and its lifetime; a
     * read-only segment makes a read-only tensor.
     *
     * @throws IllegalArgumentException if the segment is too small, on the Java heap, or not aligned for the type
     */
    public static Tensor view(MemorySegment segment, DataType type, Shape shape) {
        long bytes = bytes(type, shape);
        if (!segment.isNative()) {
            throw new IllegalArgumentException("a view of " + text(type, shape)
                    + " needs memory outside the Java heap; copy the array with Tensor.of or copyFrom instead");
        }
        if (segment.byteSize() < bytes) {
            throw new IllegalArgumentException("a view of " + text(type, shape) + " needs " + bytes
                    + " bytes, the memory segment has " + segment.byteSize());
        }
        if (segment.address() % type.bytes() != 0) {
            throw new IllegalArgumentException("a view of " + text(type, shape) + " needs an address divisible by "
                    + type.bytes() + ", the memory segment starts at " + segment.address()
                    + "; copy the data to an allocated tensor instead");
        }
        return new Tensor(segment.asSlice(0, bytes), type, shape, null);
    }

    /**
     * An owned float32 tensor with a copy of these values, row-major. Without extents it is a scalar and takes one
     * value.
     */
    public static Tensor of(float[] values, long... shape) {
        Shape s = shapeFor(values.length, shape);
        Tensor t = allocate(DataType.FLOAT32, s);
        t.copyFrom(values);
        return t;
    }

    /**
     * An owned int32 tensor with a copy of these values, row-major. Without extents it is a scalar and takes one value.
     */
    public static Tensor of(int[] values, long... shape) {
        Shape s = shapeFor(values.length, shape);
        Tensor t = allocate(DataType.INT32, s);
        t.copyFrom(values);
        return t;
    }

    /**
     * An owned int64 tensor with a copy of these values, row-major. Without extents it is a scalar and takes one value.
     */
    public static Tensor ofLongs(long[] values, long... shape) {
        Shape s = shapeFor(values.length, shape);
        Tensor t = allocate(DataType.INT64, s);
        t.copyFrom(values);
        return t;
    }

    /**
     * An owned float64 tensor with a copy of these values, row-major. Without extents it is a scalar and takes one
     * value.
     */
    public static Tensor ofDoubles(double[] values, long... shape) {
        Shape s = shapeFor(values.length, shape);
        Tensor t = allocate(DataType.FLOAT64, s);
        t.copyFrom(values);
        return t;
    }

    /**
     * The memory: exactly {@link #bytes()} long.
     *
     * @throws IllegalStateException if it was freed
     */
    public MemorySegment segment() {
        if (!segment.scope().isAlive()) {
            throw new IllegalStateException("tensor " + this + " is used after it was closed,"
                    + " or after the arena, file or tensor that its memory belongs to was closed");
        }
        return segment;
    }

    /** The extents of its axes. */
    public Shape shape() {
        return shape;
    }

    /** The type of its elements. */
    public DataType dataType() {
        return type;
    }

    /** The number of elements. */
    public long elements() {
        return shape.elements();
    }

    /** The size of the data in bytes. */
    public long bytes() {
        return segment.byteSize();
    }

    /**
     * One element, by one index for each axis.
     *
     * @throws IndexOutOfBoundsException naming the axis if an index lies outside its extent
     * @throws IllegalArgumentException if there are more or fewer indices than axes, or the type is not f32, bf16 or
     *     f16
     */
    public float getFloat(long... index) {
        return Elements.getFloat(segment(), type, shape.offset(index));
    }

    /** Sets one element of an f32, bf16 or f16 tensor; errors as {@link #getFloat(long...)}. */
    public void setFloat(float value, long... index) {
        Elements.setFloat(writable(), type, shape.offset(index), value);
    }

    /** One element by its row-major place; errors as {@link #getFloat(long...)}. */
    public float getFloatAt(long flat) {
        return Elements.getFloat(segment(), type, check(flat));
    }

    /** Sets one element by its row-major place; errors as {@link #getFloat(long...)}. */
    public void setFloatAt(long flat, float value) {
        Elements.setFloat(writable(), type, check(flat), value);
    }

    /** One element of a tensor of any floating-point type; errors as {@link #getFloat(long...)}. */
    public double getDouble(long... index) {
        return Elements.getDouble(segment(), type, shape.offset(index));
    }

    /** Sets one element of an f64 tensor; errors as {@link #getFloat(long...)}. */
    public void setDouble(double value, long... index) {
        Elements.setDouble(writable(), type, shape.offset(index), value);
    }

    /** One element of any floating-point type by its row-major place; errors as {@link #getFloat(long...)}. */
    public double getDoubleAt(long flat) {
        return Elements.getDouble(segment(), type, check(flat));
    }

    /** Sets one element of an f64 tensor by its row-major place; errors as {@link #getFloat(long...)}. */
    public void setDoubleAt(long flat, double value) {
        Elements.setDouble(writable(), type, check(flat), value);
    }

    /** One element of an s32 or u8 (0 to 255) tensor; errors as {@link #getFloat(long...)}. */
    public int getInt(long... index) {
        return Elements.getInt(segment(), type, shape.offset(index));
    }

    /** Sets one element of an s32 or u8 (0 to 255) tensor; errors as {@link #getFloat(long...)}. */
    public void setInt(int value, long... index) {
        Elements.setInt(writable(), type, shape.offset(index), value);
    }

    /** One element of an s32 or u8 (0 to 255) tensor by its row-major place; errors as {@link #getFloat(long...)}. */
    public int getIntAt(long flat) {
        return Elements.getInt(segment(), type, check(flat));
    }

    /**
     * Sets one element of an s32 or u8 (0 to 255) tensor by its row-major place; errors as {@link #getFloat(long...)}.
     */
    public void setIntAt(long flat, int value) {
        Elements.setInt(writable(), type, check(flat), value);
    }

    /** One element of a tensor of any whole-number type; errors as {@link #getFloat(long...)}. */
    public long getLong(long... index) {
        return Elements.getLong(segment(), type, shape.offset(index));
    }

    /** Sets one element of an s64 tensor; errors as {@link #getFloat(long...)}. */
    public void setLong(long value, long... index) {
        Elements.setLong(writable(), type, shape.offset(index), value);
    }

    /** One element of any whole-number type by its row-major place; errors as {@link #getFloat(long...)}. */
    public long getLongAt(long flat) {
        return Elements.getLong(segment(), type, check(flat));
    }

    /** Sets one element of an s64 tensor by its row-major place; errors as {@link #getFloat(long...)}. */
    public void setLongAt(long flat, long value) {
        Elements.setLong(writable(), type, check(flat), value);
    }

    /** The elements of an f32, bf16 or f16 tensor, row-major. */
    public float[] toFloatArray() {
        float[] values = new float[arrayLength()];
        copyTo(values);
        return values;
    }

    /** The elements of a tensor of any floating-point type, row-major. */
    public double[] toDoubleArray() {
        double[] values = new double[arrayLength()];
        ArrayCopy.to(values, segment(), type);
        return values;
    }

    /** The elements of an s32 or u8 (0 to 255) tensor, row-major. */
    public int[] toIntArray() {
        int[] values = new int[arrayLength()];
        ArrayCopy.to(values, segment(), type);
        return values;
    }

    /** The elements of a tensor of any whole-number type, row-major. */
    public long[] toLongArray() {
        long[] values = new long[arrayLength()];
        ArrayCopy.to(values, segment(), type);
        return values;
    }

    /** Copies all elements (f32, bf16 or f16) into an array of exactly as many. */
    public void copyTo(float[] values) {
        checkLength(values.length, 0, values.length);
        ArrayCopy.to(values, segment(), type);
    }

    /** Sets all elements (f32, bf16 or f16) from an array of exactly as many. */
    public void copyFrom(float[] values) {
        checkLength(values.length, 0, values.length);
        copyFrom(values, 0);
    }

    /**
     * Sets all elements (f32, bf16 or f16) from the part of an array that begins at an offset; it may be longer than
     * needed.
     */
    public void copyFrom(float[] values, int offset) {
        int n = arrayLength();
        checkLength(values.length, offset, n);
        ArrayCopy.from(values, offset, writable(), type, n);
    }

    /** Sets all elements (s32 or u8) from an array of exactly as many. */
    public void copyFrom(int[] values) {
        checkLength(values.length, 0, values.length);
        ArrayCopy.from(values, writable(), type);
    }

    /** Sets all elements (s64) from an array of exactly as many. */
    public void copyFrom(long[] values) {
        checkLength(values.length, 0, values.length);
        ArrayCopy.from(values, writable(), type);
    }

    /** Sets all elements (f64) from an array of exactly as many. */
    public void copyFrom(double[] values) {
        checkLength(values.length, 0, values.length);
        ArrayCopy.from(values, writable(), type);
    }

    /** Sets all elements of a u8 tensor from an array of exactly as many bytes, each taken as 0 to 255. */
    public void copyFrom(byte[] values) {
        checkLength(values.length, 0, values.length);
        if (type != DataType.UINT8) throw new IllegalArgumentException("tensor " + this + " is not written from bytes");
        MemorySegment.copy(values, 0, writable(), JAVA_BYTE, 0, values.length);
    }

    /**
     * Copies all elements of another tensor.
     *
     * @throws IllegalArgumentException if type or shape differ
     */
    public void copyFrom(Tensor source) {
        if (source.type != type || !source.shape.equals(shape)) {
            throw new IllegalArgumentException("tensor " + this + " cannot take the elements of " + source
                    + ": convertTo and reshape make types and shapes equal");
        }
        MemorySegment.copy(source.segment(), 0, writable(), 0, bytes());
    }

    /**
     * A new owned tensor of another type with the same values: any floating-point type into any other (rounded to
     * nearest, ties to even, once; too large becomes an infinity), any whole-number type into any other, f32 or f64.
     *
     * @throws IllegalArgumentException if a whole number does not fit, or the types do not convert: rounding to whole
     *     numbers is left to the caller
     */
    public Tensor convertTo(DataType target) {
        if (!type.isFloat() && (target == DataType.BFLOAT16 || target == DataType.FLOAT16)
                || type.isFloat() && !target.isFloat()) {
            throw new IllegalArgumentException("tensor " + this + " does not convert to " + target.shortName()
                    + (target.isFloat()
                            ? "; convert it to f32 first"
                            : ": round its values to whole numbers yourself"));
        }
        MemorySegment from = segment();
        Tensor result = allocate(target, shape);
        try {
            Conversion.convert(from, type, result.segment, target, elements());
            return result;
        } catch (Throwable e) {
            result.close();
            throw e;
        }
    }

    /**
     * The same memory in another shape of as many elements. Borrowed: closing the result does nothing, closing this
     * tensor ends both.
     */
    public Tensor reshape(long... extents) {
        Shape other = Shape.of(extents);
        if (other.elements() != elements()) {
            throw new IllegalArgumentException("tensor " + this + " has " + elements()
                    + " elements and cannot take the shape " + other + " with " + other.elements());
        }
        return new Tensor(segment(), type, other, null);
    }

    /** Sets every element to one value: of a whole-number tensor if the value is a whole number that fits. */
    public void fill(float value) {
        MemorySegment s = writable();
        if (Float.floatToRawIntBits(value) == 0) {
            s.fill((byte) 0);
        } else if (!type.isFloat() && (value != (long) value || value >= 0x1p63f)) {
            throw new IllegalArgumentException("tensor " + this + " cannot be filled with " + value);
        } else {
            Conversion.fill(s, type, elements(), value);
        }
    }

    /**
     * Frees the memory if this tensor owns it; otherwise does nothing. Closing twice is harmless.
     *
     * @throws IllegalStateException if native code or I/O is using the memory at this moment
     */
    @Override
    public void close() {
        if (owned == null || !owned.scope().isAlive()) return;
        try {
            owned.close();
        } catch (IllegalStateException e) {
            // Somebody else closed it between the two lines above: that is what was wanted.
            if (!owned.scope().isAlive()) return;
            throw new IllegalStateException(
                    "tensor " + this + " cannot be closed while native code or I/O uses it; close it afterwards", e);
        }
    }

    /** Type and shape: {@code f32 (128, 3, 32, 32)}. */
    @Override
    public String toString() {
        return text(type, shape);
    }

    private static MemorySegment zeros(Arena arena, DataType type, Shape shape) {
        long bytes = bytes(type, shape);
        try {
            return arena.allocate(bytes, ALIGNMENT);
        } catch (OutOfMemoryError e) {
            OutOfMemoryError named =
                    new OutOfMemoryError("no memory outside the Java heap for a tensor " + text(type, shape) + " of "
                            + bytes + " bytes; use a smaller batch or model, or close tensors no longer needed");
            named.initCause(e);
            throw named;
        }
    }

    private static long bytes(DataType type, Shape shape) {
        try {
            return Math.multiplyExact(shape.elements(), type.bytes());
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("a tensor " + text(type, shape) + " has more than 2^63 bytes", e);
        }
    }

    private static Shape shapeFor(int values, long[] extents) {
        Shape shape = Shape.of(extents);
        if (shape.elements() != values) {
            throw new IllegalArgumentException(
                    "shape " + shape + " needs " + shape.elements() + " values, the array has " + values);
        }
        return shape;
    }

    private static String text(DataType type, Shape shape) {
        return type.shortName() + " " + shape;
    }

    private MemorySegment writable() {
        if (segment.isReadOnly()) {
            throw new UnsupportedOperationException("tensor " + this
                    + " is read-only: a view of a mapped file or of other read-only memory; write to a copy of it");
        }
        return segment();
    }

    private long check(long flat) {
        if (flat < 0 || flat >= elements()) {
            throw new IndexOutOfBoundsException(
                    "element " + flat + " is outside tensor " + this + ", which has elements 0 to " + (elements() - 1));
        }
        return flat;
    }

    private int arrayLength() {
        // The longest array that every JVM makes is a few elements shorter than 2^31.
        if (elements() > Integer.MAX_VALUE - 8) {
            throw new UnsupportedOperationException("tensor " + this + " has " + elements()
                    + " elements, more than a Java array holds; read its segment() or single elements");
        }
        return (int) elements();
    }

    private void checkLength(int length, int offset, int used) {
        if (offset < 0 || used != elements() || used > length - offset) {
            throw new IllegalArgumentException("tensor " + this + " has " + elements() + " elements, the array has "
                    + length + (offset == 0 ? "" : " of which those from " + offset + " on were to be used"));
        }
    }
}
