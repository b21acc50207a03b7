package dev.ondine.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Single elements of a segment by type and place. Reading widens exactly; writing rounds to nearest even. A type of the
 * wrong kind gets {@link IllegalArgumentException} with the name of the method to call instead.
 */
final class Elements {
    private Elements() {}

    static ValueLayout layout(DataType type) {
        return switch (type) {
            case FLOAT32 -> JAVA_FLOAT;
            case FLOAT64 -> JAVA_DOUBLE;
            case BFLOAT16, FLOAT16 -> JAVA_SHORT;
            case INT32 -> JAVA_INT;
            case INT64 -> JAVA_LONG;
            case UINT8 -> JAVA_BYTE;
        };
    }

    static float getFloat(MemorySegment s, DataType type, long i) {
        return switch (type) {
            case FLOAT32 -> s.getAtIndex(JAVA_FLOAT, i);
            case BFLOAT16 -> BFloat16.toFloat(s.getAtIndex(JAVA_SHORT, i));
            case FLOAT16 -> Float.float16ToFloat(s.getAtIndex(JAVA_SHORT, i));
            case FLOAT64 -> throw wrong(type, "does not fit into a float", "a double method or convertTo(FLOAT32)");
            case INT32, UINT8 -> throw wrong(type, "is not a floating-point type", "getInt or toIntArray");
            case INT64 -> throw wrong(type, "is not a floating-point type", "getLong or toLongArray");
        };
    }

    static void setFloat(MemorySegment s, DataType type, long i, float v) {
        switch (type) {
            case FLOAT32 -> s.setAtIndex(JAVA_FLOAT, i, v);
            case BFLOAT16 -> s.setAtIndex(JAVA_SHORT, i, BFloat16.fromFloat(v));
            case FLOAT16 -> s.setAtIndex(JAVA_SHORT, i, Float.floatToFloat16(v));
            case FLOAT64 -> throw wrong(type, "is not written from a float", "setDouble or copyFrom(double[])");
            case INT32, UINT8 -> throw wrong(type, "is not a floating-point type", "setInt or copyFrom(int[])");
            case INT64 -> throw wrong(type, "is not a floating-point type", "setLong or copyFrom(long[])");
        }
    }

    static double getDouble(MemorySegment s, DataType type, long i) {
        return switch (type) {
            case FLOAT64 -> s.getAtIndex(JAVA_DOUBLE, i);
            case FLOAT32, BFLOAT16, FLOAT16 -> getFloat(s, type, i);
            case INT32, UINT8 -> throw wrong(type, "is not a floating-point type", "getInt or toIntArray");
            case INT64 -> throw wrong(type, "is not a floating-point type", "getLong or toLongArray");
        };
    }

    static void setDouble(MemorySegment s, DataType type, long i, double v) {
        if (type != DataType.FLOAT64) {
            throw wrong(type, "is not written from a double", "the setter of its own type, or FLOAT64 and convertTo");
        }
        s.setAtIndex(JAVA_DOUBLE, i, v);
    }

    static int getInt(MemorySegment s, DataType type, long i) {
        return switch (type) {
            case INT32 -> s.getAtIndex(JAVA_INT, i);
            case UINT8 -> Byte.toUnsignedInt(s.getAtIndex(JAVA_BYTE, i));
            case INT64 -> throw wrong(type, "does not fit into an int", "a long method or convertTo(INT32)");
            case FLOAT32, FLOAT64, BFLOAT16, FLOAT16 ->
                throw wrong(type, "is not a whole-number type", "a float or double method");
        };
    }

    static void setInt(MemorySegment s, DataType type, long i, int v) {
        switch (type) {
            case INT32 -> s.setAtIndex(JAVA_INT, i, v);
            case UINT8 -> s.setAtIndex(JAVA_BYTE, i, (byte) checkRange(type, v));
            case INT64 -> throw wrong(type, "is not written from an int", "setLong or copyFrom(long[])");
            case FLOAT32, FLOAT64, BFLOAT16, FLOAT16 ->
                throw wrong(type, "is not a whole-number type", "a float or double method");
        }
    }

    static long getLong(MemorySegment s, DataType type, long i) {
        return type == DataType.INT64 ? s.getAtIndex(JAVA_LONG, i) : getInt(s, type, i);
    }

    static void setLong(MemorySegment s, DataType type, long i, long v) {
        if (type != DataType.INT64) {
            throw wrong(type, "is not written from a long", "the setter of its own type, or INT64 and convertTo");
        }
        s.setAtIndex(JAVA_LONG, i, v);
    }

    /** Writes a value of any floating-point type into any other, rounded once. */
    static void roundInto(MemorySegment s, DataType type, long i, double v) {
        switch (type) {
            case FLOAT64 -> s.setAtIndex(JAVA_DOUBLE, i, v);
            case FLOAT32 -> s.setAtIndex(JAVA_FLOAT, i, (float) v);
            case BFLOAT16 -> s.setAtIndex(JAVA_SHORT, i, BFloat16.fromDouble(v));
            case FLOAT16 -> s.setAtIndex(JAVA_SHORT, i, Float.floatToFloat16(BFloat16.toOdd(v)));
            case INT32, INT64, UINT8 -> throw wrong(type, "is not a floating-point type", "a rounding of your own");
        }
    }

    /** Writes a whole number into any whole-number type, or says that it is too large for it. */
    static void fitInto(MemorySegment s, DataType type, long i, long v) {
        switch (type) {
            case INT64 -> s.setAtIndex(JAVA_LONG, i, v);
            case INT32 -> s.setAtIndex(JAVA_INT, i, (int) checkRange(type, v));
            case UINT8 -> s.setAtIndex(JAVA_BYTE, i, (byte) checkRange(type, v));
            case FLOAT32, FLOAT64, BFLOAT16, FLOAT16 ->
                throw wrong(type, "is not a whole-number type", "a float or double method");
        }
    }

    private static long checkRange(DataType type, long v) {
        long min = type == DataType.UINT8 ? 0 : Integer.MIN_VALUE;
        long max = type == DataType.UINT8 ? 255 : Integer.MAX_VALUE;
        if (v < min || v > max) {
            throw new IllegalArgumentException(
                    v + " does not fit into " + type.shortName() + ", which holds " + min + " to " + max);
        }
        return v;
    }

    private static IllegalArgumentException wrong(DataType type, String what, String instead) {
        return new IllegalArgumentException("an element of type " + type.shortName() + " " + what + "; use " + instead);
    }
}
