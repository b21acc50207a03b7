package dev.ondine.io.onnx;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.ondine.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A tensor that is known when a network is imported: a weight, an axis, a shape. Unlike a {@link dev.ondine.tensor.Tensor} it may have
 * no elements, and holds any of ONNX's types of numbers.
 *
 * @param name of the initializer that it was in the file; empty for what was computed or stands in a node
 * @param raw the elements, little-endian, one after another; null if they are elsewhere: see {@link NetworkStructure}
 * @param transposed whether they are those of a matrix in the order of its columns
 */
record Constant(String name, ElementType type, long[] dims, MemorySegment raw, boolean transposed) {
    /** Of a whole-number tensor of shape (values). */
    static Constant of(long... values) {
        return of(new long[] {values.length}, values);
    }

    static Constant of(long[] dims, long[] values) {
        return new Constant("", ElementType.INT64, dims, MemorySegment.ofArray(values), false);
    }

    static Constant of(long[] dims, float[] values) {
        return new Constant("", ElementType.FLOAT, dims, MemorySegment.ofArray(values), false);
    }

    static Constant of(long[] dims, boolean[] values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) (values[i] ? 1 : 0);
        return new Constant("", ElementType.BOOL, dims, MemorySegment.ofArray(bytes), false);
    }

    /** One whose elements are elsewhere. */
    static Constant absent(String name, ElementType type, long[] dims) {
        return new Constant(name, type, dims, null, false);
    }

    Constant with(long[] otherDims) {
        if (transposed && !Arrays.equals(dims, otherDims)) {
            return new Constant(name, ElementType.FLOAT, otherDims, MemorySegment.ofArray(floats()), false);
        }
        return new Constant(name, type, otherDims, raw, transposed);
    }

    boolean isAbsent() {
        return raw == null;
    }

    /** A matrix with rows and columns exchanged, without copying it. */
    Constant transpose() {
        return new Constant(name, type, new long[] {dims[1], dims[0]}, raw, !transposed);
    }

    private long place(long i) {
        return transposed ? i % dims[1] * dims[0] + i / dims[1] : i;
    }

    long elements() {
        long product = 1;
        for (long d : dims) product *= d;
        return product;
    }

    int rank() {
        return dims.length;
    }

    /** The shape; there must be elements. */
    Shape shape() {
        return Shape.of(dims);
    }

    boolean isFloat() {
        return type.isFloat();
    }

    double number(long element) {
        if (isAbsent()) throw new AbsentException(name);
        long i = place(element);
        return switch (type) {
            case FLOAT -> raw.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
            case DOUBLE -> raw.getAtIndex(JAVA_DOUBLE_UNALIGNED, i);
            case FLOAT16 -> Float.float16ToFloat(raw.getAtIndex(JAVA_SHORT_UNALIGNED, i));
            case BFLOAT16 -> Float.intBitsToFloat(raw.getAtIndex(JAVA_SHORT_UNALIGNED, i) << 16);
            default -> whole(element);
        };
    }

    long whole(long element) {
        if (isAbsent()) throw new AbsentException(name);
        long i = place(element);
        return switch (type) {
            case INT64, UINT64 -> raw.getAtIndex(JAVA_LONG_UNALIGNED, i);
            case INT32 -> raw.getAtIndex(JAVA_INT_UNALIGNED, i);
            case UINT32 -> Integer.toUnsignedLong(raw.getAtIndex(JAVA_INT_UNALIGNED, i));
            case INT16 -> raw.getAtIndex(JAVA_SHORT_UNALIGNED, i);
            case UINT16 -> Short.toUnsignedLong(raw.getAtIndex(JAVA_SHORT_UNALIGNED, i));
            case INT8 -> raw.get(JAVA_BYTE, i);
            case UINT8, BOOL -> Byte.toUnsignedLong(raw.get(JAVA_BYTE, i));
            default -> (long) number(element);
        };
    }

    long[] wholes() {
        long[] values = new long[Math.toIntExact(elements())];
        for (int i = 0; i < values.length; i++) values[i] = whole(i);
        return values;
    }

    float[] floats() {
        float[] values = new float[Math.toIntExact(elements())];
        for (int i = 0; i < values.length; i++) values[i] = (float) number(i);
        return values;
    }

    /** Whether all elements are one number. */
    boolean isUniform() {
        long n = elements();
        if (n == 0) return false;
        double first = number(0);
        for (long i = 1; i < n; i++) if (number(i) != first) return false;
        return true;
    }

    /** {@code FLOAT (64, 3, 7, 7)}. */
    @Override
    public String toString() {
        return type + " " + Arrays.toString(dims).replace('[', '(').replace(']', ')');
    }

    @Override
    public boolean equals(Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
