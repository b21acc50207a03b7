package dev.ondine.reference;

import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;

/** Space resized, one axis after the other; the gradient goes back through the axes by the transposed matrices. */
final class ReferenceResampling {
    private final ReferenceAlongAxis[] forward;
    private final ReferenceAlongAxis[] backward;
    /** What lies between two axes; the first and the last are the operands. */
    private final double[][] between;

    /** @param x the shape that is resized forward */
    ReferenceResampling(Op.Resampling op, Shape x) {
        int axes = op.size().size();
        forward = new ReferenceAlongAxis[axes];
        backward = new ReferenceAlongAxis[axes];
        between = new double[axes + 1][];
        Shape shape = x;
        for (int i = 0; i < axes; i++) {
            AxisMatrix matrix = op.along(i, x.dim(2 + i));
            forward[i] = new ReferenceAlongAxis(matrix, 2 + i, shape);
            shape = shape.with(2 + i, matrix.rows());
            backward[i] = new ReferenceAlongAxis(matrix.transposed(), 2 + i, shape);
            if (i < axes - 1) between[i + 1] = new double[(int) shape.elements()];
        }
    }

    void forward(double[] x, double[] y) {
        between[0] = x;
        between[forward.length] = y;
        for (int i = 0; i < forward.length; i++) forward[i].multiply(between[i], between[i + 1]);
    }

    void backward(double[] dy, double[] dx) {
        between[0] = dx;
        between[backward.length] = dy;
        for (int i = backward.length - 1; i >= 0; i--) backward[i].multiply(between[i + 1], between[i]);
    }
}
