package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Algorithm;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Attributes;
import dev.ondine.onednn.api.MatMuls;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PostOps;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Products of matrices. Operands are read where they lie, transposed or parts of others as they may be, and the result is laid down as
 * the transposition behind it will want it, wherever oneDNN has a kernel for that; row-major copies serve for the rest.
 */
final class LowerMatMul {
    private final Lowering to;
    private final Node node;

    LowerMatMul(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    /**
     * An operand in one of its layouts.
     *
     * @param exchanged the layout with its last two axes exchanged, if it is to be transposed
     */
    private record Operand(MemoryDescriptor layout, MemoryDescriptor exchanged) {}

    void forward(Op.MatMul op) {
        Value a = node.input(0);
        Value b = node.input(1);
        Value y = node.output(0);
        Attributes attributes = attributes(op.scale());
        List<PrimitiveRequest> requests = new ArrayList<>();
        List<Operand> first = operands(a, op.transposeA());
        List<Operand> second = operands(b, op.transposeB());
        for (MemoryDescriptor dst : results(y)) {
            for (Operand src : first) {
                for (Operand weights : second) {
                    PrimitiveRequest request =
                            MatMuls.of(src.exchanged(), weights.exchanged(), MemoryDescriptor.NONE, dst, attributes);
                    requests.add(KnownDefects.guarded(request, src.exchanged(), weights.exchanged()));
                }
            }
        }
        PrimitiveDescriptor pd = to.choose(requests);
        Slot src = operand(a, first, pd.query(Arg.SRC));
        Slot weights = operand(b, second, pd.query(Arg.WEIGHTS));
        MemoryDescriptor dst = pd.query(Arg.DST);
        to.emit(pd, Map.of(Arg.SRC, src, Arg.WEIGHTS, weights), Map.of(Arg.DST, to.out(y, dst)));
    }

    private Attributes attributes(float scale) {
        if (scale == 1) return to.attributes;
        return Attributes.create(to.arena)
                .postOps(PostOps.create(to.arena).eltwise(Algorithm.ELTWISE_LINEAR, scale, 0));
    }

    private List<Operand> operands(Value v, boolean transposed) {
        List<MemoryDescriptor> layouts = new ArrayList<>();
        MemoryDescriptor seen =
                v.role() == Value.Role.PARAMETER ? to.plain(v) : to.seen(v).layout();
        if (seen.strides().isPresent()) layouts.add(seen);
        if (!seen.isPlain()) layouts.add(to.plain(v));
        return layouts.stream()
                .map(l -> new Operand(l, strict(transposed ? exchanged(l) : l)))
                .toList();
    }

    /**
     * The same layout, with such strides of axes of one element as a dense tensor would have: they are of no account, but kernels take them
     * at their word ({@code brg_matmul} of 3.13 multiplies something else).
     */
    private MemoryDescriptor strict(MemoryDescriptor layout) {
        if (layout.isPlain()) return MemoryDescriptor.plain(to.arena, layout.dims(), layout.dataType());
        if (layout.strides().isEmpty()) return layout;
        long[] dims = layout.dims();
        long[] strides = layout.strides().get();
        long reach = 1;
        for (int i = 0; i < dims.length; i++) if (dims[i] > 1) reach = Math.max(reach, dims[i] * strides[i]);
        for (int i = 0; i < dims.length - 2; i++) if (dims[i] == 1) strides[i] = reach;
        return MemoryDescriptor.strided(to.arena, dims, layout.dataType(), strides);
    }

    private MemoryDescriptor exchanged(MemoryDescriptor layout) {
        int[] permutation = new int[layout.rank()];
        for (int i = 0; i < permutation.length; i++) permutation[i] = i;
        permutation[permutation.length - 1]--;
        permutation[permutation.length - 2]++;
        return layout.permute(to.arena, permutation);
    }

    private Slot operand(Value v, List<Operand> operands, MemoryDescriptor chosen) {
        MemoryDescriptor layout = operands.stream()
                .filter(o -> o.exchanged().equals(chosen))
                .findFirst()
                .orElseThrow()
                .layout();
        boolean isThere =
                v.role() != Value.Role.PARAMETER && to.seen(v).layout().equals(layout);
        Slot slot = isThere ? to.seen(v) : to.in(v, layout);
        return new Slot(slot.buffer(), chosen);
    }

    /** The layouts worth having of the result: such that a transposition behind it leaves a row-major one, and row-major. */
    private List<MemoryDescriptor> results(Value y) {
        List<MemoryDescriptor> results = new ArrayList<>();
        Optional<Node> reader = to.readers.only(y);
        if (reader.isPresent() && reader.get().op() instanceof Op.Transpose t) {
            MemoryDescriptor wanted = to.plain(reader.get().output(0));
            int[] becomes = t.axes().stream().mapToInt(i -> i).toArray();
            results.add(wanted.permute(to.arena, becomes));
        }
        results.add(to.plain(y));
        return results;
    }
}
