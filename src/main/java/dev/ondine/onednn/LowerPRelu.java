package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PRelus;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.tensor.DataType;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** ReLU with learned slopes, in the layout that the input has if there is a kernel for that. */
final class LowerPRelu {
    private final Lowering to;
    private final Node node;

    LowerPRelu(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void forward() {
        Value x = node.input(0);
        Value slope = node.input(1);
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (MemoryDescriptor layout : layouts(x)) requests.add(forward(layout, slope));
        PrimitiveDescriptor pd = to.choose(requests);
        Slot src = to.in(x, pd.query(Arg.SRC));
        Slot dst = to.out(node.output(0), pd.query(Arg.DST));
        to.emit(
                pd,
                Map.of(Arg.SRC, src, Arg.WEIGHTS, to.in(slope, pd.query(Arg.WEIGHTS))),
                Map.of(Arg.DST, dst),
                new StepSpec.InPlace(src, dst));
    }

    void backward() {
        Value x = node.input(0);
        Value slope = node.input(1);
        List<PrimitiveRequest> requests = new ArrayList<>();
        for (MemoryDescriptor layout : layouts(x)) {
            forward(layout, slope)
                    .tryCreate(to.arena)
                    .ifPresent(hint -> requests.add(
                            PRelus.backward(layout, any(slope), layout, any(slope), layout, hint, to.attributes)));
        }
        PrimitiveDescriptor pd = to.choose(requests);
        to.emit(
                pd,
                Map.of(
                        Arg.SRC,
                        to.in(x, pd.query(Arg.SRC)),
                        Arg.WEIGHTS,
                        to.in(slope, pd.query(Arg.WEIGHTS)),
                        Arg.DIFF_DST,
                        to.in(node.input(2), pd.query(Arg.DIFF_DST))),
                Map.of(
                        Arg.DIFF_SRC,
                        to.out(node.output(0), pd.query(Arg.DIFF_SRC)),
                        Arg.DIFF_WEIGHTS,
                        to.out(node.output(1), pd.query(Arg.DIFF_WEIGHTS))));
    }

    private PrimitiveRequest forward(MemoryDescriptor layout, Value slope) {
        Propagation propagation = to.training ? Propagation.FORWARD_TRAINING : Propagation.FORWARD_INFERENCE;
        return PRelus.forward(propagation, layout, any(slope), layout, to.attributes);
    }

    private MemoryDescriptor any(Value v) {
        return to.layouts.any(v.shape(), DataType.FLOAT32);
    }

    private Set<MemoryDescriptor> layouts(Value v) {
        Set<MemoryDescriptor> layouts = new LinkedHashSet<>(to.knownLayouts(v));
        layouts.addAll(to.layouts.candidates(v.shape(), v.type().dataType()));
        layouts.removeIf(MemoryDescriptor::isAny);
        return layouts;
    }
}
