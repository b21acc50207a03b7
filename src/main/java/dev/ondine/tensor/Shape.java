package dev.ondine.tensor;

import java.util.Arrays;
import java.util.Objects;

/**
 * The extents of a tensor, outermost first: {@code (batch, channels, height, width)} for images. Immutable. A shape of rank 0
 * is a scalar with one element.
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

    public int rank() {
        return dims.length;
    }

    /** The extent of an axis; a negative axis counts from the end, −1 being the last. */
    public long dim(int axis) {
        return dims[Objects.checkIndex(axis < 0 ? axis + dims.length : axis, dims.length)];
    }

    /** A copy of the extents. */
    public long[] dims() {
        return dims.clone();
    }

    /** The number of elements: the product of the extents. */
    public long elements() {
        return elements;
    }

    /** The product of the extents from an axis (inclusive) to another (exclusive); 1 if there are none between. */
    public long elements(int from, int to) {
        long product = 1;
        for (int i = from; i < to; i++) product *= dims[i];
        return product;
    }

    /** This shape with one extent changed. */
    public Shape with(int axis, long extent) {
        long[] changed = dims.clone();
        changed[axis < 0 ? axis + dims.length : axis] = extent;
        return new Shape(changed);
    }

    /** This shape with another axis before the first: the shape of a batch of such samples. */
    public Shape prepend(long extent) {
        long[] longer = new long[dims.length + 1];
        longer[0] = extent;
        System.arraycopy(dims, 0, longer, 1, dims.length);
        return new Shape(longer);
    }

    /** This shape without its first axis: the shape of one sample of a batch. */
    public Shape tail() {
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

    private static String text(long[] dims) {
        return Arrays.toString(dims).replace('[', '(').replace(']', ')');
    }
}
