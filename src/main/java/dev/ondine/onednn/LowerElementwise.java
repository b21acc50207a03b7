package dev.ondine.onednn;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Algorithm;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Attributes;
import dev.ondine.onednn.api.Binaries;
import dev.ondine.onednn.api.Eltwises;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PostOps;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Propagation;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Activations, sums, products and dropout: in whatever layout the operands have, in place where nobody reads the input later. */
final class LowerElementwise {
    private final Lowering to;
    private final Node node;

    LowerElementwise(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void activation(Op.Activation op) {
        Slot src = to.in(node.input(0));
        PrimitiveDescriptor pd = forwardDescriptor(op.kind(), op.alpha(), src.layout());
        Slot dst = to.out(node.output(0), src.layout());
        to.emit(pd, Map.of(Arg.SRC, src), Map.of(Arg.DST, dst), new StepSpec.InPlace(src, dst));
    }

    void activationBackward(Op.ActivationBackward op) {
        Slot data = to.in(node.input(0));
        MemoryDescriptor layout = data.layout();
        Activations.Function f = Activations.function(op.kind(), op.alpha());
        PrimitiveDescriptor pd = Eltwises.backward(
                        f.algorithm(),
                        layout,
                        layout,
                        layout,
                        f.alpha(),
                        f.beta(),
                        forwardDescriptor(op.kind(), op.alpha(), layout),
                        to.attributes)
                .create(to.arena);
        Slot diffDst = to.in(node.input(1), layout);
        Slot diffSrc = to.out(node.output(0), layout);
        Arg known = op.kind().gradientFromOutput() ? Arg.DST : Arg.SRC;
        to.emit(
                pd,
                Map.of(known, data, Arg.DIFF_DST, diffDst),
                Map.of(Arg.DIFF_SRC, diffSrc),
                new StepSpec.InPlace(diffDst, diffSrc));
    }

    private PrimitiveDescriptor forwardDescriptor(ActivationKind kind, float alpha, MemoryDescriptor layout) {
        Activations.Function f = Activations.function(kind, alpha);
        Propagation propagation = to.training ? Propagation.FORWARD_TRAINING : Propagation.FORWARD_INFERENCE;
        return Eltwises.forward(propagation, f.algorithm(), layout, layout, f.alpha(), f.beta(), to.attributes)
                .create(to.arena);
    }

    void add(Op.Add op) {
        Attributes attributes = to.attributes;
        if (op.relu()) {
            attributes =
                    Attributes.create(to.arena).postOps(PostOps.create(to.arena).eltwise(Algorithm.ELTWISE_RELU, 0, 0));
        }
        binary(Algorithm.BINARY_ADD, attributes);
    }

    void multiply() {
        binary(Algorithm.BINARY_MUL, to.attributes);
    }

    /** Both operations commute, so that with equal shapes either operand may be overwritten and either layout taken. */
    private void binary(Algorithm algorithm, Attributes attributes) {
        Value a = node.input(0);
        Value b = node.input(1);
        Value y = node.output(0);
        boolean same = a.shape().equals(b.shape());
        MemoryDescriptor layout = same && to.layout(a).isPlain() ? to.layout(b) : to.layout(a);
        MemoryDescriptor second = same ? layout : to.layout(b);
        PrimitiveRequest request = Binaries.of(algorithm, layout, second, layout, attributes);
        PrimitiveDescriptor pd = request.tryCreate(to.arena).orElse(null);
        if (pd == null) {
            layout = to.plain(a);
            second = to.plain(b);
            pd = Binaries.of(algorithm, layout, second, layout, attributes).create(to.arena);
        }
        Slot first = to.in(a, layout);
        Slot other = to.in(b, second);
        Slot dst = to.out(y, layout);
        // oneDNN overwrites the first source only; which one may be overwritten is known when all readers are.
        if (same && !to.isLastReader(a, node) && to.isLastReader(b, node)) {
            Slot swapped = first;
            first = other;
            other = swapped;
        }
        to.emit(pd, Map.of(Arg.SRC, first, Arg.SRC_1, other), Map.of(Arg.DST, dst), new StepSpec.InPlace(first, dst));
    }

    /** In any layout: padding is zeros, and zeros stay what they are. */
    void round() {
        Slot src = to.in(node.input(0));
        Slot dst = to.out(node.output(0), src.layout());
        to.emitKernel("round", List.of(src), List.of(dst), List.of(new StepSpec.InPlace(src, dst)), () -> {
            MemorySegment x = src.buffer().segment();
            MemorySegment y = dst.buffer().segment();
            long elements = dst.layout().size() / Float.BYTES;
            return Bfloat16Rounding.step(to.team, x, y, elements);
        });
    }

    /** Adds one number a channel (axis 1) to a value that has just been made, in place. */
    void addBias(Value y, Value bias) {
        Slot sum = to.in(y);
        Slot flat = to.inPlain(bias);
        long[] dims = new long[y.shape().rank()];
        Arrays.fill(dims, 1);
        dims[1] = bias.shape().dim(0);
        Slot b = new Slot(
                flat.buffer(),
                MemoryDescriptor.plain(to.arena, dims, bias.type().dataType()));
        PrimitiveDescriptor pd = Binaries.of(
                        Algorithm.BINARY_ADD, sum.layout(), b.layout(), sum.layout(), to.attributes)
                .create(to.arena);
        to.emit(pd, Map.of(Arg.SRC, sum, Arg.SRC_1, b), Map.of(Arg.DST, sum));
    }

    /** Row-major, because an element's index decides whether it is dropped. */
    void dropout(Op.Dropout op) {
        Slot src = to.inPlain(node.input(0));
        Slot dst = to.out(node.output(0), src.layout());
        long elements = node.input(0).shape().elements();
        to.emitKernel(
                "dropout(" + op.probability() + ")",
                List.of(src),
                List.of(dst),
                List.of(new StepSpec.InPlace(src, dst)),
                () -> {
                    MemorySegment x = src.buffer().segment();
                    MemorySegment y = dst.buffer().segment();
                    return new DropoutKernel(to.team, op, to.seed).step(x, y, elements);
                });
    }
}
