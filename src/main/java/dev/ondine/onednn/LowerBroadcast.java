package dev.ondine.onednn;

import dev.ondine.onednn.api.Algorithm;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.MatMuls;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.Reductions;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Sums over any axes, and the repetition along them that they undo, on row-major memory. oneDNN has kernels for sums over the last axis
 * and for matrix products: a sum over other axes is a product with a row of ones, a repetition one with a column of ones.
 */
final class LowerBroadcast {
    private final Lowering to;
    private final List<Group> groups;

    /** Neighbouring axes of which all or none are summed over, as one. */
    private record Group(long extent, boolean across) {}

    /** @param small of the rank of {@code large}, its extent 1 along the axes that are summed over */
    LowerBroadcast(Lowering to, Shape large, Shape small) {
        this.to = to;
        this.groups = groups(large, small);
    }

    private static List<Group> groups(Shape large, Shape small) {
        List<Group> groups = new ArrayList<>();
        for (int i = 0; i < large.rank(); i++) {
            if (large.dim(i) == 1) continue;
            boolean across = small.dim(i) == 1;
            boolean joins = !groups.isEmpty() && groups.getLast().across == across;
            long before = joins ? groups.removeLast().extent : 1;
            groups.add(new Group(before * large.dim(i), across));
        }
        return groups;
    }

    /**
     * The large shape as one of three axes such that the small one is 1×n×1, for which there are kernels of two operands.
     *
     * @return null if it is not of that kind
     */
    long[] aroundTheMiddle() {
        long[] dims = {1, 1, 1};
        int kept = IntStream.range(0, groups.size())
                .filter(i -> !groups.get(i).across)
                .findFirst()
                .orElse(-1);
        if (kept < 0 || kept > 1 || groups.size() - kept > 2) return null;
        for (int i = 0; i < groups.size(); i++) dims[1 + i - kept] = groups.get(i).extent;
        return dims;
    }

    /** Sums a row-major tensor into {@code y}, row-major and of float32. */
    void sum(Slot x, Slot y) {
        List<Group> left = new ArrayList<>(groups);
        Slot from = x;
        for (int i = left.size() - 1; i >= 0; i--) {
            if (!left.get(i).across) continue;
            long before = elements(left.subList(0, i));
            long extent = left.remove(i).extent;
            long behind = elements(left.subList(i, left.size()));
            boolean last = left.stream().noneMatch(Group::across);
            Slot sums = last ? y : temporary(before * behind, DataType.FLOAT32);
            if (behind == 1) sumRows(seenAs(from, before, extent), seenAs(sums, before, 1));
            else
                product(
                        ones(from, 1, 1, extent),
                        seenAs(from, before, extent, behind),
                        seenAs(sums, before, 1, behind));
            from = sums;
        }
    }

    private void sumRows(Slot x, Slot sums) {
        PrimitiveDescriptor pd = Reductions.of(Algorithm.REDUCTION_SUM, x.layout(), sums.layout(), 0, 0, to.attributes)
                .create(to.arena);
        to.emit(pd, Map.of(Arg.SRC, x), Map.of(Arg.DST, sums));
    }

    /** Repeats the small tensor, row-major, into one of the large shape. */
    void repeat(Slot x, Slot y) {
        List<Long> now = new ArrayList<>();
        for (Group g : groups) now.add(g.across ? 1 : g.extent);
        long total = elements(groups);
        Slot from = x;
        for (int i = groups.size() - 1; i >= 0; i--) {
            Group g = groups.get(i);
            if (!g.across) continue;
            long before = product(now.subList(0, i));
            long behind = product(now.subList(i + 1, now.size()));
            now.set(i, g.extent);
            Slot repeated = product(now) == total
                    ? y
                    : temporary(product(now), y.layout().dataType());
            product(
                    ones(from, 1, g.extent, 1),
                    seenAs(from, before, 1, behind),
                    seenAs(repeated, before, g.extent, behind));
            from = repeated;
        }
    }

    private void product(Slot a, Slot b, Slot y) {
        PrimitiveDescriptor pd = MatMuls.of(a.layout(), b.layout(), MemoryDescriptor.NONE, y.layout(), to.attributes)
                .create(to.arena);
        to.emit(pd, Map.of(Arg.SRC, a, Arg.WEIGHTS, b), Map.of(Arg.DST, y));
    }

    private Slot ones(Slot like, long... dims) {
        Shape shape = Shape.of(dims);
        float[] values = new float[Math.toIntExact(shape.elements())];
        Arrays.fill(values, 1);
        return to.constant(shape, like.layout().dataType(), values);
    }

    private Slot temporary(long elements, DataType type) {
        MemoryDescriptor layout = MemoryDescriptor.plain(to.arena, new long[] {elements}, type);
        return new Slot(new Buffer("broadcast", layout.size()), layout);
    }

    /** Row-major memory under another shape. */
    Slot seenAs(Slot slot, long... dims) {
        return new Slot(
                slot.buffer(),
                MemoryDescriptor.plain(to.arena, dims, slot.layout().dataType()));
    }

    private static long elements(List<Group> groups) {
        return groups.stream().mapToLong(Group::extent).reduce(1, Math::multiplyExact);
    }

    private static long product(List<Long> extents) {
        return extents.stream().reduce(1L, Math::multiplyExact);
    }
}
