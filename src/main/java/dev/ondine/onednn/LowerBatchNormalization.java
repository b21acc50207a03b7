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
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

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
        if (op.training() && isOurs(x, pd.query(Arg.SRC))) {
            ownForward(op, pd.query(Arg.SRC));
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
        Optional<Lowering.OwnNormalization> own = to.ownOf(node.input(1));
        if (own.isPresent()) {
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

    private boolean isOurs(Value x, MemoryDescriptor layout) {
        return x.shape().rank() > 2
                && to.own.map(own -> own.batchNorm().supports(layout)).orElse(false);
    }

    /** With {@link NativeBatchNorm}, which needs no mask of the ReLU for the gradient. */
    private void ownForward(Op.BatchNormalization op, MemoryDescriptor layout) {
        NativeBatchNorm.Call call = ownCall(op, layout);
        Slot x = to.in(node.input(0), layout);
        Optional<Slot> scale = op.scale() ? Optional.of(to.inPlain(node.input(1))) : Optional.empty();
        Optional<Slot> shift = shiftOf(op, node);
        Slot y = to.out(node.output(0), layout);
        Slot mean = outPlain(node.output(1));
        Slot variance = outPlain(node.output(2));
        Slot scratch = to.scratchpad(call.scratchBytes());
        List<Slot> reads = new ArrayList<>(List.of(x));
        scale.ifPresent(reads::add);
        shift.ifPresent(reads::add);
        to.rememberOwn(node.output(1), new Lowering.OwnNormalization(node, layout));
        to.emitKernel(
                "batch_normalization forward_training",
                NativeBatchNorm.implementation(layout.dataType()),
                reads,
                List.of(y, mean, variance, scratch),
                List.of(),
                () -> {
                    call.x(memory(x)).result(memory(y)).mean(memory(mean)).variance(memory(variance));
                    scale.ifPresent(s -> call.scale(memory(s)));
                    shift.ifPresent(s -> call.shift(memory(s)));
                    return call.scratch(memory(scratch)).forward();
                });
    }

    private void ownBackward(Op.BatchNormalization op, Lowering.OwnNormalization own) {
        MemoryDescriptor layout = own.layout();
        NativeBatchNorm.Call call = ownCall(op, layout);
        Slot x = to.in(node.input(0), layout);
        Slot mean = to.inPlain(node.input(1));
        Slot variance = to.inPlain(node.input(2));
        Optional<Slot> scale = op.scale() ? Optional.of(to.inPlain(node.input(3))) : Optional.empty();
        // The sign of y follows from x again.
        Optional<Slot> shift = op.relu() ? shiftOf(op, own.forward()) : Optional.empty();
        Slot dy = to.in(node.input(op.scale() ? 4 : 3), layout);
        Slot dx = to.out(node.output(0), layout);
        int result = 1;
        Optional<Slot> scaleGradient = op.scale() ? Optional.of(outPlain(node.output(result++))) : Optional.empty();
        Optional<Slot> shiftGradient = op.shift() ? Optional.of(outPlain(node.output(result))) : Optional.empty();
        Slot scratch = to.scratchpad(call.scratchBytes());
        List<Slot> reads = new ArrayList<>(List.of(x, dy, mean, variance));
        scale.ifPresent(reads::add);
        shift.ifPresent(reads::add);
        List<Slot> writes = new ArrayList<>(List.of(dx, scratch));
        scaleGradient.ifPresent(writes::add);
        shiftGradient.ifPresent(writes::add);
        to.emitKernel(
                "batch_normalization backward",
                NativeBatchNorm.implementation(layout.dataType()),
                reads,
                writes,
                List.of(new StepSpec.InPlace(dy, dx)),
                () -> {
                    call.x(memory(x))
                            .dy(memory(dy))
                            .result(memory(dx))
                            .mean(memory(mean))
                            .variance(memory(variance));
                    scale.ifPresent(s -> call.scale(memory(s)));
                    shift.ifPresent(s -> call.shift(memory(s)));
                    scaleGradient.ifPresent(s -> call.scaleGradient(memory(s)));
                    shiftGradient.ifPresent(s -> call.shiftGradient(memory(s)));
                    return call.scratch(memory(scratch)).backward();
                });
    }

    private NativeBatchNorm.Call ownCall(Op.BatchNormalization op, MemoryDescriptor layout) {
        return to.own.orElseThrow().batchNorm().call(to.arena, layout, op.epsilon(), op.relu(), to.team.size());
    }

    private Optional<Slot> shiftOf(Op.BatchNormalization op, Node forward) {
        return op.shift() ? Optional.of(to.inPlain(forward.input(op.scale() ? 2 : 1))) : Optional.empty();
    }

    private static MemorySegment memory(Slot slot) {
        return slot.buffer().segment();
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
