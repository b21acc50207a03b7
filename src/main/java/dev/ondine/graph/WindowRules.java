package dev.ondine.graph;

import dev.ondine.tensor.Shape;
import java.util.List;

/** The shapes that convolutions and pooling yield: what a window that moves over an input leaves. */
final class WindowRules {
    private WindowRules() {}

    static Shape convolution(Op.Convolution c, List<TensorType> in) {
        Shape x = ShapeRules.shape(in, 0);
        Shape w = ShapeRules.shape(in, 1);
        int spatial = x.rank() - 2;
        if (spatial < 1 || spatial > 3) {
            throw new IllegalArgumentException("a convolution takes (batch, channels, 1 to 3 spatial axes), not " + x);
        }
        if (c.groups() < 1 || x.dim(1) % c.groups() != 0 || w.dim(0) % c.groups() != 0) {
            throw new IllegalArgumentException("groups = " + c.groups() + " must divide the " + x.dim(1)
                    + " input and the " + w.dim(0) + " output channels");
        }
        if (w.rank() != x.rank() || w.dim(1) != x.dim(1) / c.groups()) {
            throw new IllegalArgumentException("weight " + w + " expects " + (w.dim(1) * c.groups())
                    + " input channels, the input " + x + " has " + x.dim(1));
        }
        if (c.bias()) ShapeRules.requireSame("bias", ShapeRules.shape(in, 2), "output channels", Shape.of(w.dim(0)));
        ShapeRules.requireCount("stride", c.stride(), spatial, 1);
        ShapeRules.requireCount("padding", c.paddingBegin(), spatial, 0);
        ShapeRules.requireCount("padding", c.paddingEnd(), spatial, 0);
        ShapeRules.requireCount("dilation", c.dilation(), spatial, 1);
        Shape y = x.with(1, w.dim(0));
        for (int i = 0; i < spatial; i++) {
            long kernel = (w.dim(2 + i) - 1) * c.dilation().get(i) + 1;
            long room = x.dim(2 + i) + c.paddingBegin().get(i) + c.paddingEnd().get(i) - kernel;
            if (room < 0) {
                throw new IllegalArgumentException("the kernel " + w + " (dilation " + c.dilation()
                        + ") is larger than the padded input " + x + " along spatial axis " + i);
            }
            y = y.with(2 + i, room / c.stride().get(i) + 1);
        }
        return y;
    }

    static Shape transposedConvolution(Op.TransposedConvolution c, List<TensorType> in) {
        Shape x = ShapeRules.shape(in, 0);
        Shape w = ShapeRules.shape(in, 1);
        int spatial = x.rank() - 2;
        if (spatial < 1 || spatial > 3) {
            throw new IllegalArgumentException(
                    "a transposed convolution takes (batch, channels, 1 to 3 spatial axes), not " + x);
        }
        if (w.rank() != x.rank() || w.dim(0) != x.dim(1)) {
            throw new IllegalArgumentException(
                    "weight " + w + " expects " + w.dim(0) + " input channels, the input " + x + " has " + x.dim(1));
        }
        if (c.groups() < 1 || x.dim(1) % c.groups() != 0) {
            throw new IllegalArgumentException(
                    "groups = " + c.groups() + " must divide the " + x.dim(1) + " input channels");
        }
        long outputs = Math.multiplyExact(w.dim(1), c.groups());
        if (c.bias()) ShapeRules.requireSame("bias", ShapeRules.shape(in, 2), "output channels", Shape.of(outputs));
        ShapeRules.requireCount("stride", c.stride(), spatial, 1);
        ShapeRules.requireCount("padding", c.paddingBegin(), spatial, 0);
        ShapeRules.requireCount("padding", c.paddingEnd(), spatial, 0);
        ShapeRules.requireCount("outputPadding", c.outputPadding(), spatial, 0);
        ShapeRules.requireCount("dilation", c.dilation(), spatial, 1);
        Shape y = x.with(1, outputs);
        for (int i = 0; i < spatial; i++) {
            long stride = c.stride().get(i);
            if (c.outputPadding().get(i) >= stride + c.paddingEnd().get(i)) {
                throw new IllegalArgumentException("outputPadding " + c.outputPadding()
                        + " must be less than stride + padding along spatial axis " + i
                        + ": the elements beyond would not depend on the input");
            }
            long kernel = (w.dim(2 + i) - 1) * c.dilation().get(i) + 1;
            long whole =
                    (x.dim(2 + i) - 1) * stride + kernel + c.outputPadding().get(i);
            long out = whole - c.paddingBegin().get(i) - c.paddingEnd().get(i);
            if (out < 1) {
                throw new IllegalArgumentException("padding cuts off all that the kernel " + w + " makes of the input "
                        + x + " along spatial axis " + i);
            }
            y = y.with(2 + i, out);
        }
        return y;
    }

    static Shape pooling(Op.Pooling p, Shape x) {
        int spatial = x.rank() - 2;
        if (spatial < 1 || spatial > 3) {
            throw new IllegalArgumentException("pooling takes (batch, channels, 1 to 3 spatial axes), not " + x);
        }
        ShapeRules.requireCount("kernel", p.kernel(), spatial, 1);
        ShapeRules.requireCount("stride", p.stride(), spatial, 1);
        ShapeRules.requireCount("padding", p.paddingBegin(), spatial, 0);
        ShapeRules.requireCount("padding", p.paddingEnd(), spatial, 0);
        Shape y = x;
        for (int i = 0; i < spatial; i++) {
            long begin = p.paddingBegin().get(i);
            if (begin >= p.kernel().get(i)
                    || p.paddingEnd().get(i) >= p.kernel().get(i)) {
                throw new IllegalArgumentException("padding must be smaller than the kernel " + p.kernel()
                        + ", or a window lies outside the input");
            }
            long room =
                    x.dim(2 + i) + begin + p.paddingEnd().get(i) - p.kernel().get(i);
            if (room < 0) {
                throw new IllegalArgumentException(
                        "the window " + p.kernel() + " is larger than the padded input " + x);
            }
            long stride = p.stride().get(i);
            long out = (p.ceilMode() ? Math.ceilDiv(room, stride) : room / stride) + 1;
            // A last window that would start in the padding behind the input does not count (PyTorch's rule).
            if (p.ceilMode() && (out - 1) * stride >= x.dim(2 + i) + begin) out--;
            y = y.with(2 + i, out);
        }
        return y;
    }
}
