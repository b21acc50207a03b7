package dev.ondine.onednn.api;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * How a window moves over the spatial axes of an image: one number an axis (width; height, width; depth, height,
 * width).
 *
 * @param strides steps in elements, at least 1
 * @param dilation elements left out between two taps, as oneDNN counts: 0 is none (PyTorch's dilation − 1)
 * @param padBegin padding before the first element
 * @param padEnd padding behind the last element
 */
public record Window(long[] strides, long[] dilation, long[] padBegin, long[] padEnd) {
    /** Checks that all have the same length. */
    public Window {
        int axes = strides.length;
        if (dilation.length != axes || padBegin.length != axes || padEnd.length != axes) {
            throw new IllegalArgumentException("strides " + Arrays.toString(strides) + ", dilation "
                    + Arrays.toString(dilation) + ", padding " + Arrays.toString(padBegin) + " and "
                    + Arrays.toString(padEnd) + " need one number for each spatial axis");
        }
    }

    /** The same padding at both ends, no dilation. */
    public static Window of(long[] strides, long[] padding) {
        return new Window(strides, new long[strides.length], padding, padding);
    }

    /**
     * Checks that there is one number for each spatial axis of an image.
     *
     * @param image of rank 2 + the number of spatial axes
     */
    void checkFits(String primitive, MemoryDescriptor image) {
        if (image.rank() != strides.length + 2) {
            throw new IllegalArgumentException(primitive + " of " + image + ", which has " + (image.rank() - 2)
                    + " spatial axes, with a window over " + strides.length + ": " + this);
        }
    }

    /** The four arrays as oneDNN takes them. */
    record Native(MemorySegment strides, MemorySegment dilation, MemorySegment padBegin, MemorySegment padEnd) {}

    Native toNative(Arena arena) {
        return new Native(
                Pointers.dims(arena, strides),
                Pointers.dims(arena, dilation),
                Pointers.dims(arena, padBegin),
                Pointers.dims(arena, padEnd));
    }

    /** {@code strides [2, 2], dilation [0, 0], padding [1, 1] to [1, 1]}. */
    @Override
    public String toString() {
        return "strides " + Arrays.toString(strides) + ", dilation " + Arrays.toString(dilation) + ", padding "
                + Arrays.toString(padBegin) + " to " + Arrays.toString(padEnd);
    }
}
