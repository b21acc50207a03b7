package dev.ondine.io.onnx;

import dev.ondine.graph.BinaryKind;
import dev.ondine.graph.Broadcasting;
import dev.ondine.graph.Op;
import dev.ondine.graph.UnaryKind;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Gather: by indices that are known, or by those of the data, as embeddings are looked up. */
final class GatherImport {
    /** The most elements of the matrix that selects by indices of the data, a row an index and a column an entry: 1 GB. */
    private static final long MOST = 1 << 28;

    private GatherImport() {}

    static void gather(GraphImport in, NodeView node) {
        Value x = in.value(0);
        int axis = GraphImport.axis(node.whole("axis", 0), x.shape().rank());
        if (in.known(1) == null) {
            if (!in.wholes().contains(in.value(1)))
                throw new IllegalArgumentException("its indices are no whole numbers");
            in.result(byData(in, node, x, axis, in.value(1)));
            return;
        }
        Constant indices = in.constant(1, "indices");
        ConstantFolding.count(indices.dims());
        long[] index = indices.wholes();
        if (index.length == 0) throw new IllegalArgumentException("it gathers nothing");
        Value y = index.length == 1
                ? in.add(
                        new Op.Slice(
                                axis, StructureImport.index(index[0], x.shape().dim(axis)), 1),
                        x)
                : StructureImport.select(in, x, axis, index);
        in.result(reshaped(in, y, shape(x.shape(), axis, indices.dims())));
    }

    /** The shape of x with the axis replaced by those of the indices. */
    private static Shape shape(Shape x, int axis, long[] indices) {
        List<Long> dims = new ArrayList<>();
        for (int i = 0; i < axis; i++) dims.add(x.dim(i));
        for (long d : indices) dims.add(d);
        for (int i = axis + 1; i < x.rank(); i++) dims.add(x.dim(i));
        return Shape.of(dims.stream().mapToLong(d -> d).toArray());
    }

    private static Value reshaped(GraphImport in, Value x, Shape shape) {
        return x.shape().equals(shape) ? x : in.add(new Op.Reshape(shape), x);
    }

    /**
     * A product with the matrix that has a 1 where a column's number is the row's index. A negative index counts from the end; of one
     * that lies outside the row is all zeros, and what is gathered is divided by its sum: not a number, where ONNX leaves open what
     * happens.
     */
    private static Value byData(GraphImport in, NodeView node, Value x, int axis, Value indices) {
        Shape s = x.shape();
        long entries = s.dim(axis);
        long count = indices.shape().elements();
        if (entries > MOST / count) {
            throw new IllegalArgumentException(count + " indices of " + entries + " entries are too many at a time");
        }
        float[] numbers = new float[ConstantFolding.count(new long[] {entries})];
        for (int i = 0; i < numbers.length; i++) numbers[i] = i;
        Value columns =
                in.store().buffer(in.unique(node.name() + ".entries"), Constant.of(new long[] {1, entries}, numbers));
        Value index = reshaped(in, indices, Shape.of(count, 1));
        Value negative = unary(in, UnaryKind.CLIP, 0, 1, unary(in, UnaryKind.LINEAR, -1, 0, index));
        Value fromStart =
                Broadcasting.add(in.graph(), index, unary(in, UnaryKind.LINEAR, (float) entries, 0, negative));
        Value distance = unary(
                in, UnaryKind.ABSOLUTE, 0, 0, Broadcasting.binary(in.graph(), BinaryKind.SUBTRACT, fromStart, columns));
        Value selecting = unary(in, UnaryKind.LINEAR, -1, 1, unary(in, UnaryKind.CLIP, 0, 1, distance));

        List<Integer> order =
                new ArrayList<>(IntStream.range(0, s.rank()).boxed().toList());
        order.remove(Integer.valueOf(axis));
        order.addFirst(axis);
        Value first = axis == 0 ? x : in.add(new Op.Transpose(order), x);
        Value table = reshaped(in, first, Shape.of(entries, s.elements() / entries));
        Value rows = in.add(new Op.MatMul(false, false, 1), selecting, table);
        Value found = Broadcasting.sum(in.graph(), selecting, true, 1);
        Value y = Broadcasting.binary(in.graph(), BinaryKind.DIVIDE, rows, found);
        if (axis == 0) return reshaped(in, y, shape(s, 0, indices.shape().dims()));

        // (indices, axes before, axes behind) to (axes before, indices, axes behind).
        Shape parts = Shape.of(count, s.elements(0, axis), s.elements(axis + 1, s.rank()));
        Value moved = in.add(new Op.Transpose(List.of(1, 0, 2)), reshaped(in, y, parts));
        return reshaped(in, moved, shape(s, axis, indices.shape().dims()));
    }

    private static Value unary(GraphImport in, UnaryKind kind, float alpha, float beta, Value x) {
        return in.add(new Op.Unary(kind, alpha, beta), x);
    }
}
