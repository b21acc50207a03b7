package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.BatchNormalizations;
import dev.ondine.onednn.api.FormatTag;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Batch normalization of virtual batches: the same primitive once for each. Samples lie one behind another in every layout, so that a
 * virtual batch is a piece of the tensor's memory, and nothing is copied; unless pieces would not begin where oneDNN may expect them
 * to, which an odd number of odd images of few channels brings about.
 */
final class LowerGhostBatchNormalization {
    private final Lowering to;
    private final Node node;

    LowerGhostBatchNormalization(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    /** How the whole tensor lies, and the primitive for a piece of it. */
    private record Choice(MemoryDescriptor whole, PrimitiveDescriptor part) {}

    void forward(Op.GhostBatchNormalization op) {
        Value x = node.input(0);
        Choice choice = choose(op, x);
        Slot src = in(x, choice.whole);
        Slot dst = out(node.output(0), choice.whole);
        MemoryDescriptor part = choice.part.query(Arg.SRC);
        for (int g = 0; g < op.ghosts(); g++) {
            Map<Arg, Slot> inputs = new LinkedHashMap<>();
            Map<Arg, Slot> outputs = new LinkedHashMap<>();
            Slot result = result(dst, g, part);
            inputs.put(Arg.SRC, operand(src, g, part));
            if (op.scale()) inputs.put(Arg.SCALE, to.inPlain(node.input(1)));
            if (op.shift()) inputs.put(Arg.SHIFT, to.inPlain(node.inputs().getLast()));
            outputs.put(Arg.DST, result);
            outputs.put(Arg.MEAN, outPlain(node.output(1 + 2 * g)));
            outputs.put(Arg.VARIANCE, outPlain(node.output(2 + 2 * g)));
            to.emit(choice.part, inputs, outputs);
            store(result, dst, g);
        }
    }

    void backward(Op.GhostBatchNormalizationBackward op) {
        Op.GhostBatchNormalization forward = op.forward();
        Value x = node.input(0);
        Value dy = node.inputs().getLast();
        Choice choice = choose(forward, x);
        MemoryDescriptor part = choice.part.query(Arg.SRC);
        PrimitiveDescriptor pd = BatchNormalizations.backward(
                        forward.scale() || forward.shift() ? Propagation.BACKWARD : Propagation.BACKWARD_DATA,
                        part,
                        part,
                        part,
                        forward.epsilon(),
                        LowerBatchNormalization.flags(forward.part()),
                        choice.part,
                        to.attributes)
                .create(to.arena);
        Slot src = in(x, choice.whole);
        Slot diffDst = in(dy, choice.whole);
        Slot diffSrc = out(node.output(0), choice.whole);
        MemoryDescriptor row = to.layouts.plain(Shape.of(x.shape().dim(1)), DataType.FLOAT32);
        List<Slot> scales = new ArrayList<>();
        List<Slot> shifts = new ArrayList<>();
        for (int g = 0; g < forward.ghosts(); g++) {
            Map<Arg, Slot> inputs = new LinkedHashMap<>();
            Map<Arg, Slot> outputs = new LinkedHashMap<>();
            Slot result = result(diffSrc, g, part);
            inputs.put(Arg.SRC, operand(src, g, part));
            inputs.put(Arg.DIFF_DST, operand(diffDst, g, part));
            inputs.put(Arg.MEAN, to.inPlain(node.input(1 + 2 * g)));
            inputs.put(Arg.VARIANCE, to.inPlain(node.input(2 + 2 * g)));
            if (forward.scale()) {
                inputs.put(Arg.SCALE, to.inPlain(node.input(1 + 2 * forward.ghosts())));
                scales.add(new Slot(new Buffer("scale[" + g + "]", row.size()), row));
                outputs.put(Arg.DIFF_SCALE, scales.getLast());
            }
            if (forward.shift()) {
                shifts.add(new Slot(new Buffer("shift[" + g + "]", row.size()), row));
                outputs.put(Arg.DIFF_SHIFT, shifts.getLast());
            }
            outputs.put(Arg.DIFF_SRC, result);
            to.emit(pd, inputs, outputs);
            store(result, diffSrc, g);
        }
        int next = 1;
        if (forward.scale()) sum(scales, outPlain(node.output(next++)));
        if (forward.shift()) sum(shifts, outPlain(node.output(next)));
    }

    /** The sum of what each virtual batch gave, in double, in their order. */
    private void sum(List<Slot> terms, Slot sums) {
        long channels = sums.layout().dims()[0];
        to.emitKernel("sum_of_virtual_batches", terms, List.of(sums), List.of(), () -> {
            MemorySegment[] from = terms.stream().map(s -> s.buffer().segment()).toArray(MemorySegment[]::new);
            MemorySegment into = sums.buffer().segment();
            return _ -> {
                for (long c = 0; c < channels; c++) {
                    double sum = 0;
                    for (MemorySegment term : from) sum += term.getAtIndex(JAVA_FLOAT, c);
                    into.setAtIndex(JAVA_FLOAT, c, (float) sum);
                }
            };
        });
    }

    // ---- pieces

    private static boolean isAligned(MemoryDescriptor part) {
        return part.size() % Tensor.ALIGNMENT == 0;
    }

    /** Where a piece is to be read. */
    private Slot operand(Slot whole, int g, MemoryDescriptor part) {
        if (isAligned(part)) return piece(whole, g, part);
        Slot copy = apart(whole, g, part);
        copy("copy_virtual_batch", whole, g * part.size(), copy, 0, part.size());
        return copy;
    }

    /** Where a piece is to be written; {@link #store} brings it to its place. */
    private static Slot result(Slot whole, int g, MemoryDescriptor part) {
        return isAligned(part) ? piece(whole, g, part) : apart(whole, g, part);
    }

    private void store(Slot result, Slot whole, int g) {
        long size = result.layout().size();
        if (!isAligned(result.layout())) copy("store_virtual_batch", result, 0, whole, g * size, size);
    }

    private static Slot piece(Slot whole, int g, MemoryDescriptor part) {
        return new Slot(whole.buffer().part(g * part.size(), part.size()), part);
    }

    private static Slot apart(Slot whole, int g, MemoryDescriptor part) {
        return new Slot(new Buffer(name(whole, g), part.size()), part);
    }

    private static String name(Slot whole, int g) {
        return whole.buffer().name() + "[" + g + "]";
    }

    private void copy(String name, Slot from, long fromOffset, Slot into, long intoOffset, long bytes) {
        to.emitKernel(name, List.of(from), List.of(into), List.of(), () -> {
            MemorySegment source = from.buffer().segment();
            MemorySegment target = into.buffer().segment();
            return _ -> MemorySegment.copy(source, fromOffset, target, intoOffset, bytes);
        });
    }

    // ---- layouts

    /** The first layout in which oneDNN has a real kernel for a piece. */
    private Choice choose(Op.GhostBatchNormalization op, Value x) {
        Shape piece = x.shape().with(0, x.shape().dim(0) / op.ghosts());
        List<MemoryDescriptor> wholes = layouts(x.shape(), x.type().dataType());
        List<MemoryDescriptor> parts = layouts(piece, x.type().dataType());
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (MemoryDescriptor part : parts) {
            requests.add(BatchNormalizations.forward(
                    Propagation.FORWARD_TRAINING,
                    part,
                    part,
                    op.epsilon(),
                    LowerBatchNormalization.flags(op.part()),
                    to.attributes));
        }
        PrimitiveDescriptor pd = to.choose(requests);
        return new Choice(wholes.get(parts.indexOf(pd.query(Arg.SRC))), pd);
    }

    private List<MemoryDescriptor> layouts(Shape shape, DataType type) {
        // As an image of one pixel: the same memory, but oneDNN has fast kernels for it.
        if (shape.rank() == 2) {
            long[] dims = {shape.dim(0), shape.dim(1), 1, 1};
            return List.of(MemoryDescriptor.of(to.arena, dims, type, FormatTag.ACDB));
        }
        return to.layouts.candidates(shape, type).stream()
                .filter(l -> !l.isAny())
                .toList();
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
