package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Algorithm;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.onednn.api.Softmaxes;
import java.util.Map;

/** Softmax and its logarithm. */
final class LowerSoftmax {
    private final Lowering to;
    private final Node node;

    LowerSoftmax(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void forward(Op.Softmax op) {
        Value x = node.input(0);
        PrimitiveDescriptor pd = forwardDescriptor(op, to.plain(x));
        Slot src = to.inPlain(x);
        Slot dst = to.out(node.output(0), to.plain(x));
        to.emit(pd, Map.of(Arg.SRC, src), Map.of(Arg.DST, dst), new StepSpec.InPlace(src, dst));
    }

    void backward(Op.SoftmaxBackward op) {
        Value y = node.input(0);
        Value dy = node.input(1);
        MemoryDescriptor layout = to.plain(y);
        PrimitiveDescriptor pd = Softmaxes.backward(
                        algorithm(op.forward()),
                        layout,
                        layout,
                        layout,
                        op.forward().axis(),
                        forwardDescriptor(op.forward(), layout),
                        to.attributes)
                .create(to.arena);
        to.emit(
                pd,
                Map.of(Arg.DST, to.inPlain(y), Arg.DIFF_DST, to.inPlain(dy)),
                Map.of(Arg.DIFF_SRC, to.out(node.output(0), layout)));
    }

    private PrimitiveDescriptor forwardDescriptor(Op.Softmax op, MemoryDescriptor layout) {
        Propagation propagation = to.training ? Propagation.FORWARD_TRAINING : Propagation.FORWARD_INFERENCE;
        return Softmaxes.forward(propagation, algorithm(op), layout, layout, op.axis(), to.attributes)
                .create(to.arena);
    }

    private static Algorithm algorithm(Op.Softmax op) {
        return op.logarithm() ? Algorithm.SOFTMAX_LOG : Algorithm.SOFTMAX_ACCURATE;
    }
}
