package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Algorithm;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.FormatTag;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.onednn.api.Resamplings;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Space resized by oneDNN, and products with fixed matrices along an axis, for which it has nothing. */
final class LowerResampling {
    private final Lowering to;
    private final Node node;

    LowerResampling(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void forward(Op.Resampling op) {
        Value x = node.input(0);
        Value y = node.output(0);
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (MemoryDescriptor layout : layouts(x)) requests.add(request(op, layout, y.shape()));
        PrimitiveDescriptor pd = to.choose(requests);
        to.emit(pd, Map.of(Arg.SRC, to.in(x, pd.query(Arg.SRC))), Map.of(Arg.DST, to.out(y, pd.query(Arg.DST))));
    }

    void backward(Op.ResamplingBackward op) {
        Value dy = node.input(0);
        Value dx = node.output(0);
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (MemoryDescriptor layout : layouts(dx)) {
            request(op.forward(), layout, dy.shape())
                    .tryCreate(to.arena)
                    .ifPresent(hint -> requests.add(Resamplings.backward(
                            algorithm(op.forward()), hint.query(Arg.SRC), hint.query(Arg.DST), hint, to.attributes)));
        }
        PrimitiveDescriptor pd = to.choose(requests);
        to.emit(
                pd,
                Map.of(Arg.DIFF_DST, to.in(dy, pd.query(Arg.DIFF_DST))),
                Map.of(Arg.DIFF_SRC, to.out(dx, pd.query(Arg.DIFF_SRC))));
    }

    /** Of what is resized. */
    private Set<MemoryDescriptor> layouts(Value v) {
        Set<MemoryDescriptor> layouts = new LinkedHashSet<>();
        for (MemoryDescriptor layout : to.knownLayouts(v)) layouts.add(unmistakable(layout));
        for (MemoryDescriptor layout : to.layouts.candidates(v.shape(), v.type().dataType())) {
            if (!layout.isAny()) layouts.add(unmistakable(layout));
        }
        return layouts;
    }

    /**
     * The same memory described such that the kernels understand it. A single pixel lies row-major as it does with channels last; they
     * hold it for the latter but take their steps from strides that no element needs, and leave most of the result as it was.
     */
    private MemoryDescriptor unmistakable(MemoryDescriptor layout) {
        MemoryDescriptor channelsLast =
                MemoryDescriptor.of(to.arena, layout.dims(), layout.dataType(), FormatTag.channelsLast(layout.rank()));
        return layout.equals(channelsLast) ? channelsLast : layout;
    }

    private PrimitiveRequest request(Op.Resampling op, MemoryDescriptor layout, Shape y) {
        Propagation propagation = to.training ? Propagation.FORWARD_TRAINING : Propagation.FORWARD_INFERENCE;
        return Resamplings.forward(
                propagation, algorithm(op), layout, to.layouts.any(y, layout.dataType()), to.attributes);
    }

    private static Algorithm algorithm(Op.Resampling op) {
        return switch (op.kind()) {
            case NEAREST -> Algorithm.RESAMPLING_NEAREST;
            case LINEAR -> Algorithm.RESAMPLING_LINEAR;
        };
    }

    /** In the layout that activations flow in if the value has that and its channels stay as they are, else row-major. */
    void alongAxis(Op.AlongAxis op) {
        Value x = node.input(0);
        Value y = node.output(0);
        MemoryDescriptor preferred = to.layouts.preferred(x.shape(), x.type().dataType());
        boolean flows = op.axis() != 1 && to.layout(x).equals(preferred);
        Slot src = flows ? to.in(x, preferred) : to.inPlain(x);
        Slot dst = to.out(y, flows ? to.layouts.preferred(y.shape(), y.type().dataType()) : to.plain(y));
        long floats = src.layout().size() / Float.BYTES;
        long inner = inner(op, x.shape(), src.layout());
        long outer = floats / inner / op.matrix().columns();
        to.emitKernel("along axis " + op.axis() + " " + op.matrix(), List.of(src), List.of(dst), List.of(), () -> {
            var kernel = new AlongAxisKernel(to.team, op.matrix(), outer, inner);
            return kernel.step(src.buffer().segment(), dst.buffer().segment());
        });
    }

    /** How many floats lie together between two neighbours of the axis. */
    private long inner(Op.AlongAxis op, Shape x, MemoryDescriptor layout) {
        if (op.axis() == 0) return layout.size() / Float.BYTES / x.dim(0);
        long behind = x.elements(op.axis() + 1, x.rank());
        if (layout.isPlain()) return behind;
        return behind * (layout.strides().isPresent() ? x.dim(1) : to.layouts.block());
    }
}
