package dev.ondine.io.onnx;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.ParameterRole;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** Convolutions and pooling: operators with windows over one to three spatial axes. */
final class WindowImport {
    private WindowImport() {}

    static void register(Map<String, Operators.Translator> known) {
        known.put("Conv", WindowImport::convolution);
        known.put("ConvTranspose", WindowImport::transposedConvolution);
        known.put("MaxPool", (in, node) -> pool(in, node, Op.PoolingKind.MAX));
        known.put(
                "AveragePool",
                (in, node) -> pool(
                        in,
                        node,
                        node.flag("count_include_pad")
                                ? Op.PoolingKind.AVERAGE_INCLUDE_PADDING
                                : Op.PoolingKind.AVERAGE_EXCLUDE_PADDING));
        known.put("GlobalAveragePool", (in, node) -> global(in, Op.PoolingKind.AVERAGE_EXCLUDE_PADDING));
        known.put("GlobalMaxPool", (in, node) -> global(in, Op.PoolingKind.MAX));
    }

    /** Padding in front and behind, an entry an axis. */
    private record Padding(List<Integer> begin, List<Integer> end) {}

    private static void convolution(GraphImport in, NodeView node) {
        Shape x = in.shape(0);
        Shape w = in.shape(1);
        int spatial = spatial(x);
        List<Integer> stride = each(node, "strides", spatial, 1);
        List<Integer> dilation = each(node, "dilations", spatial, 1);
        Padding padding = padding(node, x, kernel(w), stride, dilation);
        Op op = new Op.Convolution(
                stride, padding.begin, padding.end, dilation, Math.toIntExact(node.whole("group", 1)), in.has(2));
        in.result(in.addAll(op, operands(in)).getFirst());
    }

    private static List<Value> operands(GraphImport in) {
        List<Value> operands = new ArrayList<>(List.of(in.value(0), in.weight(1, ParameterRole.WEIGHT)));
        if (in.has(2)) operands.add(in.weight(2, ParameterRole.BIAS));
        return operands;
    }

    private static void transposedConvolution(GraphImport in, NodeView node) {
        Shape x = in.shape(0);
        Shape w = in.shape(1);
        int spatial = spatial(x);
        List<Integer> stride = each(node, "strides", spatial, 1);
        List<Integer> dilation = each(node, "dilations", spatial, 1);
        List<Integer> added = each(node, "output_padding", spatial, 0);
        String auto = node.text("auto_pad", "NOTSET");
        long[] wanted = node.wholes("output_shape");
        Padding padding;
        if (wanted != null || auto.startsWith("SAME")) {
            List<Integer> begin = new ArrayList<>();
            List<Integer> end = new ArrayList<>();
            for (int i = 0; i < spatial; i++) {
                long whole =
                        stride.get(i) * (x.dim(2 + i) - 1) + added.get(i) + (w.dim(2 + i) - 1) * dilation.get(i) + 1;
                // Some files give the batch and the channels, too.
                long out = wanted == null ? x.dim(2 + i) * stride.get(i) : wanted[wanted.length - spatial + i];
                int cut = Math.toIntExact(whole - out);
                if (cut < 0) throw new IllegalArgumentException("its output_shape is larger than what it computes");
                int less = cut / 2;
                boolean upper = auto.equals("SAME_UPPER");
                begin.add(upper ? less : cut - less);
                end.add(upper ? cut - less : less);
            }
            padding = new Padding(begin, end);
        } else {
            padding = padding(node, x, kernel(w), stride, dilation);
        }
        Op op = new Op.TransposedConvolution(
                stride,
                padding.begin,
                padding.end,
                added,
                dilation,
                Math.toIntExact(node.whole("group", 1)),
                in.has(2));
        in.result(in.addAll(op, operands(in)).getFirst());
    }

    private static void pool(GraphImport in, NodeView node, Op.PoolingKind kind) {
        Shape x = in.shape(0);
        int spatial = spatial(x);
        List<Integer> kernel = each(node, "kernel_shape", spatial, 0);
        List<Integer> stride = each(node, "strides", spatial, 1);
        List<Integer> dilation = each(node, "dilations", spatial, 1);
        Padding padding = padding(node, x, kernel, stride, dilation);
        boolean ceil = node.flag("ceil_mode");
        if (dilation.stream().anyMatch(d -> d != 1)) {
            DilatedPooling pooling = new DilatedPooling(in, kind);
            Value y = in.value(0);
            for (int i = 0; i < spatial; i++) {
                y = pooling.apply(
                        y,
                        2 + i,
                        kernel.get(i),
                        stride.get(i),
                        dilation.get(i),
                        padding.begin.get(i),
                        padding.end.get(i),
                        ceil);
            }
            in.result(y);
            return;
        }
        Op op = new Op.Pooling(kind, kernel, stride, padding.begin, padding.end, ceil);
        in.result(in.add(op, in.value(0)));
    }

    private static void global(GraphImport in, Op.PoolingKind kind) {
        Shape x = in.shape(0);
        int spatial = spatial(x);
        List<Integer> kernel = GraphImport.ints(Arrays.copyOfRange(x.dims(), 2, x.rank()));
        List<Integer> none = Collections.nCopies(spatial, 0);
        in.result(
                in.add(new Op.Pooling(kind, kernel, Collections.nCopies(spatial, 1), none, none, false), in.value(0)));
    }

    private static int spatial(Shape x) {
        if (x.rank() < 3 || x.rank() > 5) {
            throw new IllegalArgumentException("it takes (batch, channels, 1 to 3 spatial axes), not " + x);
        }
        return x.rank() - 2;
    }

    private static List<Integer> kernel(Shape weight) {
        return GraphImport.ints(Arrays.copyOfRange(weight.dims(), 2, weight.rank()));
    }

    private static List<Integer> each(NodeView node, String name, int spatial, int missing) {
        long[] values = node.wholes(name);
        if (values == null) return Collections.nCopies(spatial, missing);
        if (values.length != spatial) {
            throw new IllegalArgumentException(name + " has " + values.length + " entries for " + spatial + " axes");
        }
        return GraphImport.ints(values);
    }

    private static Padding padding(
            NodeView node, Shape x, List<Integer> kernel, List<Integer> stride, List<Integer> dilation) {
        int spatial = stride.size();
        String auto = node.text("auto_pad", "NOTSET");
        List<Integer> none = Collections.nCopies(spatial, 0);
        return switch (auto) {
            case "VALID" -> new Padding(none, none);
            case "SAME_UPPER", "SAME_LOWER" -> same(x, kernel, stride, dilation, auto.equals("SAME_UPPER"));
            case "NOTSET", "" -> explicit(node.wholes("pads"), none);
            default -> throw new IllegalArgumentException("auto_pad is " + Quoted.of(auto));
        };
    }

    /** So much that there is a window for each stride of the input; an odd element lies behind if {@code upper}, else before. */
    private static Padding same(
            Shape x, List<Integer> kernel, List<Integer> stride, List<Integer> dilation, boolean upper) {
        List<Integer> begin = new ArrayList<>();
        List<Integer> end = new ArrayList<>();
        for (int i = 0; i < stride.size(); i++) {
            long size = x.dim(2 + i);
            if (stride.get(i) < 1) throw new IllegalArgumentException("strides must be at least 1");
            long out = Math.ceilDiv(size, stride.get(i));
            long window = (kernel.get(i) - 1L) * dilation.get(i) + 1;
            int all = Math.toIntExact(Math.max(0, (out - 1) * stride.get(i) + window - size));
            begin.add(upper ? all / 2 : all - all / 2);
            end.add(upper ? all - all / 2 : all / 2);
        }
        return new Padding(begin, end);
    }

    private static Padding explicit(long[] pads, List<Integer> none) {
        if (pads == null) return new Padding(none, none);
        int spatial = none.size();
        if (pads.length != 2 * spatial) {
            throw new IllegalArgumentException("pads has " + pads.length + " entries for " + spatial + " axes");
        }
        return new Padding(
                GraphImport.ints(Arrays.copyOf(pads, spatial)),
                GraphImport.ints(Arrays.copyOfRange(pads, spatial, 2 * spatial)));
    }
}
