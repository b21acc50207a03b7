package dev.ondine.tensor;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;

/**
 * Between Java arrays and segments: at once where the types are the same, else element by element. The caller has
 * checked the lengths.
 */
final class ArrayCopy {
    private ArrayCopy() {}

    static void to(float[] values, MemorySegment s, DataType type) {
        if (type == DataType.FLOAT32) {
            MemorySegment.copy(s, JAVA_FLOAT, 0, values, 0, values.length);
        } else {
            for (int i = 0; i < values.length; i++) values[i] = Elements.getFloat(s, type, i);
        }
    }

    static void to(double[] values, MemorySegment s, DataType type) {
        if (type == DataType.FLOAT64) {
            MemorySegment.copy(s, JAVA_DOUBLE, 0, values, 0, values.length);
        } else {
            for (int i = 0; i < values.length; i++) values[i] = Elements.getDouble(s, type, i);
        }
    }

    static void to(int[] values, MemorySegment s, DataType type) {
        if (type == DataType.INT32) {
            MemorySegment.copy(s, JAVA_INT, 0, values, 0, values.length);
        } else {
            for (int i = 0; i < values.length; i++) values[i] = Elements.getInt(s, type, i);
        }
    }

    static void to(long[] values, MemorySegment s, DataType type) {
        if (type == DataType.INT64) {
            MemorySegment.copy(s, JAVA_LONG, 0, values, 0, values.length);
        } else {
            for (int i = 0; i < values.length; i++) values[i] = Elements.getLong(s, type, i);
        }
    }

    static void from(float[] values, int offset, MemorySegment s, DataType type, int n) {
        if (type == DataType.FLOAT32) {
            MemorySegment.copy(values, offset, s, JAVA_FLOAT, 0, n);
        } else {
            for (int i = 0; i < n; i++) Elements.setFloat(s, type, i, values[offset + i]);
        }
    }

    static void from(double[] values, MemorySegment s, DataType type) {
        // Only an f64 tensor takes doubles; setDouble says so for all others.
        for (int i = 0; i < values.length; i++) Elements.setDouble(s, type, i, values[i]);
    }

    static void from(int[] values, MemorySegment s, DataType type) {
        if (type == DataType.INT32) {
            MemorySegment.copy(values, 0, s, JAVA_INT, 0, values.length);
        } else {
            for (int i = 0; i < values.length; i++) Elements.setInt(s, type, i, values[i]);
        }
    }

    static void from(long[] values, MemorySegment s, DataType type) {
        // Only an s64 tensor takes longs; setLong says so for all others.
        for (int i = 0; i < values.length; i++) Elements.setLong(s, type, i, values[i]);
    }
}
