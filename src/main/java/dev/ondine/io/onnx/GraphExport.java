package dev.ondine.io.onnx;

import dev.ondine.graph.Graph;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.io.onnx.proto.ModelProto;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * Translates a graph, operation by operation, into ONNX. It is given twice, for two numbers of samples: what differs between the two
 * depends on the batch and is written in such a way that it holds for any.
 */
final class GraphExport {
    /** The name of a first axis whose extent is open. */
    private static final String BATCH = "batch";

    private static final String RUNNING_MEAN = ".running_mean";

    private final Graph graph;
    private final Graph other;
    private final Function<String, Tensor> parameters;
    private final Map<String, Float> momenta;
    private final ModelBuilder out = new ModelBuilder();
    private final Map<Value, String> names = new HashMap<>();
    private final Map<Value, Shape> otherShapes = new HashMap<>();

    /**
     * @param other the same graph for another number of samples; the same object if the number is fixed
     * @param parameters gives the tensor of a parameter or buffer by its name
     * @param momenta the weight of the new value in the running averages of a batch normalization by its path
     */
    GraphExport(Graph graph, Graph other, Function<String, Tensor> parameters, Map<String, Float> momenta) {
        this.graph = graph;
        this.other = other;
        this.parameters = parameters;
        this.momenta = momenta;
    }

    ModelProto build(Map<String, String> metadata) {
        if (other.nodes().size() != graph.nodes().size()) {
            throw onlyFixed("", "its operations are others for other batches");
        }
        for (int i = 0; i < graph.inputs().size(); i++) {
            Value v = graph.inputs().get(i);
            out.input(v.name(), v.shape().dims(), batchOf(v, other.inputs().get(i)));
            names.put(v, v.name());
            otherShapes.put(v, other.inputs().get(i).shape());
        }
        for (Value v : stored()) {
            out.initializer(v.name(), parameters.apply(v.name()));
            names.put(v, v.name());
        }
        for (int i = 0; i < graph.nodes().size(); i++) {
            Node node = graph.nodes().get(i);
            Node twin = other.nodes().get(i);
            for (int k = 0; k < node.outputs().size(); k++) {
                otherShapes.put(node.output(k), twin.output(k).shape());
            }
            if (node.op() instanceof Op.FoldedWeights f) fold(node, f);
            else names.put(node.output(0), new OpExport(this, out, node, twin).translate());
        }
        graph.outputs().forEach((name, v) -> {
            out.rename(name(v), name);
            out.output(name, v.shape().dims(), batchOf(v, other.outputs().get(name)));
        });
        return out.build("ondine", metadata);
    }

    /** The name of the extent that differs in the graph for another number of samples; null if none does. */
    private static String batchOf(Value v, Value twin) {
        return v.shape().equals(twin.shape()) ? null : BATCH;
    }

    /** Parameters and buffers that the file holds: not those that are folded into others. */
    private Set<Value> stored() {
        Set<Value> read = new LinkedHashSet<>();
        for (Node node : graph.nodes()) {
            if (node.op() instanceof Op.FoldedWeights) continue;
            for (Value v : node.inputs()) {
                if (v.role() == Value.Role.PARAMETER || v.role() == Value.Role.BUFFER) read.add(v);
            }
        }
        return read;
    }

    /** The name of a value in the file. */
    String name(Value v) {
        String name = names.get(v);
        if (name == null) {
            throw new ModelException(
                    "",
                    "ONNX's operation does not give the result " + v + " that another reads: it cannot be exported");
        }
        return name;
    }

    /** The weight of the new value in the running average that this buffer is; NaN if it is none, or the plain average. */
    float momentum(Value mean) {
        String name = mean.name();
        boolean running = name != null && name.endsWith(RUNNING_MEAN);
        return running
                ? momenta.getOrDefault(name.substring(0, name.length() - RUNNING_MEAN.length()), Float.NaN)
                : Float.NaN;
    }

    /** Whether the extent of an axis depends on the number of samples. */
    boolean perBatch(Value v, int axis) {
        Shape twin = otherShapes.get(v);
        return twin != null && twin.dim(axis) != v.shape().dim(axis);
    }

    /** Whether no extent depends on the number of samples. */
    boolean isFixed(Value v) {
        Shape twin = otherShapes.get(v);
        return twin == null || twin.equals(v.shape());
    }

    /** How many samples this graph is for, and the value that tells it in the file: an INT64 of shape (1). */
    String batch(String path) {
        Value input = graph.inputs().getFirst();
        return out.node("Shape", path, List.of(name(input)), Map.of("start", 0, "end", 1));
    }

    long samples() {
        return graph.inputs().getFirst().shape().dim(0);
    }

    static ModelException onlyFixed(String path, String why) {
        return new ModelException(
                path, "the network works for a given batch only, " + why + ": export it for one (--batch)");
    }

    /** Computes weights and bias with the batch normalization in them, in double precision: see {@link Op.FoldedWeights}. */
    private void fold(Node node, Op.FoldedWeights f) {
        List<float[]> operands = new ArrayList<>();
        for (Value v : node.inputs()) operands.add(parameters.apply(v.name()).toFloatArray());
        float[] weight = operands.get(0);
        int next = 1;
        float[] bias = f.bias() ? operands.get(next++) : null;
        float[] mean = operands.get(next++);
        float[] variance = operands.get(next++);
        float[] scale = f.scale() ? operands.get(next++) : null;
        float[] shift = f.shift() ? operands.get(next) : null;
        int row = weight.length / mean.length;
        float[] newBias = new float[mean.length];
        for (int c = 0; c < mean.length; c++) {
            double factor = (scale == null ? 1 : scale[c]) / Math.sqrt((double) variance[c] + f.epsilon());
            for (int i = c * row; i < (c + 1) * row; i++) weight[i] = (float) (weight[i] * factor);
            newBias[c] = (float) (((bias == null ? 0 : bias[c]) - mean[c]) * factor + (shift == null ? 0 : shift[c]));
        }
        String name = node.input(0).name();
        String biasName = f.bias() ? node.input(1).name() : biasBeside(name);
        names.put(
                node.output(0), out.floats(name, weight, node.output(0).shape().dims()));
        names.put(node.output(1), out.floats(biasName, newBias, mean.length));
    }

    /** {@code conv1.bias} for {@code conv1.weight}. */
    private static String biasBeside(String weight) {
        return (weight.endsWith("weight") ? weight.substring(0, weight.length() - "weight".length()) : weight + ".")
                + "bias";
    }
}
