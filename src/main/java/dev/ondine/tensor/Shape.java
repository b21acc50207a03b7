package dev.ondine.tensor;

import java.util.Arrays;
import java.util.Objects;

/**
 * The extents of a tensor, outermost first: {@code (batch, channels, height, width)} for images. Immutable. A shape of
 * rank 0 is a scalar with one element.
 */
public final class Shape {
    private final long[] dims;
    private final long elements;

    private Shape(long[] dims) {
        long product = 1;
        for (long d : dims) {
            if (d < 1) {
                throw new IllegalArgumentException(
                        "shape " + text(dims) + " has the extent " + d + "; every extent must be at least 1");
            }
            try {
                product = Math.multiplyExact(product, d);
            } catch (ArithmeticException e) {
                throw new IllegalArgumentException("shape " + text(dims) + " has more than 2^63 elements", e);
            }
        }
        this.dims = dims;
        this.elements = product;
    }

    /**
     * A shape of these extents.
     *
     * @throws IllegalArgumentException if an extent is below 1 or the number of elements overflows a long
     */
    public static Shape of(long... dims) {
        return new Shape(dims.clone());
    }

    /** The number of axes; 0 for a scalar. */
    public int rank() {
        return dims.length;
    }

    /**
     * The extent of an axis; a negative axis counts from the end, −1 being the last.
     *
     * @throws IndexOutOfBoundsException if there is no such axis
     */
    public long dim(int axis) {
        return dims[checkAxis(axis)];
    }

    /** A copy of the extents. */
    public long[] dims() {
        return dims.clone();
    }

    /** The number of elements: the product of the extents. */
    public long elements() {
        return elements;
    }

    /**
     * The product of the extents from an axis (inclusive) to another (exclusive); 1 if there are none between.
     *
     * @throws IndexOutOfBoundsException if an axis lies outside the shape
     */
    public long elements(int from, int to) {
        Objects.checkFromToIndex(from, to, dims.length);
        long product = 1;
        for (int i = from; i < to; i++) product *= dims[i];
        return product;
    }

    /**
     * The place of an element in row-major order: 0 for the first, {@link #elements()}{@code − 1} for the last.
     *
     * @param index one number for each axis, each from 0 to the extent (exclusive)
     * @throws IndexOutOfBoundsException naming the axis if a number lies outside its extent
     * @throws IllegalArgumentException if there are more or fewer numbers than axes
     */
    public long offset(long... index) {
        if (index.length != dims.length) {
            throw new IllegalArgumentException("index " + text(index) + " has " + index.length + " numbers, shape "
                    + this + " has " + dims.length + " axes; give one number for each axis");
        }
        long offset = 0;
        for (int axis = 0; axis < dims.length; axis++) {
            if (index[axis] < 0 || index[axis] >= dims[axis]) {
                throw new IndexOutOfBoundsException("index " + text(index) + " is outside shape " + this + ": axis "
                        + axis + " goes from 0 to " + (dims[axis] - 1) + ", not " + index[axis]);
            }
            offset = offset * dims[axis] + index[axis];
        }
        return offset;
    }

    /** This shape with one extent changed; a negative axis counts from the end. */
    public Shape with(int axis, long extent) {
        long[] changed = dims.clone();
        changed[checkAxis(axis)] = extent;
        return new Shape(changed);
    }

    /** This shape with another axis before the first: the shape of a batch of such samples. */
    public Shape prepend(long extent) {
        long[] longer = new long[dims.length + 1];
        longer[0] = extent;
        System.arraycopy(dims, 0, longer, 1, dims.length);
        return new Shape(longer);
    }

    /**
     * This shape without its first axis: the shape of one sample of a batch.
     *
     * @throws IllegalStateException if this is a scalar
     */
    public Shape tail() {
        if (dims.length == 0) throw new IllegalStateException("shape () is a scalar and has no first axis to drop");
        return new Shape(Arrays.copyOfRange(dims, 1, dims.length));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape s && Arrays.equals(dims, s.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    /** {@code (128, 3, 32, 32)}. */
    @Override
    public String toString() {
        return text(dims);
    }

    private int checkAxis(int axis) {
        int fromStart = axis < 0 ? axis + dims.length : axis;
        if (fromStart < 0 || fromStart >= dims.length) {
            throw new IndexOutOfBoundsException(
                    "axis " + axis + " does not exist in shape " + this + " of " + dims.length + " axes");
        }
        return fromStart;
    }

    private static String text(long[] dims) {
        return Arrays.toString(dims).replace('[', '(').replace(']', ')');
    }
}
