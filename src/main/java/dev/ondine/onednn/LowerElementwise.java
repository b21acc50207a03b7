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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Activations, functions of one and two numbers, and dropout: in whatever layout the operands have, in place where nobody reads the input later. */
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

    void unary(Op.Unary op) {
        Value x = node.input(0);
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (MemoryDescriptor layout : withoutPadding(x)) requests.add(request(Activations.function(op), layout));
        PrimitiveDescriptor pd = to.choose(requests);
        Slot src = to.in(x, pd.query(Arg.SRC));
        Slot dst = to.out(node.output(0), src.layout());
        to.emit(pd, Map.of(Arg.SRC, src), Map.of(Arg.DST, dst), new StepSpec.InPlace(src, dst));
    }

    void unaryBackward(Op.Unary op) {
        Value x = node.input(0);
        Activations.Function f = Activations.gradient(op);
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (MemoryDescriptor layout : withoutPadding(x)) {
            request(f, layout)
                    .tryCreate(to.arena)
                    .ifPresent(hint -> requests.add(Eltwises.backward(
                            f.algorithm(), layout, layout, layout, f.alpha(), f.beta(), hint, to.attributes)));
        }
        PrimitiveDescriptor pd = to.choose(requests);
        MemoryDescriptor layout = pd.query(Arg.DIFF_DST);
        Slot diffDst = to.in(node.input(1), layout);
        Slot diffSrc = to.out(node.output(0), layout);
        to.emit(
                pd,
                Map.of(Arg.SRC, to.in(x, layout), Arg.DIFF_DST, diffDst),
                Map.of(Arg.DIFF_SRC, diffSrc),
                new StepSpec.InPlace(diffDst, diffSrc));
    }

    private PrimitiveRequest request(Activations.Function f, MemoryDescriptor layout) {
        Propagation propagation = to.training ? Propagation.FORWARD_TRAINING : Propagation.FORWARD_INFERENCE;
        return Eltwises.forward(propagation, f.algorithm(), layout, layout, f.alpha(), f.beta(), to.attributes);
    }

    /** The layout of a value, and row-major; that alone where blocks are filled up with zeros, of which a function may make others. */
    private List<MemoryDescriptor> withoutPadding(Value v) {
        MemoryDescriptor own = to.layout(v);
        long bytes = v.shape().elements() * v.type().dataType().bytes();
        return own.size() == bytes && !own.isPlain() ? List.of(own, to.plain(v)) : List.of(to.plain(v));
    }

    void add(Op.Add op) {
        if (!op.relu() && ownResidual()) return;
        Attributes attributes = to.attributes;
        if (op.relu()) {
            attributes =
                    Attributes.create(to.arena).postOps(PostOps.create(to.arena).eltwise(Algorithm.ELTWISE_RELU, 0, 0));
        }
        binary(Algorithm.BINARY_ADD, attributes, true);
    }

    /** The sum of two gradients and the ReLU's gradient behind it in one pass, where {@link NativeResidual} can do it. */
    private boolean ownResidual() {
        Value sum = node.output(0);
        Value a = node.input(0);
        Value b = node.input(1);
        Optional<Node> behind = to.own.isEmpty() ? Optional.empty() : to.readers.only(sum);
        if (behind.isEmpty() || !(behind.get().op() instanceof Op.ActivationBackward relu)) return false;
        Value y = behind.get().input(0);
        boolean fits = relu.kind() == ActivationKind.RELU
                && behind.get().input(1).equals(sum)
                && a.type().equals(sum.type())
                && b.type().equals(sum.type())
                && behind.get().output(0).type().equals(sum.type())
                && y.type().equals(sum.type());
        if (!fits || to.knownLayouts(y).isEmpty()) return false;
        MemoryDescriptor layout = to.layout(y);
        NativeResidual kernel = to.own.get().residual();
        boolean alike =
                to.knownLayouts(a).contains(layout) && to.knownLayouts(b).contains(layout);
        if (!alike || !kernel.supports(layout)) return false;
        Slot first = to.in(a, layout);
        Slot second = to.in(b, layout);
        Slot output = LowerBatchNormalization.again(to, node, y, layout);
        Slot dst = to.out(behind.get().output(0), layout);
        int threads = to.team.size();
        to.make(behind.get());
        to.emitOwn(
                behind.get(),
                "eltwise_relu_use_dst backward+add",
                OwnKernels.implementation(layout.dataType()),
                Map.of(Arg.DST, output, Arg.SRC, first, Arg.SRC_1, second),
                Map.of(Arg.DIFF_SRC, dst),
                0,
                List.of(new StepSpec.InPlace(first, dst), new StepSpec.InPlace(second, dst)),
                (reads, writes) -> kernel.backward(
                        to.arena,
                        layout,
                        reads.get(Arg.SRC).buffer().segment(),
                        reads.get(Arg.SRC_1).buffer().segment(),
                        reads.get(Arg.DST).buffer().segment(),
                        writes.get(Arg.DIFF_SRC).buffer().segment(),
                        threads));
        return true;
    }

    void multiply() {
        binary(Algorithm.BINARY_MUL, to.attributes, true);
    }

    void binary(Op.Binary op) {
        Algorithm algorithm = switch (op.kind()) {
            case SUBTRACT -> Algorithm.BINARY_SUB;
            case DIVIDE -> Algorithm.BINARY_DIV;
            case MINIMUM -> Algorithm.BINARY_MIN;
            case MAXIMUM -> Algorithm.BINARY_MAX;
            case GREATER -> Algorithm.BINARY_GT;
            case GREATER_OR_EQUAL -> Algorithm.BINARY_GE;
        };
        binary(algorithm, to.attributes, false);
    }

    private void binary(Algorithm algorithm, Attributes attributes, boolean commutes) {
        if (node.input(0).shape().equals(node.input(1).shape())) alike(algorithm, attributes, commutes);
        else broadcast(algorithm, attributes, commutes);
    }

    /** Where the operation commutes, either operand may be overwritten. */
    private void alike(Algorithm algorithm, Attributes attributes, boolean commutes) {
        Value a = node.input(0);
        Value b = node.input(1);
        Value like = to.layout(a).isPlain() ? b : a;
        MemoryDescriptor layout =
                commutes ? to.layout(like) : withoutPadding(like).getFirst();
        MemoryDescriptor plain = to.plain(a);
        PrimitiveDescriptor pd = to.choose(List.of(
                Binaries.of(algorithm, layout, layout, layout, attributes),
                Binaries.of(algorithm, plain, plain, plain, attributes)));
        layout = pd.query(Arg.DST);
        Slot first = to.in(a, layout);
        Slot other = to.in(b, layout);
        // oneDNN overwrites the first source only; which one may be overwritten is known when all readers are.
        if (commutes && !to.readers.isLast(a, node) && to.readers.isLast(b, node)) {
            Slot swapped = first;
            first = other;
            other = swapped;
        }
        emit(pd, first, other, to.out(node.output(0), layout));
    }

    /** As the operands lie, or row-major; as neighbouring axes joined; at last with the second operand repeated first. */
    private void broadcast(Algorithm algorithm, Attributes attributes, boolean commutes) {
        Value a = node.input(0);
        Value b = node.input(1);
        Value y = node.output(0);
        List<MemoryDescriptor> layouts = commutes ? List.of(to.layout(a), to.plain(a)) : withoutPadding(a);
        for (MemoryDescriptor layout : layouts) {
            for (MemoryDescriptor second : List.of(to.layout(b), to.plain(b))) {
                Optional<PrimitiveDescriptor> pd = kernel(algorithm, layout, second, attributes);
                if (pd.isPresent()) {
                    emit(pd.get(), to.in(a, layout), to.in(b, second), to.out(y, layout));
                    return;
                }
            }
        }
        LowerBroadcast broadcast = new LowerBroadcast(to, a.shape(), b.shape());
        Slot small = to.inPlain(b);
        Slot large = to.inPlain(a);
        Slot dst = to.out(y, to.plain(a));
        long[] middle = broadcast.aroundTheMiddle();
        if (middle != null) {
            Slot first = broadcast.seenAs(large, middle);
            Slot second = broadcast.seenAs(small, 1, middle[1], 1);
            Optional<PrimitiveDescriptor> pd = kernel(algorithm, first.layout(), second.layout(), attributes);
            if (pd.isPresent()) {
                emit(pd.get(), first, second, broadcast.seenAs(dst, middle));
                return;
            }
        }
        MemoryDescriptor plain = dst.layout();
        PrimitiveDescriptor pd =
                Binaries.of(algorithm, plain, plain, plain, attributes).create(to.arena);
        Slot repeated = new Slot(new Buffer("repeated", plain.size()), plain);
        broadcast.repeat(small, repeated);
        emit(pd, large, repeated, dst);
    }

    private Optional<PrimitiveDescriptor> kernel(
            Algorithm algorithm, MemoryDescriptor first, MemoryDescriptor second, Attributes attributes) {
        return Binaries.of(algorithm, first, second, first, attributes)
                .tryCreate(to.arena)
                .filter(pd -> !pd.isReference());
    }

    private void emit(PrimitiveDescriptor pd, Slot first, Slot second, Slot dst) {
        to.emit(pd, Map.of(Arg.SRC, first, Arg.SRC_1, second), Map.of(Arg.DST, dst), new StepSpec.InPlace(first, dst));
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
        Slot sum = to.changed(y);
        Slot flat = to.inPlain(bias);
        long[] dims = new long[y.shape().rank()];
        Arrays.fill(dims, 1);
        dims[1] = bias.shape().dim(0);
        Slot b = new Slot(
                flat.buffer(),
                MemoryDescriptor.plain(to.arena, dims, bias.type().dataType()));
        // In blocks the kernels read the second operand in blocks, too; one pixel of them lies as row-major memory
        // does,
        // but for what fills up the last block.
        MemoryDescriptor alike =
                to.layouts.onePixel(sum.layout(), dims, bias.type().dataType());
        if (alike.size() == b.layout().size()) {
            b = new Slot(flat.buffer(), alike);
        } else {
            Slot padded = new Slot(new Buffer(bias + " in blocks", alike.size()), alike);
            to.reorder(b, padded);
            b = padded;
        }
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
