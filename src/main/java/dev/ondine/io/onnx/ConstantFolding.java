package dev.ondine.io.onnx;

import dev.ondine.io.onnx.proto.AttributeProto;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleBinaryOperator;
import java.util.function.LongBinaryOperator;
import java.util.stream.LongStream;

/**
 * Computes what shapes and constants decide: mostly the arithmetic by which exporters make shapes. Larger tensors of weights are left to
 * the graph, whose plans compute them once.
 */
final class ConstantFolding {
    /** The most elements of a tensor that is computed here; bounds what a small file can ask for. */
    static final long MOST = 1 << 20;

    /** Operators that are read for known operands only. */
    static final Map<String, Operators.Translator> ONLY_CONSTANT = Map.ofEntries(
            Map.entry("ConstantOfShape", ConstantFolding::refuse),
            Map.entry("Range", ConstantFolding::refuse),
            Map.entry("Equal", ConstantFolding::refuse),
            Map.entry("Less", ConstantFolding::refuse),
            Map.entry("And", ConstantFolding::refuse),
            Map.entry("Or", ConstantFolding::refuse),
            Map.entry("Not", ConstantFolding::refuse),
            Map.entry("Mod", ConstantFolding::refuse),
            Map.entry("Floor", ConstantFolding::refuse),
            Map.entry("Ceil", ConstantFolding::refuse),
            Map.entry("Where", ConstantFolding::refuse),
            Map.entry("ReduceProd", ConstantFolding::refuse));

    private static final List<String> ORDINALS = List.of("first", "second", "third", "further");

    private ConstantFolding() {}

    private static void refuse(GraphImport in, NodeView node) {
        throw new IllegalArgumentException("it depends on the data, which is supported for constants and shapes only");
    }

    /** Computes the result of a node whose operands are all known, if that is to be done here. */
    static boolean fold(GraphImport in, NodeView node) throws IOException {
        Constant a = in.has(0) ? in.known(0) : null;
        if (node.type().equals("Transpose") && a != null && a.rank() == 2 && exchanges(node.wholes("perm"))) {
            // Of any size: the weight of a linear layer, seen in another way.
            in.result(in.transposed(a));
            return true;
        }
        for (int i = 0; i < node.inputs().size(); i++) {
            if (in.has(i) && in.known(i).elements() > MOST) return false;
        }
        for (int i = 0; i < operands(node); i++) in.constant(i, ORDINALS.get(Math.min(i, 3)) + " operand");
        Constant result = switch (node.type()) {
            case "Constant" -> constant(in, node);
            case "Identity" -> a;
            case "Shape" -> shape(node, a.dims());
            case "Size" -> Constant.of(new long[0], new long[] {a.elements()});
            case "ConstantOfShape" -> filled(in, node, a);
            case "Cast" -> cast(a, (int) node.whole("to", 1));
            case "Range" -> range(a, in.constant(1, "limit"), in.constant(2, "delta"));
            case "Unsqueeze" -> a.with(StructureImport.unsqueezed(a.dims(), in.list("axes", 1)));
            case "Squeeze" -> a.with(StructureImport.squeezed(a.dims(), in.list("axes", 1)));
            case "Reshape" -> {
                long[] target = in.list("shape", 1);
                yield a.with(StructureImport.reshaped(target, a.dims(), node.flag("allowzero")));
            }
            case "Gather" -> gather(a, in.constant(1, "indices"), node.whole("axis", 0));
            case "Concat" -> concat(in, node);
            case "Slice" -> slice(in, node, a);
            case "Expand" -> expand(a, in.constant(1, "shape").wholes());
            case "Transpose" -> transpose(a, node.wholes("perm"));
            case "Add" -> binary(a, in.known(1), Long::sum, Double::sum);
            case "Sub" -> binary(a, in.known(1), (x, y) -> x - y, (x, y) -> x - y);
            case "Mul" -> binary(a, in.known(1), (x, y) -> x * y, (x, y) -> x * y);
            case "Div" -> binary(a, in.known(1), ConstantFolding::divide, (x, y) -> x / y);
            case "Mod" -> binary(a, in.known(1), Math::floorMod, (x, y) -> x % y);
            case "Pow" -> binary(a, in.known(1), (x, y) -> (long) Math.pow(x, y), Math::pow);
            case "Min" -> node.inputs().size() == 2 ? binary(a, in.known(1), Math::min, Math::min) : null;
            case "Max" -> node.inputs().size() == 2 ? binary(a, in.known(1), Math::max, Math::max) : null;
            case "Equal" -> truth(binary(a, in.known(1), (x, y) -> x == y ? 1 : 0, (x, y) -> x == y ? 1 : 0));
            case "Greater" -> truth(binary(a, in.known(1), (x, y) -> x > y ? 1 : 0, (x, y) -> x > y ? 1 : 0));
            case "Less" -> truth(binary(a, in.known(1), (x, y) -> x < y ? 1 : 0, (x, y) -> x < y ? 1 : 0));
            case "And" -> truth(binary(a, in.known(1), (x, y) -> x & y, (x, y) -> x * y));
            case "Or" -> truth(binary(a, in.known(1), (x, y) -> x | y, Math::max));
            case "Not" -> truth(binary(a, Constant.of(new long[0], new long[] {1}), (x, y) -> 1 - x, (x, y) -> 1 - x));
            case "Neg" -> binary(a, Constant.of(new long[0], new long[] {0}), (x, y) -> -x, (x, y) -> -x);
            case "Floor" -> binary(a, a, (x, y) -> x, (x, y) -> Math.floor(x));
            case "Ceil" -> binary(a, a, (x, y) -> x, (x, y) -> Math.ceil(x));
            case "Sqrt" -> binary(a, a, (x, y) -> (long) Math.sqrt((double) x), (x, y) -> Math.sqrt(x));
            case "Where" -> where(a, in.known(1), in.known(2));
            case "ReduceProd" -> product(a);
            default -> null;
        };
        if (result == null) return false;
        in.result(result);
        return true;
    }

    /** How many operands a node must have so that it can be computed here. */
    private static int operands(NodeView node) {
        return switch (node.type()) {
            case "Identity", "Shape", "Size", "ConstantOfShape", "Cast", "Range", "Unsqueeze", "Squeeze", "Reshape" ->
                1;
            case "Gather", "Slice", "Expand", "Transpose", "Not", "Neg", "Floor", "Ceil", "Sqrt", "ReduceProd" -> 1;
            case "Add", "Sub", "Mul", "Div", "Mod", "Pow", "Equal", "Greater", "Less", "And", "Or" -> 2;
            case "Where" -> 3;
            case "Min", "Max", "Concat" -> Math.max(1, node.inputs().size());
            default -> 0;
        };
    }

    private static boolean exchanges(long[] perm) {
        return perm == null || Arrays.equals(perm, new long[] {1, 0});
    }

    private static long divide(long x, long y) {
        if (y == 0) throw new IllegalArgumentException("a shape is divided by zero");
        return x / y;
    }

    static Constant shape(NodeView node, long[] dims) {
        int start = clamp(node.whole("start", 0), dims.length);
        int end = clamp(node.whole("end", dims.length), dims.length);
        return Constant.of(Arrays.copyOfRange(dims, start, Math.max(start, end)));
    }

    private static int clamp(long i, int rank) {
        return Math.clamp(i < 0 ? i + rank : i, 0, rank);
    }

    private static Constant constant(GraphImport in, NodeView node) throws IOException {
        AttributeProto value = node.attribute("value");
        if (value != null) {
            Constant c = in.tensors().read(value.getT());
            return new Constant("", c.type(), c.dims(), c.raw(), false);
        }
        if (node.has("value_int")) return Constant.of(new long[0], new long[] {node.whole("value_int", 0)});
        if (node.has("value_ints")) return Constant.of(node.wholes("value_ints"));
        if (node.has("value_float")) return Constant.of(new long[0], new float[] {node.number("value_float", 0)});
        if (node.has("value_floats")) {
            float[] values = node.numbers("value_floats");
            return Constant.of(new long[] {values.length}, values);
        }
        throw new IllegalArgumentException("a constant without a number or tensor of numbers");
    }

    private static Constant filled(GraphImport in, NodeView node, Constant shape) throws IOException {
        long[] dims = shape.wholes();
        int n = count(dims);
        Constant value = node.has("value")
                ? in.tensors().read(node.attribute("value").getT())
                : Constant.of(new long[0], new float[1]);
        if (value.elements() != 1) throw new IllegalArgumentException("its value is no single number");
        if (value.isFloat()) {
            float[] all = new float[n];
            Arrays.fill(all, (float) value.number(0));
            return Constant.of(dims, all);
        }
        long[] all = new long[n];
        Arrays.fill(all, value.whole(0));
        return Constant.of(dims, all);
    }

    /** How many elements a shape has, of those that are computed here. */
    static int count(long[] dims) {
        long n = 1;
        for (long d : dims) {
            if (d < 0)
                throw new IllegalArgumentException("the shape " + Arrays.toString(dims) + " has a negative extent");
            n = d == 0 ? 0 : Math.multiplyExact(n, d);
        }
        if (n > MOST) {
            throw new IllegalArgumentException(
                    "a constant of shape " + Arrays.toString(dims) + " would have more than " + MOST + " elements");
        }
        return (int) n;
    }

    private static Constant cast(Constant a, int to) {
        ElementType type = ElementType.numbered(to)
                .filter(t -> t.isFloat() || t.isWhole())
                .orElseThrow(() -> new IllegalArgumentException("it casts to type number " + to));
        if (type == a.type()) return a;
        if (type.isFloat()) return Constant.of(a.dims(), a.floats());
        if (type == ElementType.BOOL) {
            boolean[] truth = new boolean[Math.toIntExact(a.elements())];
            for (int i = 0; i < truth.length; i++) truth[i] = a.number(i) != 0;
            return Constant.of(a.dims(), truth);
        }
        return Constant.of(a.dims(), a.wholes());
    }

    private static Constant range(Constant start, Constant limit, Constant delta) {
        double n = Math.ceil((limit.number(0) - start.number(0)) / delta.number(0));
        if (!(n <= MOST)) throw new IllegalArgumentException("a range of " + n + " elements is too long");
        int count = (int) Math.max(0, n);
        if (start.isFloat()) {
            float[] values = new float[count];
            for (int i = 0; i < count; i++) values[i] = (float) (start.number(0) + i * delta.number(0));
            return Constant.of(new long[] {count}, values);
        }
        return Constant.of(LongStream.range(0, count)
                .map(i -> start.whole(0) + i * delta.whole(0))
                .toArray());
    }

    /** The elements of {@code a} at these places. */
    private static Constant take(Constant a, long[] dims, long[] places) {
        if (a.isFloat()) {
            float[] values = new float[places.length];
            for (int i = 0; i < values.length; i++) values[i] = (float) a.number(places[i]);
            return Constant.of(dims, values);
        }
        long[] values = new long[places.length];
        for (int i = 0; i < values.length; i++) values[i] = a.whole(places[i]);
        Constant wholes = Constant.of(dims, values);
        return a.type() == ElementType.BOOL ? truth(wholes) : wholes;
    }

    private static Constant truth(Constant wholes) {
        return cast(wholes, ElementType.BOOL.number());
    }

    private static Constant gather(Constant a, Constant indices, long axis) {
        int at = GraphImport.axis(axis, a.rank());
        List<Long> dims = new ArrayList<>();
        for (int i = 0; i < at; i++) dims.add(a.dims()[i]);
        for (long d : indices.dims()) dims.add(d);
        for (int i = at + 1; i < a.rank(); i++) dims.add(a.dims()[i]);
        long[] shape = dims.stream().mapToLong(d -> d).toArray();
        int inner = count(Arrays.copyOfRange(a.dims(), at + 1, a.rank()));
        int outer = count(Arrays.copyOf(a.dims(), at));
        long[] index = indices.wholes();
        long[] places = new long[count(shape)];
        int p = 0;
        for (int o = 0; o < outer; o++) {
            for (long i : index) {
                long row = StructureImport.index(i, a.dims()[at]);
                for (int k = 0; k < inner; k++) places[p++] = (o * a.dims()[at] + row) * inner + k;
            }
        }
        return take(a, shape, places);
    }

    private static Constant concat(GraphImport in, NodeView node) {
        Constant first = in.known(0);
        if (first.rank() != 1) return null;
        long n = 0;
        for (int i = 0; i < node.inputs().size(); i++) n += in.known(i).elements();
        count(new long[] {n});
        float[] floats = new float[(int) n];
        long[] wholes = new long[(int) n];
        int p = 0;
        for (int i = 0; i < node.inputs().size(); i++) {
            Constant c = in.known(i);
            for (int k = 0; k < c.elements(); k++, p++) {
                floats[p] = (float) c.number(k);
                wholes[p] = c.whole(k);
            }
        }
        return first.isFloat() ? Constant.of(new long[] {n}, floats) : Constant.of(wholes);
    }

    private static Constant slice(GraphImport in, NodeView node, Constant a) {
        StructureImport.Range[] ranges = StructureImport.ranges(in, node, a.dims());
        Constant c = a;
        for (int axis = 0; axis < ranges.length; axis++) {
            if (ranges[axis] != null) c = gather(c, Constant.of(ranges[axis].indices()), axis);
        }
        return c;
    }

    private static Constant expand(Constant a, long[] shape) {
        long[] dims = broadcast(a.dims(), shape);
        long[] places = new long[count(dims)];
        for (int i = 0; i < places.length; i++) places[i] = place(i, dims, a.dims());
        return take(a, dims, places);
    }

    private static Constant transpose(Constant a, long[] perm) {
        int rank = a.rank();
        int[] order = new int[rank];
        for (int i = 0; i < rank; i++) order[i] = perm == null ? rank - 1 - i : GraphImport.axis(perm[i], rank);
        long[] dims = new long[rank];
        for (int i = 0; i < rank; i++) dims[i] = a.dims()[order[i]];
        long[] strides = new long[rank];
        long stride = 1;
        for (int i = rank - 1; i >= 0; stride *= a.dims()[i--]) strides[i] = stride;
        long[] places = new long[count(dims)];
        for (int p = 0; p < places.length; p++) {
            long rest = p;
            for (int i = rank - 1; i >= 0; rest /= dims[i--]) places[p] += rest % dims[i] * strides[order[i]];
        }
        Constant moved = take(a, dims, places);
        // The same weight, seen in another way.
        return new Constant(a.name(), moved.type(), dims, moved.raw(), false);
    }

    private static Constant where(Constant condition, Constant a, Constant b) {
        long[] dims = broadcast(condition.dims(), broadcast(a.dims(), b.dims()));
        int n = count(dims);
        float[] floats = new float[n];
        long[] wholes = new long[n];
        for (int i = 0; i < n; i++) {
            Constant from = condition.whole(place(i, dims, condition.dims())) != 0 ? a : b;
            long place = place(i, dims, from.dims());
            floats[i] = (float) from.number(place);
            wholes[i] = from.whole(place);
        }
        return a.isFloat() ? Constant.of(dims, floats) : Constant.of(dims, wholes);
    }

    private static Constant product(Constant a) {
        if (a.isFloat()) return null;
        long product = 1;
        for (long v : a.wholes()) product = Math.multiplyExact(product, v);
        return Constant.of(new long[0], new long[] {product});
    }

    private static Constant binary(Constant a, Constant b, LongBinaryOperator whole, DoubleBinaryOperator number) {
        long[] dims = broadcast(a.dims(), b.dims());
        int n = count(dims);
        if (!a.isFloat()) {
            long[] values = new long[n];
            for (int i = 0; i < n; i++) {
                values[i] = whole.applyAsLong(a.whole(place(i, dims, a.dims())), b.whole(place(i, dims, b.dims())));
            }
            return Constant.of(dims, values);
        }
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float)
                    number.applyAsDouble(a.number(place(i, dims, a.dims())), b.number(place(i, dims, b.dims())));
        }
        return Constant.of(dims, values);
    }

    private static long[] broadcast(long[] a, long[] b) {
        int rank = Math.max(a.length, b.length);
        long[] dims = new long[rank];
        for (int i = 1; i <= rank; i++) {
            long x = i <= a.length ? a[a.length - i] : 1;
            long y = i <= b.length ? b[b.length - i] : 1;
            if (x != y && x != 1 && y != 1) {
                throw new IllegalArgumentException(
                        Arrays.toString(a) + " and " + Arrays.toString(b) + " cannot be broadcast to one shape");
            }
            dims[rank - i] = x == 1 ? y : x;
        }
        return dims;
    }

    /** Where element {@code i} of a shape is found in an operand that is broadcast to it. */
    private static long place(long i, long[] dims, long[] operand) {
        long place = 0;
        long stride = 1;
        long rest = i;
        for (int k = 1; k <= operand.length; k++) {
            long d = dims[dims.length - k];
            long own = operand[operand.length - k];
            place += own == 1 ? 0 : rest % d * stride;
            stride *= own;
            rest /= d;
        }
        return place;
    }
}
