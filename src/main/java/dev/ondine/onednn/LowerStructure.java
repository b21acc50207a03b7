package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Algorithm;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Concats;
import dev.ondine.onednn.api.Memory;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Reductions;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What moves elements without computing: concat, slice, reshape, transpose, fill; and the sum that undoes a broadcast. */
final class LowerStructure {
    private final Lowering to;
    private final Node node;

    LowerStructure(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void concat(Op.Concat op) {
        Value y = node.output(0);
        MemoryDescriptor any = to.layouts.any(y.shape(), y.type().dataType());
        List<PrimitiveRequest> requests = new ArrayList<>();
        requests.add(Concats.of(
                op.axis(),
                node.inputs().stream()
                        .map(to::layout)
                        .map(to.layouts::canonical)
                        .toList(),
                any,
                to.attributes));
        List<List<MemoryDescriptor>> candidates = node.inputs().stream()
                .map(v -> to.layouts.candidates(v.shape(), v.type().dataType()))
                .toList();
        for (int i = 0; i < candidates.getFirst().size(); i++) {
            int choice = i;
            List<MemoryDescriptor> sources =
                    candidates.stream().map(c -> c.get(choice)).toList();
            if (!sources.getFirst().isAny()) requests.add(Concats.of(op.axis(), sources, any, to.attributes));
        }
        PrimitiveDescriptor pd = to.choose(requests);
        Map<Arg, Slot> inputs = new LinkedHashMap<>();
        for (int i = 0; i < node.inputs().size(); i++) {
            Arg arg = Arg.multipleSource(i);
            inputs.put(arg, to.in(node.input(i), pd.query(arg)));
        }
        to.emit(pd, inputs, Map.of(Arg.DST, to.out(y, pd.query(Arg.DST))));
    }

    /** A part of the operand's memory; whoever cannot read that gets a copy. */
    void slice(Op.Slice op) {
        Value x = node.input(0);
        Value y = node.output(0);
        MemoryDescriptor copy = to.layout(x).isPlain()
                ? to.plain(y)
                : to.layouts.preferred(y.shape(), y.type().dataType());
        Slot seen = to.seen(x);
        Slot src = seen.layout().strides().isPresent() ? seen : to.in(x, cuttable(op, x, to.layout(x)));
        to.view(y, strided(src, op, y).orElseGet(() -> part(src, op, y)), copy);
    }

    /** A part that begins where oneDNN lets memory begin, without an offset for its kernels to mind. */
    private Optional<Slot> strided(Slot src, Op.Slice op, Value y) {
        DataType type = y.type().dataType();
        return src.layout().strides().flatMap(strides -> {
            long offset = op.start() * strides[op.axis()] * type.bytes();
            if (offset % Memory.ALIGNMENT != 0) return Optional.empty();
            MemoryDescriptor layout = MemoryDescriptor.strided(to.arena, LayoutPolicy.dims(y.shape()), type, strides);
            return Optional.of(new Slot(src.buffer().part(offset, layout.size()), layout));
        });
    }

    /** The operand's memory with its axes in another order. */
    void transpose(Op.Transpose op) {
        Value x = node.input(0);
        Value y = node.output(0);
        Slot src = to.seen(x);
        if (op.axes().isEmpty()) {
            to.define(y, src);
            return;
        }
        int[] becomes = op.inverse().axes().stream().mapToInt(i -> i).toArray();
        to.view(y, new Slot(src.buffer(), src.layout().permute(to.arena, becomes)), to.plain(y));
    }

    void sliceBackward(Op.SliceBackward op) {
        Value dy = node.input(0);
        Value dx = node.output(0);
        MemoryDescriptor wanted = to.layout(dy).isPlain()
                ? to.plain(dx)
                : to.layouts.preferred(dx.shape(), dx.type().dataType());
        Slot dst = to.out(dx, cuttable(op.forward(), dx, wanted));
        to.emitKernel("zero", List.of(), List.of(dst), List.of(), () -> {
            MemorySegment memory = dst.buffer().segment();
            return _ -> memory.fill((byte) 0);
        });
        to.reorder(to.in(dy), part(dst, op.forward(), dy));
    }

    /** A layout out of which the slice can be cut: blocks of channels cannot be cut in two, channels that lie last can. */
    private MemoryDescriptor cuttable(Op.Slice op, Value whole, MemoryDescriptor layout) {
        boolean blocked = layout.tag().chars().anyMatch(Character::isUpperCase);
        if (!blocked || op.axis() != 1) return layout;
        int block = to.layouts.block();
        boolean ends = op.length() % block == 0
                || op.start() + op.length() == whole.shape().dim(1);
        return op.start() % block == 0 && ends ? layout : to.layouts.channelsLast(whole);
    }

    private Slot part(Slot whole, Op.Slice op, Value slice) {
        long[] offsets = new long[slice.shape().rank()];
        offsets[op.axis()] = op.start();
        return new Slot(
                whole.buffer(), whole.layout().submemory(to.arena, slice.shape().dims(), offsets));
    }

    /**
     * Row-major memory is the same under every shape; so is a block of channels over a single pixel, and are blocks of channels whose
     * samples are counted as more channels or the other way round.
     */
    void reshape(Op.Reshape op) {
        Value x = node.input(0);
        Value y = node.output(0);
        if (keepsBlocks(x.shape(), y.shape()) && to.layout(x).equals(preferred(x))) {
            to.define(y, new Slot(to.in(x).buffer(), preferred(y)));
            return;
        }
        Slot seen = to.seen(x);
        if (seen.layout().strides().isPresent() && !seen.layout().isPlain()) {
            Optional<MemoryDescriptor> layout = seen.layout().tryReshape(to.arena, LayoutPolicy.dims(y.shape()));
            if (layout.isPresent()) {
                to.view(y, new Slot(seen.buffer(), layout.get()), to.plain(y));
                return;
            }
        }
        Slot src = isRowMajorInDisguise(x, to.in(x)) ? to.in(x) : to.inPlain(x);
        to.define(y, new Slot(src.buffer(), to.plain(y)));
    }

    /** Whether both shapes have whole blocks of channels over the same space. */
    private boolean keepsBlocks(Shape x, Shape y) {
        int block = to.layouts.block();
        int rank = x.rank();
        if (block == 1 || rank < 3 || rank > 5 || y.rank() != rank) return false;
        for (int i = 2; i < rank; i++) if (x.dim(i) != y.dim(i)) return false;
        return x.dim(1) % block == 0 && y.dim(1) % block == 0;
    }

    private MemoryDescriptor preferred(Value v) {
        return to.layouts.preferred(v.shape(), v.type().dataType());
    }

    /** Blocks of channels and channels last, over a single pixel and without gaps; not what lies with the samples innermost. */
    private static boolean isRowMajorInDisguise(Value x, Slot slot) {
        Shape s = x.shape();
        boolean onePixel = s.rank() > 2 && s.elements(2, s.rank()) == 1;
        if (!onePixel
                || slot.layout().size() != s.elements() * x.type().dataType().bytes()) return false;
        boolean channelsLast =
                slot.layout().strides().map(strides -> strides[1] == 1).orElse(true);
        return channelsLast || s.dim(0) == 1 || s.dim(1) == 1;
    }

    void fill(Op.Fill op) {
        Slot slot = to.pinned(node.output(0), to.plain(node.output(0)));
        to.constant(slot, op.value());
    }

    void expand() {
        Value x = node.input(0);
        Value y = node.output(0);
        if (x.shape().equals(y.shape())) to.define(y, to.in(x));
        else new LowerBroadcast(to, y.shape(), x.shape()).repeat(to.inPlain(x), to.out(y, to.plain(y)));
    }

    void reduceSum(Op.ReduceSum op) {
        Value x = node.input(0);
        Value y = node.output(0);
        if (x.shape().equals(y.shape())) {
            // oneDNN refuses to reduce nothing.
            to.define(y, x.type().equals(y.type()) ? to.in(x) : to.in(x, to.plain(y)));
            return;
        }
        LowerBroadcast broadcast = new LowerBroadcast(to, x.shape(), y.shape());
        Slot own = to.in(x);
        MemoryDescriptor plain = to.plain(y);
        if (!own.layout().isPlain()) {
            if (sumChannels(own, y)) return;
            Optional<PrimitiveDescriptor> pd = Reductions.of(
                            Algorithm.REDUCTION_SUM, own.layout(), plain, 0, 0, to.attributes)
                    .tryCreate(to.arena)
                    .filter(d -> !d.isReference());
            if (pd.isPresent()) {
                to.emit(pd.get(), Map.of(Arg.SRC, own), Map.of(Arg.DST, to.out(y, plain)));
                return;
            }
        }
        broadcast.sum(to.inPlain(x), to.out(y, plain));
    }

    /** Over everything but channels, in whatever layout the values lie. */
    private boolean sumChannels(Slot src, Value y) {
        long[] dims = src.layout().dims();
        boolean float32 =
                src.layout().dataType() == DataType.FLOAT32 && y.type().dataType() == DataType.FLOAT32;
        boolean channels = y.shape().elements() == dims[1] && y.shape().dim(1) == dims[1];
        if (!float32 || !channels) return false;
        ChannelSumKernel.Panels panels =
                ChannelSumKernel.Panels.of(src.layout()).orElse(null);
        if (panels == null) return false;
        Slot dst = to.out(y, to.plain(y));
        to.emitKernel(
                "channel sums",
                List.of(src),
                List.of(dst),
                List.of(),
                () -> new ChannelSumKernel(to.team, panels, (int) dims[1])
                        .step(src.buffer().segment(), dst.buffer().segment()));
        return true;
    }
}
