package dev.ondine.tensor;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;

/** Whole segments from one element type to another. The caller has checked that the pair of types converts. */
final class Conversion {
    private Conversion() {}

    static void convert(MemorySegment from, DataType type, MemorySegment to, DataType target, long n) {
        if (type == target) {
            MemorySegment.copy(from, 0, to, 0, n * type.bytes());
        } else if (type == DataType.FLOAT32 && target == DataType.BFLOAT16) {
            // The two directions that training uses get loops without a switch inside.
            for (long i = 0; i < n; i++)
                to.setAtIndex(JAVA_SHORT, i, BFloat16.fromFloat(from.getAtIndex(JAVA_FLOAT, i)));
        } else if (type == DataType.BFLOAT16 && target == DataType.FLOAT32) {
            for (long i = 0; i < n; i++) to.setAtIndex(JAVA_FLOAT, i, BFloat16.toFloat(from.getAtIndex(JAVA_SHORT, i)));
        } else if (type == DataType.FLOAT16 && target == DataType.FLOAT32) {
            // Half of a network from PyTorch.
            for (long i = 0; i < n; i++)
                to.setAtIndex(JAVA_FLOAT, i, Float.float16ToFloat(from.getAtIndex(JAVA_SHORT, i)));
        } else if (type.isFloat()) {
            for (long i = 0; i < n; i++) Elements.roundInto(to, target, i, Elements.getDouble(from, type, i));
        } else if (target == DataType.FLOAT32) {
            for (long i = 0; i < n; i++) to.setAtIndex(JAVA_FLOAT, i, (float) Elements.getLong(from, type, i));
        } else if (target == DataType.FLOAT64) {
            for (long i = 0; i < n; i++) to.setAtIndex(JAVA_DOUBLE, i, (double) Elements.getLong(from, type, i));
        } else {
            for (long i = 0; i < n; i++) Elements.fitInto(to, target, i, Elements.getLong(from, type, i));
        }
    }

    /** Writes one value everywhere; of a whole-number type the value is known to be whole. */
    static void fill(MemorySegment s, DataType type, long n, float value) {
        if (type == DataType.FLOAT32) {
            for (long i = 0; i < n; i++) s.setAtIndex(JAVA_FLOAT, i, value);
        } else if (type.isFloat()) {
            for (long i = 0; i < n; i++) Elements.roundInto(s, type, i, value);
        } else {
            for (long i = 0; i < n; i++) Elements.fitInto(s, type, i, (long) value);
        }
    }
}
