package dev.ondine.reference;

import dev.ondine.tensor.Shape;

/**
 * Parts of a tensor along one axis. Joining, slicing and the gradient of slicing are one thing: a copy of some entries
 * of the axis of one tensor to some entries of the axis of another.
 *
 * <p>All buffers: outer×extent×inner, extent being the axis, which differs between the two.
 */
final class ReferenceStructure {
    private ReferenceStructure() {}

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
