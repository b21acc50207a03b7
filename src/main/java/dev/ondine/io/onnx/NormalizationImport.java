package dev.ondine.io.onnx;

import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.Broadcasting;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Op;
import dev.ondine.graph.UnaryKind;
import dev.ondine.graph.Value;
import dev.ondine.nn.ParameterRole;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Normalizations, and softmax. */
final class NormalizationImport {
    /** 1 + this is 1, and so is its root: a batch normalization with it scales and shifts only. */
    private static final float NOTHING = Float.MIN_NORMAL;

    private NormalizationImport() {}

    static void register(Map<String, Operators.Translator> known) {
        known.put("BatchNormalization", NormalizationImport::batch);
        known.put("InstanceNormalization", (in, node) -> {
            Shape x = in.shape(0);
            in.result(grouped(in, node, Math.toIntExact(x.dim(1)), in.known(1), in.known(2)));
        });
        known.put("GroupNormalization", NormalizationImport::group);
        known.put("LayerNormalization", NormalizationImport::layer);
        known.put("LRN", NormalizationImport::local);
        known.put("Softmax", (in, node) -> softmax(in, node, false));
        known.put("LogSoftmax", (in, node) -> softmax(in, node, true));
    }

    /** Statistics and parameters get the names that a layer of ours has, whatever theirs: running averages are kept by them. */
    private static void batch(GraphImport in, NodeView node) {
        if (in.opset() < 9 && node.whole("spatial", 1) == 0) {
            throw new IllegalArgumentException("statistics of each pixel (spatial = 0) are not supported");
        }
        Value x = in.value(0);
        Constant scale = in.constant(1, "scale");
        Constant shift = in.constant(2, "shift");
        Constant mean = in.constant(3, "mean");
        Constant variance = in.constant(4, "variance");
        String path = in.unique(path(node, mean, scale));
        Value gamma = in.store().parameter(path + ".weight", scale, ParameterRole.SCALE);
        Value beta = in.store().parameter(path + ".bias", shift, ParameterRole.SHIFT);
        Value mu = in.store().buffer(path + ".running_mean", mean);
        Value sigma = in.store().buffer(path + ".running_var", variance);
        in.store().counter(path);
        float epsilon = node.number("epsilon", 1e-5);
        boolean training = in.store().tracksStatistics();
        if (!training && !node.flag("training_mode")) {
            Op op = new Op.BatchNormalization(epsilon, false, true, true, false);
            in.result(in.add(op, x, mu, sigma, gamma, beta));
            return;
        }
        List<Value> results =
                in.addAll(new Op.BatchNormalization(epsilon, true, true, true, false), List.of(x, gamma, beta));
        if (training) {
            long count = x.shape().elements() / x.shape().dim(1);
            float momentum = momentum(node.number("momentum", 0.9));
            in.graph().statistic(new Graph.Statistic(path, results.get(1), results.get(2), count, momentum));
        }
        in.result(results.getFirst());
    }

    /** ONNX weighs the old value, we the new one. Numbers of up to six decimals come back as they were before they were exported. */
    private static float momentum(float ofOld) {
        return (float) (Math.round((1 - (double) ofOld) * 1e6) * 1e-6);
    }

    /** {@code layer1.0.bn1}, if the file's names are PyTorch's; else the node's name. */
    private static String path(NodeView node, Constant mean, Constant scale) {
        for (var candidate : List.of(Map.entry(mean, ".running_mean"), Map.entry(scale, ".weight"))) {
            String name = candidate.getKey().name();
            if (name.endsWith(candidate.getValue())) {
                return name.substring(0, name.length() - candidate.getValue().length());
            }
        }
        return node.name().isEmpty() ? "batch_norm" : node.name();
    }

    private static void group(GraphImport in, NodeView node) {
        int groups = Math.toIntExact(node.whole("num_groups", 1));
        Shape x = in.shape(0);
        Constant scale = in.constant(1, "scale");
        Constant shift = in.constant(2, "shift");
        if (groups < 1 || x.dim(1) % groups != 0) {
            throw new IllegalArgumentException(groups + " groups do not divide the channels of " + x);
        }
        if (in.opset() < 21) {
            // One number a group, then.
            scale = repeated(scale, x.dim(1) / groups);
            shift = repeated(shift, x.dim(1) / groups);
        }
        in.result(grouped(in, node, groups, scale, shift));
    }

    private static Constant repeated(Constant c, long times) {
        float[] values = c.floats();
        float[] all = new float[Math.toIntExact(values.length * times)];
        for (int i = 0; i < all.length; i++) all[i] = values[(int) (i / times)];
        return new Constant(
                c.name(),
                ElementType.FLOAT,
                new long[] {all.length},
                Constant.of(new long[0], all).raw(),
                false);
    }

    /** Each group of channels of each sample by itself, then a scale and a shift for each channel. */
    private static Value grouped(GraphImport in, NodeView node, int groups, Constant scale, Constant shift) {
        if (scale == null || shift == null) throw new IllegalArgumentException("scale and shift must be constants");
        Value x = in.value(0);
        Shape s = x.shape();
        Shape rows = Shape.of(s.dim(0) * groups, s.elements(1, s.rank()) / groups);
        Value normalized = in.add(
                new Op.LayerNormalization(1, node.number("epsilon", 1e-5), false, false),
                in.add(new Op.Reshape(rows), x));
        Value y = in.add(new Op.Reshape(s), normalized);
        Shape channels = Shape.of(s.dim(1));
        return in.add(
                new Op.BatchNormalization(NOTHING, false, true, true, false),
                y,
                in.add(new Op.Fill(0, channels)),
                in.add(new Op.Fill(1, channels)),
                in.parameter(scale, ParameterRole.SCALE),
                in.parameter(shift, ParameterRole.SHIFT));
    }

    private static void layer(GraphImport in, NodeView node) {
        Value x = in.value(0);
        int rank = x.shape().rank();
        int axes = rank - GraphImport.axis(node.whole("axis", -1), rank);
        List<Value> operands = new ArrayList<>(List.of(x));
        Shape normalized = Shape.of(Arrays.copyOfRange(x.shape().dims(), rank - axes, rank));
        boolean fits =
                in.shape(1).equals(normalized) && (!in.has(2) || in.shape(2).equals(normalized));
        if (fits) {
            operands.add(in.weight(1, ParameterRole.SCALE));
            if (in.has(2)) operands.add(in.weight(2, ParameterRole.SHIFT));
        }
        Op op = new Op.LayerNormalization(axes, node.number("epsilon", 1e-5), fits, fits && in.has(2));
        Value y = in.addAll(op, operands).getFirst();
        if (!fits) {
            y = Broadcasting.multiply(in.graph(), y, in.value(1, ParameterRole.SCALE));
            if (in.has(2)) y = Broadcasting.add(in.graph(), y, in.value(2, ParameterRole.SHIFT));
        }
        in.result(y);
    }

    /** x/(bias + α/size·Σx²)^β, the sum over {@code size} neighbouring channels (Krizhevsky et al. 2012). */
    private static void local(GraphImport in, NodeView node) {
        Value x = in.value(0);
        int channels = Math.toIntExact(x.shape().dim(1));
        int size = Math.toIntExact(node.whole("size", 1));
        if (size < 1) throw new IllegalArgumentException("size must be at least 1, not " + size);
        int[] starts = new int[channels + 1];
        List<Integer> columns = new ArrayList<>();
        for (int c = 0; c < channels; c++) {
            int from = Math.max(0, c - (size - 1) / 2);
            long to = Math.min(channels - 1L, c + (long) Math.ceilDiv(size - 1, 2));
            for (int k = from; k <= to; k++) columns.add(k);
            starts[c + 1] = columns.size();
        }
        double[] ones = new double[columns.size()];
        Arrays.fill(ones, 1);
        int[] indices = columns.stream().mapToInt(i -> i).toArray();
        AxisMatrix window = AxisMatrix.of("neighbours", channels, starts, indices, ones);
        Value squares = in.add(new Op.AlongAxis(1, window), in.add(new Op.Multiply(), x, x));
        float alpha = node.number("alpha", 1e-4) / size;
        Value base = in.add(new Op.Unary(UnaryKind.LINEAR, alpha, node.number("bias", 1)), squares);
        in.result(in.add(
                new Op.Multiply(), x, in.add(new Op.Unary(UnaryKind.POWER, -node.number("beta", 0.75), 0), base)));
    }

    /** Before version 13 over all axes from one on, since then over one. */
    private static void softmax(GraphImport in, NodeView node, boolean logarithm) {
        Value x = in.value(0);
        Shape s = x.shape();
        if (in.opset() >= 13) {
            in.result(in.add(new Op.Softmax(GraphImport.axis(node.whole("axis", -1), s.rank()), logarithm), x));
            return;
        }
        int axis = GraphImport.axis(node.whole("axis", 1), s.rank());
        Value rows = in.add(new Op.Reshape(Shape.of(s.elements(0, axis), s.elements(axis, s.rank()))), x);
        in.result(in.add(new Op.Reshape(s), in.add(new Op.Softmax(1, logarithm), rows)));
    }
}
