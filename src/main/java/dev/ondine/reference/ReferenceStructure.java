package dev.ondine.reference;

import dev.ondine.tensor.Shape;
import java.util.List;

/**
 * Axes in another order, and parts of a tensor along one axis. Joining, slicing and the gradient of slicing are one thing: a copy of some entries
 * of the axis of one tensor to some entries of the axis of another.
 *
 * <p>All buffers: outer×extent×inner, extent being the axis, which differs between the two.
 */
final class ReferenceStructure {
    private ReferenceStructure() {}

    /** For each element of the result, row-major, the index in x of the element that comes to lie there. */
    static int[] transposed(List<Integer> axes, Shape x) {
        int rank = x.rank();
        int[] strides = new int[rank];
        int stride = 1;
        for (int axis = rank - 1; axis >= 0; axis--) {
            strides[axis] = stride;
            stride *= (int) x.dim(axis);
        }
        int[] from = new int[stride];
        for (int i = 0; i < from.length; i++) {
            int rest = i;
            for (int axis = rank - 1; axis >= 0; axis--) {
                int extent = (int) x.dim(axes.get(axis));
                from[i] += rest % extent * strides[axes.get(axis)];
                rest /= extent;
            }
        }
        return from;
    }

    /** Copies {@code length} entries of {@code axis} from {@code xStart} in x to {@code yStart} in y. */
    static void copy(int axis, int length, double[] x, Shape xShape, int xStart, double[] y, Shape yShape, int yStart) {
        int outer = (int) xShape.elements(0, axis);
        int inner = (int) xShape.elements(axis + 1, xShape.rank());
        int xExtent = (int) xShape.dim(axis);
        int yExtent = (int) yShape.dim(axis);
        for (int o = 0; o < outer; o++) {
            System.arraycopy(x, (o * xExtent + xStart) * inner, y, (o * yExtent + yStart) * inner, length * inner);
        }
    }
}
