package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Algorithm;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Binaries;
import dev.ondine.onednn.api.Eltwises;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.onednn.api.Reductions;
import dev.ondine.onednn.api.Softmaxes;
import dev.ondine.tensor.DataType;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Softmax and its logarithm, in the first layout that oneDNN has a real kernel for: over channels that is not the row-major one. */
final class LowerSoftmax {
    private final Lowering to;
    private final Node node;

    LowerSoftmax(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void forward(Op.Softmax op) {
        Value x = node.input(0);
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (MemoryDescriptor layout : layouts(x)) requests.add(forwardRequest(op, layout));
        PrimitiveDescriptor pd = to.choose(requests);
        Slot src = to.in(x, pd.query(Arg.SRC));
        Slot dst = to.out(node.output(0), pd.query(Arg.DST));
        to.emit(pd, Map.of(Arg.SRC, src), Map.of(Arg.DST, dst), new StepSpec.InPlace(src, dst));
    }

    void backward(Op.SoftmaxBackward op) {
        Value y = node.input(0);
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (MemoryDescriptor layout : layouts(y)) {
            forwardRequest(op.forward(), layout)
                    .tryCreate(to.arena)
                    .ifPresent(hint -> requests.add(Softmaxes.backward(
                            algorithm(op.forward()),
                            layout,
                            layout,
                            layout,
                            op.forward().axis(),
                            hint,
                            to.attributes)));
        }
        PrimitiveDescriptor pd = to.choose(requests);
        if (pd.isReference() && y.shape().dim(op.forward().axis()) > 1) {
            inParts(op.forward());
            return;
        }
        to.emit(
                pd,
                Map.of(
                        Arg.DST,
                        to.in(y, pd.query(Arg.DST)),
                        Arg.DIFF_DST,
                        to.in(node.input(1), pd.query(Arg.DIFF_DST))),
                Map.of(Arg.DIFF_SRC, to.out(node.output(0), pd.query(Arg.DIFF_SRC))));
    }

    /**
     * The gradient where oneDNN has no kernel for it (on AVX2), of simpler ones, the axis innermost: dx = y·(dy − Σ dy·y); of the
     * logarithm, dx = dy − exp(y)·Σ dy.
     */
    private void inParts(Op.Softmax op) {
        Value dx = node.output(0);
        int axis = op.axis();
        long extent = dx.shape().dim(axis);
        long rows = dx.shape().elements() / extent;
        MemoryDescriptor innermost = innermost(dx, axis);
        long[] matrix = {1, rows, extent};
        Slot y = seenAs(to.in(node.input(0), innermost), matrix);
        Slot dy = seenAs(to.in(node.input(1), innermost), matrix);
        Slot out = seenAs(to.out(dx, innermost), matrix);
        Slot product = temporary(matrix);
        Slot sums = temporary(1, rows, 1);
        if (op.logarithm()) {
            sum(dy, sums);
            PrimitiveDescriptor exp = Eltwises.forward(
                            Propagation.FORWARD_INFERENCE,
                            Algorithm.ELTWISE_EXP,
                            y.layout(),
                            y.layout(),
                            0,
                            0,
                            to.attributes)
                    .create(to.arena);
            to.emit(exp, Map.of(Arg.SRC, y), Map.of(Arg.DST, product));
            Slot share = temporary(matrix);
            binary(Algorithm.BINARY_MUL, product, sums, share);
            binary(Algorithm.BINARY_SUB, dy, share, out);
        } else {
            binary(Algorithm.BINARY_MUL, dy, y, product);
            sum(product, sums);
            Slot difference = temporary(matrix);
            binary(Algorithm.BINARY_SUB, dy, sums, difference);
            binary(Algorithm.BINARY_MUL, difference, y, out);
        }
    }

    private void binary(Algorithm algorithm, Slot first, Slot second, Slot dst) {
        PrimitiveDescriptor pd = Binaries.of(algorithm, first.layout(), second.layout(), dst.layout(), to.attributes)
                .create(to.arena);
        to.emit(pd, Map.of(Arg.SRC, first, Arg.SRC_1, second), Map.of(Arg.DST, dst), new StepSpec.InPlace(first, dst));
    }

    private void sum(Slot x, Slot sums) {
        PrimitiveDescriptor pd = Reductions.of(Algorithm.REDUCTION_SUM, x.layout(), sums.layout(), 0, 0, to.attributes)
                .create(to.arena);
        to.emit(pd, Map.of(Arg.SRC, x), Map.of(Arg.DST, sums));
    }

    /** Row-major but for one axis, which lies innermost. */
    private MemoryDescriptor innermost(Value v, int axis) {
        int rank = v.shape().rank();
        long[] dims = new long[rank];
        int[] becomes = new int[rank];
        int next = 0;
        for (int i = 0; i < rank; i++) {
            if (i == axis) continue;
            dims[next] = v.shape().dim(i);
            becomes[next++] = i;
        }
        dims[next] = v.shape().dim(axis);
        becomes[next] = axis;
        return MemoryDescriptor.plain(to.arena, dims, v.type().dataType()).permute(to.arena, becomes);
    }

    private Slot seenAs(Slot slot, long... dims) {
        return new Slot(
                slot.buffer(),
                MemoryDescriptor.plain(to.arena, dims, slot.layout().dataType()));
    }

    private Slot temporary(long... dims) {
        MemoryDescriptor layout = MemoryDescriptor.plain(to.arena, dims, DataType.FLOAT32);
        return new Slot(new Buffer("softmax", layout.size()), layout);
    }

    private Set<MemoryDescriptor> layouts(Value v) {
        Set<MemoryDescriptor> layouts = new LinkedHashSet<>(to.knownLayouts(v));
        layouts.addAll(to.layouts.candidates(v.shape(), v.type().dataType()));
        layouts.removeIf(MemoryDescriptor::isAny);
        return layouts;
    }

    private PrimitiveRequest forwardRequest(Op.Softmax op, MemoryDescriptor layout) {
        Propagation propagation = to.training ? Propagation.FORWARD_TRAINING : Propagation.FORWARD_INFERENCE;
        return Softmaxes.forward(propagation, algorithm(op), layout, layout, op.axis(), to.attributes);
    }

    private static Algorithm algorithm(Op.Softmax op) {
        return op.logarithm() ? Algorithm.SOFTMAX_LOG : Algorithm.SOFTMAX_ACCURATE;
    }
}
