package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Algorithm;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.onednn.api.Softmaxes;
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
        to.emit(
                pd,
                Map.of(
                        Arg.DST,
                        to.in(y, pd.query(Arg.DST)),
                        Arg.DIFF_DST,
                        to.in(node.input(1), pd.query(Arg.DIFF_DST))),
                Map.of(Arg.DIFF_SRC, to.out(node.output(0), pd.query(Arg.DIFF_SRC))));
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
