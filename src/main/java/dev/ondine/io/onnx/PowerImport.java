package dev.ondine.io.onnx;

import dev.ondine.graph.BinaryKind;
import dev.ondine.graph.Broadcasting;
import dev.ondine.graph.Op;
import dev.ondine.graph.UnaryKind;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;

/** Pow, whose base or exponents may be known or not. */
final class PowerImport {
    private PowerImport() {}

    static void power(GraphImport in, NodeView node) {
        Constant exponents = in.known(1);
        Constant base = in.known(0);
        if (exponents != null && exponents.isUniform()) {
            Value y = unary(in, UnaryKind.POWER, (float) exponents.number(0), 0, in.value(0));
            in.result(Broadcasting.expand(in.graph(), y, Broadcasting.common(y.shape(), exponents.shape())));
            return;
        }
        if (base != null && base.isUniform() && base.number(0) > 0) {
            Value scaled = unary(in, UnaryKind.LINEAR, (float) Math.log(base.number(0)), 0, in.value(1));
            Value y = unary(in, UnaryKind.EXPONENTIAL, 0, 0, scaled);
            in.result(Broadcasting.expand(in.graph(), y, Broadcasting.common(y.shape(), base.shape())));
            return;
        }
        Value a = in.value(0);
        Value b = in.aligned(a, in.value(1));
        boolean whole = exponents != null && allWhole(exponents);
        // Of a negative number only whole exponents make one: else its logarithm is no number, and neither is the
        // result.
        Value size = whole
                ? unary(in, UnaryKind.CLIP, Float.MIN_NORMAL, Float.MAX_VALUE, unary(in, UnaryKind.ABSOLUTE, 0, 0, a))
                : a;
        Value logarithm = unary(in, UnaryKind.LOGARITHM, 0, 0, size);
        Value y = unary(in, UnaryKind.EXPONENTIAL, 0, 0, Broadcasting.multiply(in.graph(), logarithm, b));
        in.result(whole ? Broadcasting.multiply(in.graph(), y, sign(in, node, a, exponents, b.shape())) : y);
    }

    private static boolean allWhole(Constant exponents) {
        for (long i = 0; i < exponents.elements(); i++) {
            double e = exponents.number(i);
            if (e != Math.rint(e)) return false;
        }
        return true;
    }

    /** −1 where the base is negative and the exponent odd, else 1. */
    private static Value sign(GraphImport in, NodeView node, Value a, Constant exponents, Shape shape) {
        float[] odd = new float[ConstantFolding.count(exponents.dims())];
        for (int i = 0; i < odd.length; i++) odd[i] = exponents.number(i) % 2 == 0 ? 0 : -2;
        Value parity = in.store().buffer(in.unique(node.name() + ".odd"), Constant.of(shape.dims(), odd));
        Value zero = in.add(new Op.Fill(0, Shape.of(1)));
        Value negative = Broadcasting.binary(in.graph(), BinaryKind.GREATER, zero, a);
        return unary(in, UnaryKind.LINEAR, 1, 1, Broadcasting.multiply(in.graph(), negative, parity));
    }

    private static Value unary(GraphImport in, UnaryKind kind, float alpha, float beta, Value x) {
        return in.add(new Op.Unary(kind, alpha, beta), x);
    }
}
