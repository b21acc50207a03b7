package dev.ondine.io.onnx;

import dev.ondine.graph.ModelException;
import dev.ondine.graph.Op;
import java.util.List;
import java.util.Map;

/** Activation functions in ONNX's operations; those that {@link OnnxExport#OPSET} has no operation for are written out. */
final class ActivationExport {
    private final ModelBuilder out;
    private final String path;

    private ActivationExport(ModelBuilder out, String path) {
        this.out = out;
        this.path = path;
    }

    /** Adds the nodes and returns the name of the result. */
    static String of(ModelBuilder out, String path, Op.Activation a, String x) {
        return new ActivationExport(out, path).translate(a, x);
    }

    private String translate(Op.Activation a, String x) {
        return switch (a.kind()) {
            case RELU -> add("Relu", x);
            case LEAKY_RELU -> out.node("LeakyRelu", path, List.of(x), Map.of("alpha", a.alpha()));
            case ELU -> out.node("Elu", path, List.of(x), Map.of("alpha", a.alpha()));
            case RELU6 -> add("Clip", x, out.scalar(0), out.scalar(6));
            case SIGMOID -> add("Sigmoid", x);
            case TANH -> add("Tanh", x);
            case GELU -> {
                String part = add("Erf", add("Mul", x, out.scalar((float) Math.sqrt(0.5))));
                yield halfOf(x, part);
            }
            case GELU_TANH -> {
                String cube = add("Mul", add("Mul", x, x), x);
                String inner = add("Add", x, add("Mul", cube, out.scalar(0.044715f)));
                yield halfOf(x, add("Tanh", add("Mul", inner, out.scalar((float) Math.sqrt(2 / Math.PI)))));
            }
            case SILU -> add("Mul", x, add("Sigmoid", x));
            case SOFTPLUS -> add("Softplus", x);
            case HARD_SWISH -> add("HardSwish", x);
            case HARD_SIGMOID -> out.node("HardSigmoid", path, List.of(x), Map.of("alpha", 1 / 6f, "beta", 0.5f));
            case MISH -> add("Mish", x);
            default ->
                throw new ModelException(path, "there is nothing in ONNX for " + a.kind() + ": it cannot be exported");
        };
    }

    /** x/2·(1 + part). */
    private String halfOf(String x, String part) {
        return add("Mul", add("Mul", x, out.scalar(0.5f)), add("Add", part, out.scalar(1)));
    }

    private String add(String type, String... inputs) {
        return out.node(type, path, List.of(inputs), Map.of());
    }
}
