package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.BatchNormalizations;
import dev.ondine.onednn.api.FormatTag;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.NormalizationFlag;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Propagation;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/** Batch normalization, with the ReLU behind it if there is one. */
final class LowerBatchNormalization {
    private final Lowering to;
    private final Node node;

    LowerBatchNormalization(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void forward(Op.BatchNormalization op) {
        Value x = node.input(0);
        Value y = node.output(0);
        Value mask = op.relu() ? node.outputs().getLast() : null;
        // Only training keeps statistics and mask; with given statistics and nobody to read the mask, inference is
        // cheaper.
        boolean keep = op.training() || (mask != null && to.readers.isRead(mask));
        Propagation propagation = keep ? Propagation.FORWARD_TRAINING : Propagation.FORWARD_INFERENCE;
        PrimitiveDescriptor pd = to.choose(forwardRequests(op, x, propagation));
        MemoryDescriptor layout = x.shape().rank() == 2 ? to.plain(x) : pd.query(Arg.SRC);
        if (op.training() && isOurs(layout)) {
            ownForward(op, layout);
            return;
        }

        Map<Arg, Slot> inputs = new LinkedHashMap<>();
        Map<Arg, Slot> outputs = new LinkedHashMap<>();
        Slot src = in(x, pd.query(Arg.SRC));
        inputs.put(Arg.SRC, src);
        Slot dst = out(y, pd.query(Arg.DST));
        outputs.put(Arg.DST, dst);
        int next = 1;
        if (op.training()) {
            outputs.put(Arg.MEAN, to.out(node.output(1), to.plain(node.output(1))));
            outputs.put(Arg.VARIANCE, to.out(node.output(2), to.plain(node.output(2))));
        } else {
            inputs.put(Arg.MEAN, to.inPlain(node.input(next++)));
            inputs.put(Arg.VARIANCE, to.inPlain(node.input(next++)));
        }
        if (op.scale()) inputs.put(Arg.SCALE, to.inPlain(node.input(next++)));
        if (op.shift()) inputs.put(Arg.SHIFT, to.inPlain(node.input(next)));
        MemoryDescriptor workspace = pd.query(Arg.WORKSPACE);
        if (mask != null) {
            to.rememberForward(mask, pd);
            if (!workspace.isNone()) outputs.put(Arg.WORKSPACE, to.out(mask, workspace));
        }
        to.emit(pd, inputs, outputs, new StepSpec.InPlace(src, dst));
    }

    void backward(Op.BatchNormalizationBackward op) {
        Op.BatchNormalization forward = op.forward();
        Optional<OwnNormalization> own = to.ownOf(node.input(1));
        // The statistics of one batch can be given to the normalization of another.
        if (forward.training() && own.isPresent()) {
            ownBackward(forward, own.get());
            return;
        }
        Value x = node.input(0);
        Value dx = node.output(0);
        int next = 3 + (forward.scale() ? 1 : 0);
        Value dy = node.input(next);
        Value mask = forward.relu() ? node.input(next + 1) : null;
        PrimitiveDescriptor hint = mask != null
                ? to.forwardOf(mask)
                : to.choose(forwardRequests(forward, x, Propagation.FORWARD_TRAINING));
        MemoryDescriptor layout = hint.query(Arg.SRC);
        Propagation propagation = forward.scale() || forward.shift() ? Propagation.BACKWARD : Propagation.BACKWARD_DATA;
        PrimitiveDescriptor pd = BatchNormalizations.backward(
                        propagation, layout, layout, layout, forward.epsilon(), flags(forward), hint, to.attributes)
                .create(to.arena);

        Map<Arg, Slot> inputs = new LinkedHashMap<>();
        Map<Arg, Slot> outputs = new LinkedHashMap<>();
        Slot diffDst = in(dy, layout);
        inputs.put(Arg.SRC, in(x, layout));
        inputs.put(Arg.DIFF_DST, diffDst);
        inputs.put(Arg.MEAN, to.inPlain(node.input(1)));
        inputs.put(Arg.VARIANCE, to.inPlain(node.input(2)));
        if (forward.scale()) inputs.put(Arg.SCALE, to.inPlain(node.input(3)));
        if (mask != null) inputs.put(Arg.WORKSPACE, to.in(mask));
        Slot diffSrc = out(dx, layout);
        outputs.put(Arg.DIFF_SRC, diffSrc);
        int result = 1;
        if (forward.scale()) outputs.put(Arg.DIFF_SCALE, outPlain(node.output(result++)));
        if (forward.shift()) outputs.put(Arg.DIFF_SHIFT, outPlain(node.output(result)));
        to.emit(pd, inputs, outputs, new StepSpec.InPlace(diffDst, diffSrc));
    }

    private boolean isOurs(MemoryDescriptor layout) {
        return to.own.map(own -> own.batchNorm().supports(layout)).orElse(false);
    }

    /** With {@link NativeBatchNorm}, which needs no mask of the ReLU for the gradient, and adds what a residual block adds. */
    private void ownForward(Op.BatchNormalization op, MemoryDescriptor layout) {
        Optional<Node> sum = additionBehind(op, layout);
        OwnNormalization own = new OwnNormalization(node, sum, layout);
        Map<Arg, Slot> statistics = new LinkedHashMap<>();
        statistics.put(Arg.MEAN, outPlain(node.output(1)));
        statistics.put(Arg.VARIANCE, outPlain(node.output(2)));
        Slot y = to.out(own.result(), layout);
        sum.ifPresent(to::make);
        to.rememberOwn(own);
        emitOwn(own, "batch_normalization forward_training", Map.of(), statistics, y, NativeBatchNorm.Call::forward);
    }

    /** The addition that alone reads y, if its other operand is there already and lies as y would. */
    private Optional<Node> additionBehind(Op.BatchNormalization op, MemoryDescriptor layout) {
        if (op.relu()) return Optional.empty();
        Value y = node.output(0);
        return to.readers
                .only(y)
                .filter(n -> n.op() instanceof Op.Add)
                .filter(n -> n.inputs().stream().allMatch(v -> v.type().equals(y.type())))
                .filter(n -> n.output(0).type().equals(y.type()))
                .filter(n -> n.inputs().stream()
                        .allMatch(v -> v.equals(y) || to.knownLayouts(v).contains(layout)));
    }

    /**
     * A value where a gradient's kernel reads it: a large result of {@link NativeBatchNorm} is made again, in the same bits, instead of
     * kept since the forward pass. It costs a pass over memory (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"; here
     * nothing but a normalization is repeated, whose input its gradient needs anyway).
     */
    static Slot again(Lowering to, Node reader, Value y, MemoryDescriptor wanted) {
        isMadeAgain(to, reader, y, wanted);
        return to.in(y, wanted);
    }

    private static boolean isMadeAgain(Lowering to, Node reader, Value y, MemoryDescriptor wanted) {
        OwnNormalization own = to.ownOf(y).orElse(null);
        if (own == null || !y.equals(own.result()) || !own.layout().equals(wanted)) return false;
        if (wanted.size() < (own.sum().isPresent() ? to.again.sumBytes() : to.again.bytes())) return false;
        boolean inputStays = to.readers.isReadFrom(own.forward().input(0), reader);
        if (!inputStays || !to.isWhereItWasMade(y)) return false;
        if (own.addend().isPresent()) {
            Value addend = own.addend().get();
            // The sum that went before may have to be made again first, back to the first block of its size.
            if (!isMadeAgain(to, reader, addend, wanted) && !to.readers.isReadFrom(addend, reader)) return false;
        }
        new LowerBatchNormalization(to, own.forward()).ownAgain(own);
        return true;
    }

    private void ownAgain(OwnNormalization own) {
        Map<Arg, Slot> statistics = new LinkedHashMap<>();
        statistics.put(Arg.MEAN, to.inPlain(node.output(1)));
        statistics.put(Arg.VARIANCE, to.inPlain(node.output(2)));
        Slot y = to.move(own.result(), own.layout());
        emitOwn(own, "batch_normalization forward_again", statistics, Map.of(), y, NativeBatchNorm.Call::again);
    }

    private void emitOwn(
            OwnNormalization own,
            String name,
            Map<Arg, Slot> read,
            Map<Arg, Slot> written,
            Slot y,
            Function<NativeBatchNorm.Call, Step> step) {
        NativeBatchNorm.Call call = ownCall(own.op(), own.relu(), own.layout());
        Map<Arg, Slot> inputs = new LinkedHashMap<>(read);
        Map<Arg, Slot> outputs = new LinkedHashMap<>(written);
        List<StepSpec.InPlace> inPlace = new ArrayList<>();
        inputs.put(Arg.SRC, to.in(node.input(0), own.layout()));
        if (own.op().scale()) inputs.put(Arg.SCALE, to.inPlain(node.input(1)));
        if (own.op().shift()) inputs.put(Arg.SHIFT, shiftOf(own.op(), node));
        own.addend().ifPresent(addend -> {
            Slot slot = to.in(addend, own.layout());
            inputs.put(Arg.SRC_1, slot);
            inPlace.add(new StepSpec.InPlace(slot, y));
        });
        outputs.put(Arg.DST, y);
        to.emitOwn(
                node,
                own.sum().isPresent() ? name + "+add" : name,
                OwnKernels.implementation(own.layout().dataType()),
                inputs,
                outputs,
                call.scratchBytes(),
                inPlace,
                (reads, writes) -> step.apply(call.take(reads).take(writes)));
    }

    private void ownBackward(Op.BatchNormalization op, OwnNormalization own) {
        MemoryDescriptor layout = own.layout();
        NativeBatchNorm.Call call = ownCall(op, op.relu(), layout);
        Map<Arg, Slot> inputs = new LinkedHashMap<>();
        Map<Arg, Slot> outputs = new LinkedHashMap<>();
        inputs.put(Arg.SRC, to.in(node.input(0), layout));
        inputs.put(Arg.MEAN, to.inPlain(node.input(1)));
        inputs.put(Arg.VARIANCE, to.inPlain(node.input(2)));
        if (op.scale()) inputs.put(Arg.SCALE, to.inPlain(node.input(3)));
        // The sign of y follows from x again.
        if (op.relu() && op.shift()) inputs.put(Arg.SHIFT, shiftOf(op, own.forward()));
        Slot dy = to.in(node.input(op.scale() ? 4 : 3), layout);
        inputs.put(Arg.DIFF_DST, dy);
        Slot dx = to.out(node.output(0), layout);
        outputs.put(Arg.DIFF_SRC, dx);
        int result = 1;
        if (op.scale()) outputs.put(Arg.DIFF_SCALE, outPlain(node.output(result++)));
        if (op.shift()) outputs.put(Arg.DIFF_SHIFT, outPlain(node.output(result)));
        to.emitOwn(
                node,
                "batch_normalization backward",
                OwnKernels.implementation(layout.dataType()),
                inputs,
                outputs,
                call.scratchBytes(),
                List.of(new StepSpec.InPlace(dy, dx)),
                (reads, writes) -> call.take(reads).take(writes).backward());
    }

    private NativeBatchNorm.Call ownCall(Op.BatchNormalization op, boolean relu, MemoryDescriptor layout) {
        return to.own.orElseThrow().batchNorm().call(to.arena, layout, op.epsilon(), relu, to.team.size());
    }

    private Slot shiftOf(Op.BatchNormalization op, Node forward) {
        return to.inPlain(forward.input(op.scale() ? 2 : 1));
    }

    private List<PrimitiveRequest> forwardRequests(Op.BatchNormalization op, Value x, Propagation propagation) {
        Set<MemoryDescriptor> layouts = new LinkedHashSet<>();
        if (x.shape().rank() == 2) {
            layouts.add(asImage(x));
        } else {
            List<MemoryDescriptor> all = new ArrayList<>(to.knownLayouts(x));
            all.removeIf(MemoryDescriptor::isPlain);
            all.addAll(to.layouts.candidates(x.shape(), x.type().dataType()));
            all.stream().filter(to.layouts::fillsVectors).forEach(layouts::add);
            // A reorder, and channels of which there are none, cost less than the plain loops that oneDNN has for the
            // rest.
            if (2 * x.shape().dim(1) > to.layouts.block()) layouts.add(to.layouts.blocked(x));
            layouts.addAll(all);
        }
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (MemoryDescriptor layout : layouts) {
            if (layout.isAny()) continue; // oneDNN does not choose layouts for batch normalization
            requests.add(
                    BatchNormalizations.forward(propagation, layout, layout, op.epsilon(), flags(op), to.attributes));
        }
        return requests;
    }

    static Set<NormalizationFlag> flags(Op.BatchNormalization op) {
        Set<NormalizationFlag> flags = EnumSet.noneOf(NormalizationFlag.class);
        if (!op.training()) flags.add(NormalizationFlag.USE_GLOBAL_STATS);
        if (op.scale()) flags.add(NormalizationFlag.USE_SCALE);
        if (op.shift()) flags.add(NormalizationFlag.USE_SHIFT);
        if (op.relu()) flags.add(NormalizationFlag.FUSE_NORM_RELU);
        return flags;
    }

    /** (N, C) as an image of one pixel with the channels last: the same memory, but oneDNN has fast kernels for it. */
    private MemoryDescriptor asImage(Value v) {
        return MemoryDescriptor.of(
                to.arena,
                new long[] {v.shape().dim(0), v.shape().dim(1), 1, 1},
                v.type().dataType(),
                FormatTag.ACDB);
    }

    private Slot in(Value v, MemoryDescriptor layout) {
        return v.shape().rank() == 2 ? new Slot(to.inPlain(v).buffer(), layout) : to.in(v, layout);
    }

    private Slot out(Value v, MemoryDescriptor layout) {
        return v.shape().rank() == 2 ? new Slot(to.out(v, to.plain(v)).buffer(), layout) : to.out(v, layout);
    }

    private Slot outPlain(Value v) {
        return to.out(v, to.plain(v));
    }
}
