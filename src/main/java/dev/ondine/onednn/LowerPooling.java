package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Algorithm;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Binaries;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.Poolings;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.onednn.api.Window;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Max and average pooling. */
final class LowerPooling {
    private final Lowering to;
    private final Node node;

    LowerPooling(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void forward(Op.Pooling op) {
        Value x = node.input(0);
        Value y = node.output(0);
        boolean keep = op.kind() == Op.PoolingKind.MAX && to.readers.isRead(node.output(1));
        Set<MemoryDescriptor> layouts = new LinkedHashSet<>(to.knownLayouts(x));
        layouts.addAll(to.layouts.candidates(x.shape(), x.type().dataType()));
        PrimitiveDescriptor pd = to.choose(requests(
                op,
                layouts,
                x.shape(),
                y.shape(),
                keep ? Propagation.FORWARD_TRAINING : Propagation.FORWARD_INFERENCE));
        Map<Arg, Slot> outputs = new LinkedHashMap<>();
        Slot dst = to.out(y, pd.query(Arg.DST));
        Optional<Slot> correction = correction(op, x.shape(), y.shape());
        Slot averages = correction.isEmpty() ? dst : temporary(dst);
        outputs.put(Arg.DST, averages);
        if (keep) {
            to.rememberForward(node.output(1), pd);
            outputs.put(Arg.WORKSPACE, to.out(node.output(1), pd.query(Arg.WORKSPACE)));
        }
        to.emit(pd, Map.of(Arg.SRC, to.in(x, pd.query(Arg.SRC))), outputs);
        correction.ifPresent(factors -> multiply(averages, factors, dst));
    }

    void backward(Op.PoolingBackward op) {
        Value dy = node.input(0);
        Value dx = node.output(0);
        boolean max = op.forward().kind() == Op.PoolingKind.MAX;
        PrimitiveDescriptor forward = max
                ? to.forwardOf(node.input(1))
                : to.choose(requests(
                        op.forward(),
                        new LinkedHashSet<>(
                                to.layouts.candidates(dx.shape(), dx.type().dataType())),
                        dx.shape(),
                        dy.shape(),
                        Propagation.FORWARD_TRAINING));
        PrimitiveDescriptor pd = Poolings.backward(
                        algorithm(op.forward().kind()),
                        forward.query(Arg.SRC),
                        forward.query(Arg.DST),
                        Windows.longs(op.forward().kernel(), 0),
                        window(op.forward(), dx.shape(), dy.shape()),
                        forward,
                        to.attributes)
                .create(to.arena);
        Map<Arg, Slot> inputs = new LinkedHashMap<>();
        Slot diffDst = to.in(dy, pd.query(Arg.DIFF_DST));
        Optional<Slot> correction = correction(op.forward(), dx.shape(), dy.shape());
        if (correction.isPresent()) {
            Slot corrected = temporary(diffDst);
            multiply(diffDst, correction.get(), corrected);
            diffDst = corrected;
        }
        inputs.put(Arg.DIFF_DST, diffDst);
        if (max) inputs.put(Arg.WORKSPACE, to.in(node.input(1)));
        to.emit(pd, inputs, Map.of(Arg.DIFF_SRC, to.out(dx, pd.query(Arg.DIFF_SRC))));
    }

    /**
     * What each average must be multiplied with, if it is one over a window that hangs over the end of the padding: oneDNN divides
     * by the size of the whole window, PyTorch by that of the part that lies over input and padding.
     */
    private Optional<Slot> correction(Op.Pooling op, Shape x, Shape y) {
        if (op.kind() != Op.PoolingKind.AVERAGE_INCLUDE_PADDING) return Optional.empty();
        long[] dims = y.dims();
        Arrays.fill(dims, 0, 2, 1);
        float[] factors = new float[Math.toIntExact(y.elements(2, y.rank()))];
        Arrays.fill(factors, 1);
        boolean needed = false;
        int inner = factors.length;
        for (int i = 0; i < op.kernel().size(); i++) {
            int places = (int) y.dim(2 + i);
            inner /= places;
            int end = Math.toIntExact(x.dim(2 + i)) + op.paddingEnd().get(i);
            for (int j = 0; j < factors.length; j++) {
                int start = j / inner % places * op.stride().get(i)
                        - op.paddingBegin().get(i);
                int counted = Math.min(op.kernel().get(i), end - start);
                factors[j] *= (float) op.kernel().get(i) / counted;
                needed |= counted != op.kernel().get(i);
            }
        }
        return needed ? Optional.of(to.constant(Shape.of(dims), factors)) : Optional.empty();
    }

    private static Slot temporary(Slot like) {
        return new Slot(new Buffer("average", like.layout().size()), like.layout());
    }

    private void multiply(Slot from, Slot factors, Slot into) {
        PrimitiveDescriptor pd = Binaries.of(
                        Algorithm.BINARY_MUL, from.layout(), factors.layout(), into.layout(), to.attributes)
                .create(to.arena);
        to.emit(pd, Map.of(Arg.SRC, from, Arg.SRC_1, factors), Map.of(Arg.DST, into), new StepSpec.InPlace(from, into));
    }

    private List<PrimitiveRequest> requests(
            Op.Pooling op, Set<MemoryDescriptor> layouts, Shape x, Shape y, Propagation propagation) {
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (MemoryDescriptor layout : layouts) {
            if (layout.isAny()) continue;
            requests.add(Poolings.forward(
                    propagation,
                    algorithm(op.kind()),
                    to.layouts.canonical(layout),
                    to.layouts.any(y, layout.dataType()),
                    Windows.longs(op.kernel(), 0),
                    window(op, x, y),
                    to.attributes));
        }
        return requests;
    }

    private static Algorithm algorithm(Op.PoolingKind kind) {
        return switch (kind) {
            case MAX -> Algorithm.POOLING_MAX;
            case AVERAGE_INCLUDE_PADDING -> Algorithm.POOLING_AVG_INCLUDE_PADDING;
            case AVERAGE_EXCLUDE_PADDING -> Algorithm.POOLING_AVG_EXCLUDE_PADDING;
        };
    }

    /** With {@code ceilMode} the last window may hang over the end; oneDNN calls that padding. */
    private static Window window(Op.Pooling op, Shape x, Shape y) {
        int spatial = op.kernel().size();
        long[] end = new long[spatial];
        for (int i = 0; i < spatial; i++) {
            long covered = (y.dim(2 + i) - 1) * op.stride().get(i) + op.kernel().get(i);
            end[i] = Math.max(0, covered - x.dim(2 + i) - op.paddingBegin().get(i));
        }
        return new Window(Windows.longs(op.stride(), 0), new long[spatial], Windows.longs(op.paddingBegin(), 0), end);
    }
}
