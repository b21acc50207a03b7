package dev.ondine.io.onnx;

import dev.ondine.graph.BinaryKind;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.io.onnx.proto.TensorProto;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Translates one operation of a graph into one or more of ONNX's. */
final class OpExport {
    private final GraphExport graph;
    private final ModelBuilder out;
    private final Node node;
    private final Node twin;

    /** @param twin the same node in the graph for another number of samples */
    OpExport(GraphExport graph, ModelBuilder out, Node node, Node twin) {
        this.graph = graph;
        this.out = out;
        this.node = node;
        this.twin = twin;
    }

    /** Adds the nodes and returns the name of the first result. */
    String translate() {
        return switch (node.op()) {
            case Op.Convolution c -> {
                List<Integer> pads = new ArrayList<>(c.paddingBegin());
                pads.addAll(c.paddingEnd());
                yield add(
                        "Conv",
                        operands(),
                        Map.of(
                                "kernel_shape", kernel(node.input(1).shape()),
                                "strides", c.stride(),
                                "pads", pads,
                                "dilations", c.dilation(),
                                "group", c.groups()));
            }
            case Op.TransposedConvolution c -> transposedConvolution(c);
            case Op.Linear _ -> add("Gemm", operands(), Map.of("transB", 1));
            case Op.MatMul m -> {
                String a = m.transposeA() ? matrixTransposed(0) : x(0);
                String b = m.transposeB() ? matrixTransposed(1) : x(1);
                String y = add("MatMul", List.of(a, b), Map.of());
                yield m.scale() == 1 ? y : add("Mul", List.of(y, out.scalar(m.scale())), Map.of());
            }
            case Op.BatchNormalization b -> batchNormalization(b);
            case Op.LayerNormalization l -> {
                Shape s = node.input(0).shape();
                Shape scaled = Shape.of(Arrays.copyOfRange(s.dims(), s.rank() - l.axes(), s.rank()));
                List<String> in = new ArrayList<>(List.of(x(0), l.scale() ? x(1) : constant(1, scaled)));
                if (l.shift()) in.add(x(l.scale() ? 2 : 1));
                yield add("LayerNormalization", in, Map.of("axis", -l.axes(), "epsilon", l.epsilon()));
            }
            case Op.Pooling p -> pooling(p);
            case Op.Resampling r -> resampling(r);
            case Op.AlongAxis a -> alongAxis(a);
            case Op.PRelu _ -> add("PRelu", operands(), Map.of());
            case Op.Activation a -> ActivationExport.of(out, node.path(), a, x(0));
            case Op.Add a -> relu(a.relu(), add("Add", operands(), Map.of()));
            case Op.Multiply _ -> add("Mul", operands(), Map.of());
            case Op.Binary b -> binary(b.kind());
            case Op.Unary u -> unary(u);
            case Op.Expand e -> add("Expand", List.of(x(0), extents(e.shape())), Map.of());
            case Op.Concat c -> add("Concat", operands(), Map.of("axis", c.axis()));
            case Op.Slice s -> {
                if (graph.perBatch(node.input(0), s.axis()) && !node.op().equals(twin.op())) {
                    throw GraphExport.onlyFixed(node.path(), "it takes a part of the batch");
                }
                yield add(
                        "Slice",
                        List.of(x(0), out.longs(s.start()), out.longs(s.start() + s.length()), out.longs(s.axis())),
                        Map.of());
            }
            case Op.Reshape r -> reshape(r);
            case Op.Transpose t -> add("Transpose", List.of(x(0)), Map.of("perm", t.axes()));
            case Op.Fill f -> fill(f);
            case Op.ReduceSum r -> {
                Shape x = node.input(0).shape();
                long[] axes = IntStream.range(0, x.rank())
                        .filter(i -> r.shape().dim(i) != x.dim(i))
                        .asLongStream()
                        .toArray();
                yield axes.length == 0
                        ? add("Identity", List.of(x(0)), Map.of())
                        : add("ReduceSum", List.of(x(0), out.longs(axes)), Map.of("keepdims", 1));
            }
            case Op.Softmax s -> add(s.logarithm() ? "LogSoftmax" : "Softmax", List.of(x(0)), Map.of("axis", s.axis()));
            case Op.Convert c when c.type() == DataType.FLOAT32 -> add("Identity", List.of(x(0)), Map.of());
            default ->
                throw new ModelException(
                        node.path(), "there is nothing in ONNX for " + node.op() + ": it cannot be exported");
        };
    }

    private String add(String type, List<String> inputs, Map<String, Object> attributes) {
        return out.node(type, node.path(), inputs, attributes);
    }

    private String x(int i) {
        return graph.name(node.input(i));
    }

    private List<String> operands() {
        return node.inputs().stream().map(graph::name).toList();
    }

    private String relu(boolean wanted, String y) {
        return wanted ? add("Relu", List.of(y), Map.of()) : y;
    }

    private static List<Long> kernel(Shape weight) {
        return ModelBuilder.list(Arrays.copyOfRange(weight.dims(), 2, weight.rank()));
    }

    private String constant(float value, Shape shape) {
        float[] values = new float[Math.toIntExact(shape.elements())];
        Arrays.fill(values, value);
        return out.floats(values, shape.dims());
    }

    private String transposedConvolution(Op.TransposedConvolution c) {
        int spatial = c.stride().size();
        // Elements added at the end are elements less that are cut off there: ONNX wants the difference.
        List<Integer> pads = new ArrayList<>(c.paddingBegin());
        pads.addAll(c.convolution().paddingEnd());
        List<Integer> added = IntStream.range(0, spatial)
                .mapToObj(i ->
                        Math.max(0, c.outputPadding().get(i) - c.paddingEnd().get(i)))
                .toList();
        return add(
                "ConvTranspose",
                operands(),
                Map.of(
                        "kernel_shape", kernel(node.input(1).shape()),
                        "strides", c.stride(),
                        "pads", pads,
                        "output_padding", added,
                        "dilations", c.dilation(),
                        "group", c.groups()));
    }

    private String matrixTransposed(int operand) {
        int rank = node.input(operand).shape().rank();
        List<Integer> axes = new ArrayList<>(IntStream.range(0, rank).boxed().toList());
        axes.set(rank - 2, rank - 1);
        axes.set(rank - 1, rank - 2);
        return add("Transpose", List.of(x(operand)), Map.of("perm", axes));
    }

    private String batchNormalization(Op.BatchNormalization b) {
        if (b.training()) return relu(b.relu(), ofBatch(b));
        Shape channels = node.input(1).shape();
        String scale = b.scale() ? x(3) : constant(1, channels);
        String shift = b.shift() ? x(b.scale() ? 4 : 3) : constant(0, channels);
        float momentum = graph.momentum(node.input(1));
        Map<String, Object> attributes = Float.isNaN(momentum)
                ? Map.of("epsilon", b.epsilon())
                // ONNX weighs the old value.
                : Map.of("epsilon", b.epsilon(), "momentum", 1 - momentum);
        String y = add("BatchNormalization", List.of(x(0), scale, shift, x(1), x(2)), attributes);
        return relu(b.relu(), y);
    }

    /** Normalized with the statistics of the batch also in evaluation, for which runtimes have no operation: written out. */
    private String ofBatch(Op.BatchNormalization b) {
        int rank = node.input(0).shape().rank();
        List<Long> axes = LongStream.range(0, rank).filter(i -> i != 1).boxed().toList();
        String mean = mean(x(0), axes);
        String centred = add("Sub", List.of(x(0), mean), Map.of());
        String variance = mean(add("Mul", List.of(centred, centred), Map.of()), axes);
        String deviation =
                add("Sqrt", List.of(add("Add", List.of(variance, out.scalar(b.epsilon())), Map.of())), Map.of());
        String y = add("Div", List.of(centred, deviation), Map.of());
        if (b.scale()) y = add("Mul", List.of(y, byChannel(1, rank)), Map.of());
        return b.shift() ? add("Add", List.of(y, byChannel(b.scale() ? 2 : 1, rank)), Map.of()) : y;
    }

    private String mean(String x, List<Long> axes) {
        String[] inputs = {x, out.longs(axes.stream().mapToLong(i -> i).toArray())};
        return add("ReduceMean", List.of(inputs), Map.of("keepdims", 1));
    }

    /** An operand with an element a channel, such that it is broadcast along the other axes of that many. */
    private String byChannel(int operand, int rank) {
        long[] dims = LongStream.generate(() -> 1).limit(rank).toArray();
        dims[1] = -1;
        return add("Reshape", List.of(x(operand), out.longs(dims)), Map.of());
    }

    /** Windows that hang over the end ({@code ceilMode}) get as much more padding: ONNX's own rule for them has changed over time. */
    private String pooling(Op.Pooling p) {
        Shape x = node.input(0).shape();
        Shape y = node.output(0).shape();
        int spatial = p.kernel().size();
        boolean max = p.kind() == Op.PoolingKind.MAX;
        boolean padded = !max && p.kind() == Op.PoolingKind.AVERAGE_INCLUDE_PADDING;
        boolean whole = !max;
        boolean hangs = false;
        List<Long> end = new ArrayList<>();
        for (int i = 0; i < spatial; i++) {
            long reached = (y.dim(2 + i) - 1) * p.stride().get(i) + p.kernel().get(i);
            long needed = reached - x.dim(2 + i) - p.paddingBegin().get(i);
            hangs |= needed > p.paddingEnd().get(i);
            end.add(Math.max(0, needed));
            whole &= p.kernel().get(i) == x.dim(2 + i) && y.dim(2 + i) == 1 && needed <= 0;
        }
        if (whole) return add("GlobalAveragePool", List.of(x(0)), Map.of());
        String in = x(0);
        List<Long> pads = new ArrayList<>(
                p.paddingBegin().stream().map(Integer::longValue).toList());
        if (padded && hangs) {
            // What hangs over is not counted, the padding is: it becomes part of the input.
            long[] all = new long[2 * x.rank()];
            for (int i = 0; i < spatial; i++) {
                all[2 + i] = p.paddingBegin().get(i);
                all[x.rank() + 2 + i] = p.paddingEnd().get(i);
                pads.set(i, 0L);
                end.set(i, Math.max(0, end.get(i) - p.paddingEnd().get(i)));
            }
            in = add("Pad", List.of(in, out.longs(all)), Map.of());
        }
        pads.addAll(end);
        List<Object> kernel = List.copyOf(p.kernel());
        return max
                ? add("MaxPool", List.of(in), Map.of("kernel_shape", kernel, "strides", p.stride(), "pads", pads))
                : add(
                        "AveragePool",
                        List.of(in),
                        Map.of(
                                "kernel_shape",
                                kernel,
                                "strides",
                                p.stride(),
                                "pads",
                                pads,
                                "count_include_pad",
                                padded && !hangs ? 1 : 0));
    }

    private String resampling(Op.Resampling r) {
        long[] axes = LongStream.range(2, node.input(0).shape().rank()).toArray();
        boolean nearest = r.kind() == Op.ResamplingKind.NEAREST;
        return add(
                "Resize",
                List.of(
                        x(0),
                        "",
                        "",
                        out.longs(r.size().stream().mapToLong(n -> n).toArray())),
                Map.of(
                        "axes",
                        ModelBuilder.list(axes),
                        "mode",
                        nearest ? "nearest" : "linear",
                        "coordinate_transformation_mode",
                        nearest ? "asymmetric" : "half_pixel",
                        "nearest_mode",
                        "floor"));
    }

    /** Elements taken over are gathered; zeros around them are padding; anything else is a product with the matrix. */
    private String alongAxis(Op.AlongAxis a) {
        if (graph.perBatch(node.input(0), a.axis())) {
            throw GraphExport.onlyFixed(node.path(), "samples are mixed");
        }
        int rank = node.input(0).shape().rank();
        int[] starts = a.matrix().starts();
        int[] indices = a.matrix().indices();
        int rows = a.matrix().rows();
        if (a.matrix().isSelection()) {
            if (indices.length == rows) {
                String places = out.longs(Arrays.stream(indices).asLongStream().toArray());
                return add("Gather", List.of(x(0), places), Map.of("axis", a.axis()));
            }
            int before = 0;
            while (before < rows && starts[before + 1] == 0) before++;
            boolean whole = Arrays.equals(
                    indices, IntStream.range(0, a.matrix().columns()).toArray());
            if (whole && starts[Math.min(rows, before + indices.length)] == indices.length) {
                long[] pads = new long[2 * rank];
                pads[a.axis()] = before;
                pads[rank + a.axis()] = (long) rows - before - indices.length;
                return add("Pad", List.of(x(0), out.longs(pads)), Map.of());
            }
        }
        // The axis becomes the last one, and goes back to its place.
        List<Integer> order = new ArrayList<>(IntStream.range(0, rank).boxed().toList());
        order.remove(Integer.valueOf(a.axis()));
        order.addLast(a.axis());
        List<Integer> back = IntStream.range(0, rank).mapToObj(order::indexOf).toList();
        boolean last = a.axis() == rank - 1;
        String x = last ? x(0) : add("Transpose", List.of(x(0)), Map.of("perm", order));
        String y = add("MatMul", List.of(x, matrix(a)), Map.of());
        return last ? y : add("Transpose", List.of(y), Map.of("perm", back));
    }

    /** The matrix, transposed. */
    private String matrix(Op.AlongAxis a) {
        int rows = a.matrix().rows();
        int columns = a.matrix().columns();
        int[] starts = a.matrix().starts();
        int[] indices = a.matrix().indices();
        double[] weights = a.matrix().weights();
        float[] dense = new float[Math.multiplyExact(rows, columns)];
        for (int i = 0; i < rows; i++) {
            for (int e = starts[i]; e < starts[i + 1]; e++) {
                dense[indices[e] * rows + i] = (float) weights[e];
            }
        }
        return out.floats(dense, columns, rows);
    }

    /** Extents that depend on the batch are taken over from the input (0), or are what is left (−1). */
    private String reshape(Op.Reshape r) {
        Value x = node.input(0);
        Shape target = r.shape();
        long[] dims = target.dims();
        boolean open = false;
        for (int i = 0; i < dims.length; i++) {
            if (!graph.perBatch(node.output(0), i)) continue;
            boolean kept = i < x.shape().rank()
                    && x.shape().dim(i) == dims[i]
                    && graph.perBatch(x, i)
                    && twin.input(0).shape().dim(i) == twin.output(0).shape().dim(i);
            if (!kept && open) throw GraphExport.onlyFixed(node.path(), "a reshape has two extents that depend on it");
            dims[i] = kept ? 0 : -1;
            open |= !kept;
        }
        return add("Reshape", List.of(x(0), out.longs(dims)), Map.of());
    }

    /** A constant tensor; if it has an element or more for each sample, as many as there are. */
    private String fill(Op.Fill f) {
        Shape shape = f.shape();
        if (graph.isFixed(node.output(0))) {
            long[] ones = LongStream.generate(() -> 1).limit(shape.rank()).toArray();
            String one = out.floats(new float[] {f.value()}, ones);
            return shape.elements() == 1 ? one : add("Expand", List.of(one, extents(shape)), Map.of());
        }
        return add("Expand", List.of(out.scalar(f.value()), extents(shape)), Map.of());
    }

    /** The extents of the result as a tensor; those that depend on the batch are computed. */
    private String extents(Shape shape) {
        Value y = node.output(0);
        if (graph.isFixed(y)) return out.longs(shape.dims());
        List<String> extents = new ArrayList<>();
        for (int i = 0; i < shape.rank(); i++) {
            if (!graph.perBatch(y, i)) {
                extents.add(out.longs(shape.dim(i)));
            } else if (shape.dim(i) % graph.samples() == 0) {
                String times = out.longs(shape.dim(i) / graph.samples());
                extents.add(add("Mul", List.of(graph.batch(node.path()), times), Map.of()));
            } else {
                throw GraphExport.onlyFixed(node.path(), "a constant is no multiple of it");
            }
        }
        return add("Concat", extents, Map.of("axis", 0));
    }

    private String binary(BinaryKind kind) {
        return switch (kind) {
            case SUBTRACT -> add("Sub", operands(), Map.of());
            case DIVIDE -> add("Div", operands(), Map.of());
            case MINIMUM -> add("Min", operands(), Map.of());
            case MAXIMUM -> add("Max", operands(), Map.of());
            case GREATER -> number(add("Greater", operands(), Map.of()));
            case GREATER_OR_EQUAL -> number(add("GreaterOrEqual", operands(), Map.of()));
        };
    }

    /** 1 for true, 0 for false. */
    private String number(String truth) {
        return add("Cast", List.of(truth), Map.of("to", TensorProto.DataType.FLOAT_VALUE));
    }

    private String unary(Op.Unary u) {
        return switch (u.kind()) {
            case ABSOLUTE -> add("Abs", operands(), Map.of());
            case SQUARE_ROOT -> add("Sqrt", operands(), Map.of());
            case EXPONENTIAL -> add("Exp", operands(), Map.of());
            case LOGARITHM -> add("Log", operands(), Map.of());
            case LINEAR -> {
                String y = add("Mul", List.of(x(0), out.scalar(u.alpha())), Map.of());
                yield u.beta() == 0 ? y : add("Add", List.of(y, out.scalar(u.beta())), Map.of());
            }
            case POWER -> add("Pow", List.of(x(0), out.scalar(u.alpha())), Map.of());
            case CLIP -> add("Clip", List.of(x(0), out.scalar(u.alpha()), out.scalar(u.beta())), Map.of());
        };
    }
}
