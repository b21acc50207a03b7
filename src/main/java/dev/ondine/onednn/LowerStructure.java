package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Algorithm;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Concats;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Reductions;
import dev.ondine.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** What moves elements without computing: concat, slice, reshape, fill; and the sum that undoes a broadcast. */
final class LowerStructure {
    private final Lowering to;
    private final Node node;

    LowerStructure(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void concat(Op.Concat op) {
        Value y = node.output(0);
        MemoryDescriptor any = to.layouts.any(y.shape(), y.type().dataType());
        List<PrimitiveRequest> requests = new ArrayList<>();
        requests.add(
                Concats.of(op.axis(), node.inputs().stream().map(to::layout).toList(), any, to.attributes));
        List<List<MemoryDescriptor>> candidates = node.inputs().stream()
                .map(v -> to.layouts.candidates(v.shape(), v.type().dataType()))
                .toList();
        for (int i = 0; i < candidates.getFirst().size(); i++) {
            int choice = i;
            List<MemoryDescriptor> sources =
                    candidates.stream().map(c -> c.get(choice)).toList();
            if (!sources.getFirst().isAny()) requests.add(Concats.of(op.axis(), sources, any, to.attributes));
        }
        PrimitiveDescriptor pd = to.choose(requests);
        Map<Arg, Slot> inputs = new LinkedHashMap<>();
        for (int i = 0; i < node.inputs().size(); i++) {
            Arg arg = Arg.multipleSource(i);
            inputs.put(arg, to.in(node.input(i), pd.query(arg)));
        }
        to.emit(pd, inputs, Map.of(Arg.DST, to.out(y, pd.query(Arg.DST))));
    }

    void slice(Op.Slice op) {
        Value x = node.input(0);
        Value y = node.output(0);
        Slot src = to.in(x, cuttable(op, to.layout(x), to.plain(x)));
        Slot dst = to.out(
                y,
                src.layout().isPlain()
                        ? to.plain(y)
                        : to.layouts.preferred(y.shape(), y.type().dataType()));
        to.reorder(part(src, op, y), dst);
    }

    void sliceBackward(Op.SliceBackward op) {
        Value dy = node.input(0);
        Value dx = node.output(0);
        MemoryDescriptor wanted = to.layout(dy).isPlain()
                ? to.plain(dx)
                : to.layouts.preferred(dx.shape(), dx.type().dataType());
        Slot dst = to.out(dx, cuttable(op.forward(), wanted, to.plain(dx)));
        to.emitKernel("zero", List.of(), List.of(dst), List.of(), () -> {
            MemorySegment memory = dst.buffer().segment();
            return _ -> memory.fill((byte) 0);
        });
        to.reorder(to.in(dy), part(dst, op.forward(), dy));
    }

    /** A layout out of which the slice can be cut: blocks of channels cannot be cut in two. */
    private MemoryDescriptor cuttable(Op.Slice op, MemoryDescriptor layout, MemoryDescriptor plain) {
        boolean blocked = layout.tag().chars().anyMatch(Character::isUpperCase);
        int block = to.layouts.block();
        boolean whole = op.axis() != 1 || (op.start() % block == 0 && op.length() % block == 0);
        return !blocked || whole ? layout : plain;
    }

    private Slot part(Slot whole, Op.Slice op, Value slice) {
        long[] offsets = new long[slice.shape().rank()];
        offsets[op.axis()] = op.start();
        return new Slot(
                whole.buffer(), whole.layout().submemory(to.arena, slice.shape().dims(), offsets));
    }

    /** Row-major memory is the same under every shape; so is a block of channels over a single pixel. */
    void reshape(Op.Reshape op) {
        Value x = node.input(0);
        Value y = node.output(0);
        Slot src = isRowMajorInDisguise(x, to.in(x)) ? to.in(x) : to.inPlain(x);
        to.define(y, new Slot(src.buffer(), to.plain(y)));
    }

    private static boolean isRowMajorInDisguise(Value x, Slot slot) {
        boolean onePixel =
                x.shape().rank() > 2 && x.shape().elements(2, x.shape().rank()) == 1;
        return onePixel
                && slot.layout().size()
                        == x.shape().elements() * x.type().dataType().bytes();
    }

    void fill(Op.Fill op) {
        Slot slot = to.pinned(node.output(0), to.plain(node.output(0)));
        to.constant(slot, op.value());
    }

    void reduceSum(Op.ReduceSum op) {
        Value x = node.input(0);
        Value y = node.output(0);
        if (x.shape().equals(y.shape())) {
            // oneDNN refuses to reduce nothing.
            to.define(y, x.type().equals(y.type()) ? to.in(x) : to.in(x, to.plain(y)));
            return;
        }
        OptionalLong kept = keptRows(x.shape(), y.shape());
        if (kept.isPresent()) {
            sumRows(x, y, kept.getAsLong());
            return;
        }
        MemoryDescriptor plain = to.plain(y);
        PrimitiveDescriptor pd = to.choose(List.of(
                Reductions.of(Algorithm.REDUCTION_SUM, to.layout(x), plain, 0, 0, to.attributes),
                Reductions.of(Algorithm.REDUCTION_SUM, to.plain(x), plain, 0, 0, to.attributes)));
        to.emit(pd, Map.of(Arg.SRC, to.in(x, pd.query(Arg.SRC))), Map.of(Arg.DST, to.out(y, plain)));
    }

    /**
     * How many sums there are, if the axes that are summed over all lie behind the others (axes of one element do not count): then the
     * values are the rows of a matrix.
     */
    private static OptionalLong keptRows(Shape x, Shape y) {
        long kept = 1;
        boolean summed = false;
        for (int i = 0; i < x.rank(); i++) {
            if (x.dim(i) == 1) continue;
            if (x.dim(i) == y.dim(i)) {
                if (summed) return OptionalLong.empty();
                kept *= x.dim(i);
            } else {
                summed = true;
            }
        }
        return OptionalLong.of(kept);
    }

    /** As a matrix whose rows are summed: for that oneDNN has a kernel, for sums over several axes nothing but its reference loop. */
    private void sumRows(Value x, Value y, long rows) {
        Slot src = new Slot(
                to.inPlain(x).buffer(),
                MemoryDescriptor.plain(
                        to.arena,
                        new long[] {rows, x.shape().elements() / rows},
                        x.type().dataType()));
        MemoryDescriptor sums =
                MemoryDescriptor.plain(to.arena, new long[] {rows, 1}, y.type().dataType());
        PrimitiveDescriptor pd = Reductions.of(Algorithm.REDUCTION_SUM, src.layout(), sums, 0, 0, to.attributes)
                .create(to.arena);
        Slot dst = new Slot(to.out(y, to.plain(y)).buffer(), sums);
        to.emit(pd, Map.of(Arg.SRC, src), Map.of(Arg.DST, dst));
    }
}
