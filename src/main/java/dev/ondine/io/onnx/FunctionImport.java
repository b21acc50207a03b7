package dev.ondine.io.onnx;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.BinaryKind;
import dev.ondine.graph.Broadcasting;
import dev.ondine.graph.Op;
import dev.ondine.graph.UnaryKind;
import dev.ondine.graph.Value;
import dev.ondine.nn.ParameterRole;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.Map;
import java.util.function.BinaryOperator;
import java.util.stream.IntStream;

/** Functions of each element, of two, sums, and products of matrices. */
final class FunctionImport {
    private FunctionImport() {}

    static void register(Map<String, Operators.Translator> known) {
        known.put("Relu", activation(ActivationKind.RELU));
        known.put("Sigmoid", activation(ActivationKind.SIGMOID));
        known.put("Tanh", activation(ActivationKind.TANH));
        known.put("Softplus", activation(ActivationKind.SOFTPLUS));
        known.put("HardSwish", activation(ActivationKind.HARD_SWISH));
        known.put("Mish", activation(ActivationKind.MISH));
        known.put(
                "LeakyRelu",
                (in, node) -> in.result(activation(in, ActivationKind.LEAKY_RELU, node.number("alpha", 0.01))));
        known.put("Elu", (in, node) -> in.result(activation(in, ActivationKind.ELU, node.number("alpha", 1))));
        known.put("Selu", (in, node) -> {
            Value elu = activation(in, ActivationKind.ELU, node.number("alpha", 1.6732632423543772848));
            in.result(unary(in, UnaryKind.LINEAR, node.number("gamma", 1.0507009873554804934), 0, elu));
        });
        known.put(
                "Gelu",
                (in, node) -> in.result(activation(
                        in,
                        node.text("approximate", "none").equals("tanh")
                                ? ActivationKind.GELU_TANH
                                : ActivationKind.GELU,
                        0)));
        known.put("HardSigmoid", (in, node) -> {
            Value line = unary(in, UnaryKind.LINEAR, node.number("alpha", 0.2), node.number("beta", 0.5), in.value(0));
            in.result(unary(in, UnaryKind.CLIP, 0, 1, line));
        });
        known.put("Softsign", (in, node) -> {
            Value x = in.value(0);
            Value size = unary(in, UnaryKind.LINEAR, 1, 1, unary(in, UnaryKind.ABSOLUTE, 0, 0, x));
            in.result(Broadcasting.binary(in.graph(), BinaryKind.DIVIDE, x, size));
        });
        known.put("Erf", FunctionImport::errorFunction);
        known.put("Clip", FunctionImport::clip);
        known.put("PRelu", FunctionImport::slopes);
        known.put("Sqrt", unary(UnaryKind.SQUARE_ROOT, 0, 0));
        known.put("Exp", unary(UnaryKind.EXPONENTIAL, 0, 0));
        known.put("Log", unary(UnaryKind.LOGARITHM, 0, 0));
        known.put("Abs", unary(UnaryKind.ABSOLUTE, 0, 0));
        known.put("Neg", unary(UnaryKind.LINEAR, -1, 0));
        known.put("Reciprocal", unary(UnaryKind.POWER, -1, 0));
        known.put("Pow", PowerImport::power);
        known.put("Add", (in, node) -> fold(in, node, (a, b) -> Broadcasting.add(in.graph(), a, b)));
        known.put("Sum", (in, node) -> fold(in, node, (a, b) -> Broadcasting.add(in.graph(), a, b)));
        known.put("Mul", (in, node) -> fold(in, node, (a, b) -> Broadcasting.multiply(in.graph(), a, b)));
        known.put("Sub", binary(BinaryKind.SUBTRACT));
        known.put("Div", binary(BinaryKind.DIVIDE));
        known.put("Min", binary(BinaryKind.MINIMUM));
        known.put("Max", binary(BinaryKind.MAXIMUM));
        known.put("ReduceMean", (in, node) -> reduce(in, node, true));
        known.put("ReduceSum", (in, node) -> reduce(in, node, false));
        known.put("Gemm", FunctionImport::gemm);
        known.put("MatMul", FunctionImport::matMul);
    }

    private static Operators.Translator activation(ActivationKind kind) {
        return (in, node) -> in.result(activation(in, kind, 0));
    }

    private static Value activation(GraphImport in, ActivationKind kind, float alpha) {
        return in.add(new Op.Activation(kind, alpha), in.value(0));
    }

    private static Operators.Translator unary(UnaryKind kind, float alpha, float beta) {
        return (in, node) -> in.result(unary(in, kind, alpha, beta, in.value(0)));
    }

    private static Value unary(GraphImport in, UnaryKind kind, float alpha, float beta, Value x) {
        return in.add(new Op.Unary(kind, alpha, beta), x);
    }

    private static Operators.Translator binary(BinaryKind kind) {
        return (in, node) -> fold(in, node, (a, b) -> Broadcasting.binary(in.graph(), kind, a, b));
    }

    /** Any number of operands, two by two. */
    private static void fold(GraphImport in, NodeView node, BinaryOperator<Value> op) {
        Value y = in.value(0);
        for (int i = 1; i < node.inputs().size(); i++) {
            y = op.apply(y, in.aligned(y, in.value(i)));
        }
        in.result(y);
    }

    /** erf(z) = 2·Φ(u) − 1 with u = z·√2, and u·Φ(u) is GELU. What is added to u tells in place of 0 only. */
    private static void errorFunction(GraphImport in, NodeView node) {
        Value u = unary(in, UnaryKind.LINEAR, (float) Math.sqrt(2), 1e-20f, in.value(0));
        Value gelu = in.add(new Op.Activation(ActivationKind.GELU, 0), u);
        Value phi = Broadcasting.binary(in.graph(), BinaryKind.DIVIDE, gelu, u);
        in.result(unary(in, UnaryKind.LINEAR, 2, -1, phi));
    }

    private static void clip(GraphImport in, NodeView node) {
        float least = -Float.MAX_VALUE;
        float most = Float.MAX_VALUE;
        if (in.opset() < 11) {
            least = node.number("min", least);
            most = node.number("max", most);
        } else {
            if (in.has(1)) least = (float) in.constant(1, "lower limit").number(0);
            if (in.has(2)) most = (float) in.constant(2, "upper limit").number(0);
        }
        in.result(
                least == 0 && most == 6
                        ? activation(in, ActivationKind.RELU6, 0)
                        // ONNX lets the upper limit win if they are the wrong way round.
                        : unary(in, UnaryKind.CLIP, Math.min(least, most), most, in.value(0)));
    }

    private static void slopes(GraphImport in, NodeView node) {
        Value x = in.value(0);
        Constant slope = in.known(1);
        long channels = x.shape().rank() > 1 ? x.shape().dim(1) : 0;
        long[] dims = new long[x.shape().rank()];
        Arrays.fill(dims, 1);
        if (dims.length > 1) dims[1] = channels;
        boolean aChannel = slope != null
                && slope.elements() == channels
                && channels > 1
                && slope.rank() <= dims.length
                // Aligned at the last axis.
                && slope.rank() == dims.length - 1
                && slope.dims()[0] == channels;
        if (aChannel || slope != null && Arrays.equals(slope.dims(), dims)) {
            Value learned = in.parameter(slope.with(dims), ParameterRole.WEIGHT);
            in.result(in.add(new Op.PRelu(), x, learned));
            return;
        }
        Value below = unary(in, UnaryKind.CLIP, -Float.MAX_VALUE, 0, x);
        Value scaled = Broadcasting.multiply(in.graph(), below, in.value(1));
        in.result(Broadcasting.add(in.graph(), in.add(new Op.Activation(ActivationKind.RELU, 0), x), scaled));
    }

    private static void reduce(GraphImport in, NodeView node, boolean mean) {
        Value x = in.value(0);
        long[] given = in.list("axes", 1);
        if ((given == null || given.length == 0) && node.flag("noop_with_empty_axes")) {
            in.result(x);
            return;
        }
        int rank = x.shape().rank();
        int[] axes =
                given == null || given.length == 0 ? IntStream.range(0, rank).toArray() : GraphImport.axes(given, rank);
        boolean keep = node.whole("keepdims", 1) != 0;
        in.result(mean ? Broadcasting.mean(in.graph(), x, keep, axes) : Broadcasting.sum(in.graph(), x, keep, axes));
    }

    /** A linear layer where it is one, so that batch normalization can be folded into it. */
    private static void gemm(GraphImport in, NodeView node) {
        float alpha = node.number("alpha", 1);
        float beta = node.number("beta", 1);
        Constant w = in.known(1);
        boolean biased = in.has(2);
        Constant b = in.known(2);
        boolean linear = w != null && w.rank() == 2 && w.isFloat() && !node.flag("transA") && alpha == 1;
        if (linear && (!biased || b != null && beta == 1 && fitsOutputs(b, w.dims()[node.flag("transB") ? 0 : 1]))) {
            Value weight = in.parameter(node.flag("transB") ? w : in.transposed(w), ParameterRole.WEIGHT);
            in.result(
                    biased
                            ? in.add(
                                    new Op.Linear(true),
                                    in.value(0),
                                    weight,
                                    in.parameter(
                                            b.rank() == 1 ? b : b.with(new long[] {b.elements()}), ParameterRole.BIAS))
                            : in.add(new Op.Linear(false), in.value(0), weight));
            return;
        }
        Value y = in.add(new Op.MatMul(node.flag("transA"), node.flag("transB"), alpha), in.value(0), in.value(1));
        if (biased) {
            Value c = in.value(2, ParameterRole.BIAS);
            y = Broadcasting.add(in.graph(), y, beta == 1 ? c : unary(in, UnaryKind.LINEAR, beta, 0, c));
        }
        in.result(y);
    }

    private static boolean fitsOutputs(Constant bias, long outputs) {
        return bias.elements() == outputs
                && bias.rank() > 0
                && bias.dims()[bias.rank() - 1] == outputs
                && bias.rank() <= 2;
    }

    private static void matMul(GraphImport in, NodeView node) {
        Constant w = in.known(1);
        Value a = in.value(0);
        Shape s = a.shape();
        if (w != null && w.rank() == 2 && w.isFloat() && s.rank() >= 2 && s.dim(-1) == w.dims()[0]) {
            Value rows = s.rank() == 2 ? a : in.add(new Op.Reshape(Shape.of(s.elements() / s.dim(-1), s.dim(-1))), a);
            Value y = in.add(new Op.Linear(false), rows, in.parameter(in.transposed(w), ParameterRole.WEIGHT));
            in.result(s.rank() == 2 ? y : in.add(new Op.Reshape(s.with(-1, w.dims()[1])), y));
            return;
        }
        Value b = in.value(1);
        Shape t = b.shape();
        if (s.rank() == 0 || t.rank() == 0) throw new IllegalArgumentException("it multiplies a single number");
        if (s.rank() == 1) a = in.add(new Op.Reshape(Shape.of(1, s.dim(0))), a);
        if (t.rank() == 1) b = in.add(new Op.Reshape(Shape.of(t.dim(0), 1)), b);
        int rank = Math.max(a.shape().rank(), b.shape().rank());
        Value y = in.add(new Op.MatMul(false, false, 1), ranked(in, a, rank), ranked(in, b, rank));
        long[] dims = y.shape().dims();
        if (t.rank() == 1) dims = Arrays.copyOf(dims, dims.length - 1);
        if (s.rank() == 1) {
            int row = dims.length - (t.rank() == 1 ? 1 : 2);
            long[] shorter = new long[dims.length - 1];
            System.arraycopy(dims, 0, shorter, 0, row);
            System.arraycopy(dims, row + 1, shorter, row, shorter.length - row);
            dims = shorter;
        }
        in.result(dims.length == y.shape().rank() ? y : in.add(new Op.Reshape(Shape.of(dims)), y));
    }

    private static Value ranked(GraphImport in, Value x, int rank) {
        Shape s = x.shape();
        while (s.rank() < rank) s = s.prepend(1);
        return s.equals(x.shape()) ? x : in.add(new Op.Reshape(s), x);
    }
}
