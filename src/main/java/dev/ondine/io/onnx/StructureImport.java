package dev.ondine.io.onnx;

import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.Broadcasting;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Operators that move elements without computing. */
final class StructureImport {
    private StructureImport() {}

    static void register(Map<String, Operators.Translator> known) {
        known.put("Constant", (in, node) -> {
            throw new IllegalArgumentException("a constant without a number or tensor of numbers");
        });
        known.put("Identity", (in, node) -> in.pass(0));
        known.put("Cast", (in, node) -> in.wholes().cast(in, node));
        known.put("Dropout", (in, node) -> {
            float p = in.opset() < 12 || !in.has(1)
                    ? node.number("ratio", 0.5)
                    : (float) in.constant(1, "ratio").number(0);
            in.result(in.store().dropout(in.value(0), p));
        });
        known.put(
                "Shape",
                (in, node) -> in.result(ConstantFolding.shape(node, in.shape(0).dims())));
        known.put(
                "Size",
                (in, node) -> in.result(
                        Constant.of(new long[0], new long[] {in.shape(0).elements()})));
        known.put("Flatten", (in, node) -> {
            Shape x = in.shape(0);
            // An axis behind the last is allowed.
            long axis = node.whole("axis", 1);
            int at = axis == x.rank() ? x.rank() : GraphImport.axis(axis, x.rank());
            reshape(in, Shape.of(x.elements(0, at), x.elements(at, x.rank())));
        });
        known.put("Reshape", (in, node) -> {
            long[] dims = in.shape(0).dims();
            reshape(in, Shape.of(reshaped(in.batched(dims, in.list("shape", 1)), dims, node.flag("allowzero"))));
        });
        known.put(
                "Squeeze",
                (in, node) -> reshape(in, Shape.of(squeezed(in.shape(0).dims(), in.list("axes", 1)))));
        known.put(
                "Unsqueeze",
                (in, node) -> reshape(in, Shape.of(unsqueezed(in.shape(0).dims(), in.list("axes", 1)))));
        known.put("Transpose", (in, node) -> {
            int rank = in.shape(0).rank();
            long[] perm = node.wholes("perm");
            List<Integer> axes = perm != null
                    ? GraphImport.ints(perm)
                    : IntStream.range(0, rank).mapToObj(i -> rank - 1 - i).toList();
            in.result(in.add(new Op.Transpose(axes), in.value(0)));
        });
        known.put("Expand", (in, node) -> {
            Shape wanted = Shape.of(in.constant(1, "shape").wholes());
            Value x = in.value(0);
            in.result(Broadcasting.expand(in.graph(), x, Broadcasting.common(x.shape(), wanted)));
        });
        known.put("Concat", (in, node) -> {
            Value[] parts =
                    IntStream.range(0, node.inputs().size()).mapToObj(in::value).toArray(Value[]::new);
            int axis = GraphImport.axis(node.whole("axis", 1), parts[0].shape().rank());
            in.result(parts.length == 1 ? parts[0] : in.add(new Op.Concat(axis), parts));
        });
        known.put("Split", StructureImport::split);
        known.put("Slice", StructureImport::slice);
        known.put("Gather", GatherImport::gather);
        known.put("Pad", StructureImport::pad);
        known.put("DepthToSpace", StructureImport::depthToSpace);
    }

    private static void reshape(GraphImport in, Shape shape) {
        Value x = in.value(0);
        in.result(x.shape().equals(shape) ? x : in.add(new Op.Reshape(shape), x));
    }

    /** The shape that Reshape asks for: 0 keeps an extent, -1 is what is left. */
    static long[] reshaped(long[] target, long[] dims, boolean zeros) {
        if (target == null) throw new IllegalArgumentException("it has no shape");
        long[] shape = target.clone();
        int open = -1;
        long product = 1;
        for (int i = 0; i < shape.length; i++) {
            if (shape[i] == 0 && !zeros) {
                if (i >= dims.length) throw new IllegalArgumentException("there is no axis " + i + " to keep");
                shape[i] = dims[i];
            }
            if (shape[i] == -1 && open < 0) {
                open = i;
            } else if (shape[i] < 0) {
                throw new IllegalArgumentException("it asks for the shape " + Arrays.toString(target));
            } else {
                product = Math.multiplyExact(product, shape[i]);
            }
        }
        long elements = 1;
        for (long d : dims) elements *= d;
        if (open >= 0) shape[open] = product == 0 ? 0 : elements / product;
        long all = 1;
        for (long d : shape) all = Math.multiplyExact(all, d);
        if (all != elements) {
            throw new IllegalArgumentException(
                    "it cannot make " + Arrays.toString(target) + " of " + Arrays.toString(dims));
        }
        return shape;
    }

    static long[] squeezed(long[] dims, long[] axes) {
        boolean[] gone = new boolean[dims.length];
        if (axes == null) {
            for (int i = 0; i < dims.length; i++) gone[i] = dims[i] == 1;
        } else {
            for (int axis : GraphImport.axes(axes, dims.length)) {
                if (dims[axis] != 1) {
                    throw new IllegalArgumentException("axis " + axis + " has " + dims[axis] + " elements, not 1");
                }
                gone[axis] = true;
            }
        }
        return IntStream.range(0, dims.length)
                .filter(i -> !gone[i])
                .mapToLong(i -> dims[i])
                .toArray();
    }

    static long[] unsqueezed(long[] dims, long[] axes) {
        if (axes == null) throw new IllegalArgumentException("it has no axes");
        int rank = dims.length + axes.length;
        int[] added = GraphImport.axes(axes, rank);
        if (added.length != axes.length) throw new IllegalArgumentException("it names an axis twice");
        long[] shape = new long[rank];
        for (int axis : added) shape[axis] = 1;
        int next = 0;
        for (int i = 0; i < rank; i++) if (shape[i] == 0) shape[i] = dims[next++];
        return shape;
    }

    /** An index that may count from the end. */
    static long index(long i, long extent) {
        long index = i < 0 ? i + extent : i;
        if (index < 0 || index >= extent) {
            throw new IllegalArgumentException("index " + i + " lies outside of " + extent + " elements");
        }
        return index;
    }

    /** Elements of an axis: {@code count} from {@code start} on, so far apart. */
    record Range(long start, long count, long step) {
        long[] indices() {
            long[] indices = new long[ConstantFolding.count(new long[] {count})];
            for (int i = 0; i < indices.length; i++) indices[i] = start + i * step;
            return indices;
        }
    }

    /** What Slice takes of each axis; null where it takes all. */
    static Range[] ranges(GraphImport in, NodeView node, long[] dims) {
        long[] starts = in.list("starts", 1);
        long[] ends = in.list("ends", 2);
        long[] axes = in.list("axes", 3);
        long[] steps = in.list("steps", 4);
        if (starts == null || ends == null || starts.length != ends.length) {
            throw new IllegalArgumentException("its starts and ends do not fit each other");
        }
        if (axes != null && axes.length != starts.length || steps != null && steps.length != starts.length) {
            throw new IllegalArgumentException("its axes or steps do not fit its starts");
        }
        Range[] ranges = new Range[dims.length];
        for (int i = 0; i < starts.length; i++) {
            int axis = GraphImport.axis(axes == null ? i : axes[i], dims.length);
            long n = dims[axis];
            long step = steps == null ? 1 : steps[i];
            if (step == 0) throw new IllegalArgumentException("its step is 0");
            long start = Math.clamp(starts[i] < 0 ? starts[i] + n : starts[i], 0, step > 0 ? n : n - 1);
            long end = ends[i] < 0 ? Math.max(ends[i] + n, -1) : ends[i];
            end = step > 0 ? Math.clamp(end, 0, n) : Math.clamp(end, -1, n - 1);
            long count = Math.max(0, Math.ceilDiv(end - start, step));
            if (start != 0 || count != n || step != 1) ranges[axis] = new Range(start, count, step);
        }
        return ranges;
    }

    private static void slice(GraphImport in, NodeView node) {
        Value x = in.value(0);
        Range[] ranges = ranges(in, node, x.shape().dims());
        for (int axis = 0; axis < ranges.length; axis++) {
            Range r = ranges[axis];
            if (r == null) continue;
            if (r.count == 0) throw new IllegalArgumentException("nothing is left of axis " + axis);
            x = r.step == 1 ? in.add(new Op.Slice(axis, r.start, r.count), x) : select(in, x, axis, r.indices());
        }
        in.result(x);
    }

    /** The elements of an axis at these indices, in this order. */
    static Value select(GraphImport in, Value x, int axis, long[] indices) {
        int columns = Math.toIntExact(x.shape().dim(axis));
        double[] ones = new double[indices.length];
        Arrays.fill(ones, 1);
        AxisMatrix matrix = AxisMatrix.of(
                "selected",
                columns,
                IntStream.rangeClosed(0, indices.length).toArray(),
                Arrays.stream(indices).mapToInt(i -> (int) index(i, columns)).toArray(),
                ones);
        return in.add(new Op.AlongAxis(axis, matrix), x);
    }

    private static void split(GraphImport in, NodeView node) {
        Value x = in.value(0);
        int axis = GraphImport.axis(node.whole("axis", 0), x.shape().rank());
        long extent = x.shape().dim(axis);
        int parts = node.outputs().size();
        long[] sizes = in.list("split", 1);
        if (sizes == null) {
            long each = Math.ceilDiv(extent, parts);
            sizes = new long[parts];
            for (int i = 0; i < parts; i++) sizes[i] = Math.min(each, extent - i * each);
        }
        if (sizes.length != parts || Arrays.stream(sizes).sum() != extent) {
            throw new IllegalArgumentException("it splits " + extent + " elements into " + Arrays.toString(sizes));
        }
        long start = 0;
        for (int i = 0; i < parts; start += sizes[i++]) {
            in.result(i, sizes[i] == extent ? x : in.add(new Op.Slice(axis, start, sizes[i]), x));
        }
    }

    private static void pad(GraphImport in, NodeView node) {
        Value x = in.value(0);
        int rank = x.shape().rank();
        long[] pads = in.list("pads", 1);
        float fill = in.has(2) ? (float) in.constant(2, "value").number(0) : node.number("value", 0);
        long[] axes = in.has(3) ? in.constant(3, "axes").wholes() : null;
        int count = axes == null ? rank : axes.length;
        if (pads == null || pads.length != 2 * count) {
            throw new IllegalArgumentException("its pads do not fit " + count + " axes");
        }
        String mode = node.text("mode", "constant");
        for (int i = 0; i < count; i++) {
            int axis = axes == null ? i : GraphImport.axis(axes[i], rank);
            x = pad(in, x, axis, pads[i], pads[count + i], mode, fill);
        }
        in.result(x);
    }

    /** Padding of one axis; negative numbers cut off. */
    private static Value pad(GraphImport in, Value x, int axis, long begin, long end, String mode, float fill) {
        if (begin < 0 || end < 0) {
            long from = Math.max(0, -begin);
            long left = x.shape().dim(axis) - from - Math.max(0, -end);
            Value inner = in.add(new Op.Slice(axis, from, left), x);
            return pad(in, inner, axis, Math.max(0, begin), Math.max(0, end), mode, fill);
        }
        if (begin == 0 && end == 0) return x;
        ConstantFolding.count(new long[] {begin + end});
        AxisMatrix.Padding kind = switch (mode) {
            case "reflect" -> AxisMatrix.Padding.REFLECT;
            case "edge" -> AxisMatrix.Padding.REPLICATE;
            case "constant" -> AxisMatrix.Padding.ZERO;
            default -> throw new IllegalArgumentException("the mode " + Quoted.of(mode) + " is not supported");
        };
        if (kind != AxisMatrix.Padding.ZERO || fill == 0) {
            return in.add(
                    new Op.AlongAxis(axis, AxisMatrix.padded(kind, x.shape().dim(axis), begin, end)), x);
        }
        List<Value> parts = new ArrayList<>();
        if (begin > 0) parts.add(in.add(new Op.Fill(fill, x.shape().with(axis, begin))));
        parts.add(x);
        if (end > 0) parts.add(in.add(new Op.Fill(fill, x.shape().with(axis, end))));
        return in.add(new Op.Concat(axis), parts.toArray(Value[]::new));
    }

    private static void depthToSpace(GraphImport in, NodeView node) {
        Value x = in.value(0);
        Shape s = x.shape();
        long b = node.whole("blocksize", 0);
        if (s.rank() != 4 || b < 1 || s.dim(1) % Math.multiplyExact(b, b) != 0) {
            throw new IllegalArgumentException("blocks of " + b + " do not fit " + s);
        }
        long c = s.dim(1) / (b * b);
        boolean columns = node.text("mode", "DCR").equals("CRD");
        Shape split = columns
                ? Shape.of(s.dim(0), c, b, b, s.dim(2), s.dim(3))
                : Shape.of(s.dim(0), b, b, c, s.dim(2), s.dim(3));
        List<Integer> order = columns ? List.of(0, 1, 4, 2, 5, 3) : List.of(0, 3, 4, 1, 5, 2);
        Value y = in.add(new Op.Transpose(order), in.add(new Op.Reshape(split), x));
        in.result(in.add(new Op.Reshape(Shape.of(s.dim(0), c, s.dim(2) * b, s.dim(3) * b)), y));
    }
}
