package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Attributes;
import dev.ondine.onednn.api.Convolutions;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.onednn.api.Window;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Convolution forward, backward data and backward weights. Weights are always oneDNN's choice, activations follow the policy. */
final class LowerConvolution {
    /** Layouts of the input and the output (or of their gradients). */
    private record Pair(MemoryDescriptor input, MemoryDescriptor output) {}

    private final Lowering to;
    private final Node node;

    LowerConvolution(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    /** Says false, and does nothing, if oneDNN has no real kernel that does the epilogue too. */
    boolean forward(Op.Convolution op, Epilogue epilogue) {
        Value x = node.input(0);
        Value w = node.input(1);
        Value y = node.output(0);
        Set<Pair> pairs = new LinkedHashSet<>();
        List<MemoryDescriptor> outputs = new ArrayList<>(epilogue.residualLayouts());
        outputs.add(to.layouts.preferred(y.shape(), y.type().dataType()));
        for (MemoryDescriptor output : outputs) {
            // The network's own input is row-major with few channels: kernels for first layers read it as it is.
            if (to.origin(x).role() != Value.Role.INPUT) pairs.add(new Pair(to.layout(x), output));
            pairs.add(new Pair(any(x), output));
        }
        addFallbacks(pairs, x, y);
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (Pair pair : pairs) {
            epilogue.attributes(pair.output)
                    .ifPresent(attributes -> requests.add(
                            forwardRequest(op, pair.input, weightDims(op, w.shape()), pair.output, attributes)));
        }
        Map<Arg, Value> operands = new LinkedHashMap<>(Map.of(Arg.SRC, x));
        // A residual must lie as the result does.
        epilogue.residual().ifPresent(r -> operands.put(Arg.DST, r));
        PrimitiveDescriptor pd = to.choose(requests, operands, Map.of(Arg.DST, y));
        if (!epilogue.isEmpty() && pd.isReference()) return false;

        Map<Arg, Slot> inputs = new LinkedHashMap<>();
        inputs.put(Arg.SRC, to.in(x, pd.query(Arg.SRC)));
        inputs.put(Arg.WEIGHTS, weights(w, op, pd.query(Arg.WEIGHTS)));
        if (op.bias()) inputs.put(Arg.BIAS, to.inPlain(node.input(2)));
        if (epilogue.residual().isPresent()) {
            Slot dst = epilogue.result(y, pd.query(Arg.DST), inputs);
            to.emit(pd, inputs, Map.of(Arg.DST, dst), epilogue.inPlace(dst));
        } else {
            to.emit(pd, inputs, Arg.DST, y);
        }
        return true;
    }

    void backwardData(Op.ConvolutionBackwardData op) {
        backwardData(op.forward());
    }

    /** The gradient of a convolution's data by another name; then the bias, in place. */
    void transposed(Op.TransposedConvolution op) {
        backwardData(op.convolution());
        if (op.bias()) new LowerElementwise(to, node).addBias(node.output(0), node.input(2));
    }

    private void backwardData(Op.Convolution op) {
        Value dy = node.input(0);
        Value w = node.input(1);
        Value dx = node.output(0);
        Set<Pair> pairs = new LinkedHashSet<>();
        MemoryDescriptor input = to.layouts.preferred(dx.shape(), dx.type().dataType());
        // The end of a decoder: channels that fill no vector. The kernels over rows of pixels are several times faster
        // then.
        if (dx.shape().dim(1) < to.layouts.block()) pairs.add(new Pair(to.plain(dx), to.plain(dy)));
        pairs.add(new Pair(input, flowing(dy)));
        pairs.add(new Pair(input, to.layout(dy)));
        addFallbacks(pairs, dx, dy);
        long[] weightDims = weightDims(op, w.shape());
        // Of the type that is multiplied: the result can be wider than that.
        PrimitiveDescriptor hint =
                hint(op, dx.shape(), weightDims, dy.shape(), dy.type().dataType());
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (Pair pair : pairs) {
            requests.add(Convolutions.backwardData(
                    to.layouts.canonical(pair.input),
                    anyWeights(weightDims, w.type().dataType()),
                    to.layouts.canonical(pair.output),
                    window(op),
                    hint,
                    to.attributes));
        }
        PrimitiveDescriptor pd = to.choose(requests, Map.of(Arg.DIFF_DST, dy), Map.of(Arg.DIFF_SRC, dx));
        to.emit(
                pd,
                Map.of(
                        Arg.DIFF_DST,
                        to.in(dy, pd.query(Arg.DIFF_DST)),
                        Arg.WEIGHTS,
                        weights(w, op, pd.query(Arg.WEIGHTS))),
                Arg.DIFF_SRC,
                dx);
    }

    void backwardWeights(Op.ConvolutionBackwardWeights op) {
        Value x = node.input(0);
        Value dy = node.input(1);
        Value dw = node.output(0);
        Set<Pair> pairs = new LinkedHashSet<>();
        for (MemoryDescriptor input : to.knownLayouts(x)) pairs.add(new Pair(input, flowing(dy)));
        for (MemoryDescriptor input : to.knownLayouts(x)) pairs.add(new Pair(input, to.layout(dy)));
        addFallbacks(pairs, x, dy);
        // Of one channel, row-major and channels last are the same: only in a block it is neither.
        pairs.add(new Pair(to.layouts.blocked(x), to.layouts.blocked(dy)));
        long[] weightDims = weightDims(op.forward(), op.weight());
        PrimitiveDescriptor hint =
                hint(op.forward(), x.shape(), weightDims, dy.shape(), x.type().dataType());
        List<PrimitiveRequest> requests = new ArrayList<>();
        // A layout that is settled already saves a reorder of the gradient; then any other.
        to.gradientLayout(dw).ifPresent(settled -> {
            for (Pair pair : pairs) requests.add(weightsRequest(op, pair, settled, hint));
        });
        for (Pair pair : pairs)
            requests.add(
                    weightsRequest(op, pair, anyWeights(weightDims, dw.type().dataType()), hint));
        PrimitiveDescriptor pd = to.choose(requests, Map.of(Arg.SRC, x, Arg.DIFF_DST, dy), Map.of());

        Slot src = LowerBatchNormalization.again(to, node, x, pd.query(Arg.SRC));
        Optional<NativeConvolution.Call> own = ownBackwardWeights(op.forward(), pd);
        if (own.isPresent()) {
            emitOwn(own.get(), src, to.in(dy, pd.query(Arg.DIFF_DST)), to.out(dw, pd.query(Arg.DIFF_WEIGHTS)));
            return;
        }
        Slot slot = to.out(dw, pd.query(Arg.DIFF_WEIGHTS));
        Map<Arg, Slot> outputs = new LinkedHashMap<>();
        outputs.put(Arg.DIFF_WEIGHTS, slot);
        if (op.forward().bias()) outputs.put(Arg.DIFF_BIAS, to.out(node.output(1), pd.query(Arg.DIFF_BIAS)));
        to.emit(pd, Map.of(Arg.SRC, src, Arg.DIFF_DST, to.in(dy, pd.query(Arg.DIFF_DST))), outputs);
        if (op.forward().groups() > 1 && !to.isParameterGradient(dw)) {
            MemoryDescriptor plain = MemoryDescriptor.plain(to.arena, weightDims, DataType.FLOAT32);
            to.define(dw, new Slot(to.in(dw, plain).buffer(), to.plain(dw)));
        }
    }

    /** Ondine's own kernel in place of a primitive, for the same layouts, where there is one. */
    private Optional<NativeConvolution.Call> ownBackwardWeights(Op.Convolution op, PrimitiveDescriptor pd) {
        if (to.own.isEmpty() || op.bias() || op.groups() > 1) return Optional.empty();
        // Which multiplies whole tiles at a time.
        if (pd.implementation().contains("amx")) return Optional.empty();
        if (op.stride().size() != 2 || op.dilation().stream().anyMatch(d -> d > 1)) return Optional.empty();
        return to.own
                .get()
                .convolution()
                .backwardWeights(
                        to.arena,
                        pd.query(Arg.SRC),
                        pd.query(Arg.DIFF_DST),
                        pd.query(Arg.DIFF_WEIGHTS),
                        Windows.longs(op.stride(), 0),
                        Windows.longs(op.paddingBegin(), 0),
                        to.team.size());
    }

    private void emitOwn(NativeConvolution.Call call, Slot x, Slot dy, Slot gradient) {
        Map<Arg, Slot> inputs = new LinkedHashMap<>();
        inputs.put(Arg.SRC, x);
        inputs.put(Arg.DIFF_DST, dy);
        to.emitOwn(
                node,
                "convolution backward_weights",
                OwnKernels.implementation(x.layout().dataType()),
                inputs,
                Map.of(Arg.DIFF_WEIGHTS, gradient),
                call.scratchBytes(),
                List.of(),
                (reads, writes) -> call.step(
                        memory(reads.get(Arg.SRC)),
                        memory(reads.get(Arg.DIFF_DST)),
                        memory(writes.get(Arg.DIFF_WEIGHTS)),
                        writes.containsKey(Arg.SCRATCHPAD) ? memory(writes.get(Arg.SCRATCHPAD)) : MemorySegment.NULL));
    }

    private static MemorySegment memory(Slot slot) {
        return slot.buffer().segment();
    }

    private PrimitiveRequest weightsRequest(
            Op.ConvolutionBackwardWeights op, Pair pair, MemoryDescriptor weights, PrimitiveDescriptor hint) {
        MemoryDescriptor bias = op.forward().bias()
                ? to.layouts.plain(Shape.of(op.weight().dim(0)), DataType.FLOAT32)
                : MemoryDescriptor.NONE;
        PrimitiveRequest request = Convolutions.backwardWeights(
                to.layouts.canonical(pair.input),
                weights,
                bias,
                to.layouts.canonical(pair.output),
                window(op.forward()),
                hint,
                to.attributes);
        boolean strided = op.forward().stride().stream().anyMatch(s -> s > 1);
        return KnownDefects.guarded(request, strided, op.weight().dim(1), to.layouts.block());
    }

    private PrimitiveRequest forwardRequest(
            Op.Convolution op, MemoryDescriptor x, long[] weightDims, MemoryDescriptor y, Attributes attributes) {
        MemoryDescriptor bias =
                op.bias() ? to.layouts.plain(Shape.of(y.dims()[1]), DataType.FLOAT32) : MemoryDescriptor.NONE;
        Propagation propagation = to.training ? Propagation.FORWARD_TRAINING : Propagation.FORWARD_INFERENCE;
        // The kernels multiply two of one type; bias and the sums are float32.
        return Convolutions.forward(
                propagation,
                to.layouts.canonical(x),
                anyWeights(weightDims, x.dataType()),
                bias,
                to.layouts.canonical(y),
                window(op),
                attributes);
    }

    /** oneDNN wants a forward primitive descriptor beside each backward one; its layouts do not matter. */
    private PrimitiveDescriptor hint(Op.Convolution op, Shape x, long[] weightDims, Shape y, DataType type) {
        return forwardRequest(op, to.layouts.any(x, type), weightDims, to.layouts.any(y, type), to.attributes)
                .create(to.arena);
    }

    /** The layout that a value has, unless it is row-major: reordered first, it takes the faster kernels. */
    private MemoryDescriptor flowing(Value v) {
        MemoryDescriptor layout = to.layout(v);
        return layout.isPlain() ? to.layouts.preferred(v.shape(), v.type().dataType()) : layout;
    }

    private void addFallbacks(Set<Pair> pairs, Value x, Value y) {
        List<MemoryDescriptor> inputs =
                to.layouts.candidates(x.shape(), x.type().dataType());
        List<MemoryDescriptor> outputs =
                to.layouts.candidates(y.shape(), y.type().dataType());
        for (int i = 0; i < inputs.size(); i++) pairs.add(new Pair(inputs.get(i), outputs.get(i)));
    }

    /** Weights in the layout that a primitive wants. With groups oneDNN counts them as an axis of their own. */
    private Slot weights(Value w, Op.Convolution op, MemoryDescriptor wanted) {
        if (op.groups() > 1 && to.origin(w).role() != Value.Role.PARAMETER) {
            MemoryDescriptor grouped = MemoryDescriptor.plain(
                    to.arena, weightDims(op, w.shape()), w.type().dataType());
            to.define(w, new Slot(to.inPlain(w).buffer(), grouped));
        }
        return to.in(w, wanted);
    }

    private static long[] weightDims(Op.Convolution op, Shape weight) {
        if (op.groups() == 1) return weight.dims();
        long[] dims = new long[weight.rank() + 1];
        dims[0] = op.groups();
        dims[1] = weight.dim(0) / op.groups();
        for (int i = 1; i < weight.rank(); i++) dims[i + 1] = weight.dim(i);
        return dims;
    }

    private MemoryDescriptor anyWeights(long[] dims, DataType type) {
        return MemoryDescriptor.any(to.arena, dims, type);
    }

    private MemoryDescriptor any(Value v) {
        return to.layouts.any(v.shape(), v.type().dataType());
    }

    private static Window window(Op.Convolution op) {
        // oneDNN counts the elements left out between two of the kernel: a dense kernel has dilation 0.
        return new Window(
                Windows.longs(op.stride(), 0),
                Windows.longs(op.dilation(), -1),
                Windows.longs(op.paddingBegin(), 0),
                Windows.longs(op.paddingEnd(), 0));
    }
}
