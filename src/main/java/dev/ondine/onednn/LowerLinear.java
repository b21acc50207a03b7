package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.Attributes;
import dev.ondine.onednn.api.FormatTag;
import dev.ondine.onednn.api.InnerProducts;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Linear layers as inner products: activations row-major, weights as oneDNN likes them. */
final class LowerLinear {
    private final Lowering to;
    private final Node node;

    LowerLinear(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    /** Says false, and does nothing, if oneDNN has no real kernel that does the epilogue too. */
    boolean forward(Op.Linear op, Epilogue epilogue) {
        Value x = node.input(0);
        Value w = node.input(1);
        Value y = node.output(0);
        Attributes attributes = epilogue.attributes(to.plain(y)).orElseThrow();
        PrimitiveDescriptor pd = alongOutputs(op, attributes)
                .orElseGet(() -> forwardDescriptor(
                        to.plain(x),
                        to.layouts.any(w.shape(), x.type().dataType()),
                        to.plain(y),
                        op.bias(),
                        attributes));
        if (!epilogue.isEmpty() && pd.isReference()) return false;
        Map<Arg, Slot> inputs = new LinkedHashMap<>();
        inputs.put(Arg.SRC, to.inPlain(x));
        inputs.put(Arg.WEIGHTS, to.in(w, pd.query(Arg.WEIGHTS)));
        if (op.bias()) inputs.put(Arg.BIAS, to.inPlain(node.input(2)));
        Slot dst = epilogue.result(y, to.plain(y), inputs);
        to.emit(pd, inputs, Map.of(Arg.DST, dst), epilogue.inPlace(dst));
        return true;
    }

    /**
     * With weights that lie along outputs, as the kernels go: others are turned in every step. A layer whose input has no gradient can have
     * its weights so, as the gradient's kernel goes along inputs.
     */
    private Optional<PrimitiveDescriptor> alongOutputs(Op.Linear op, Attributes attributes) {
        Value x = node.input(0);
        Value w = node.input(1);
        if (!to.training || w.role() != Value.Role.PARAMETER || !to.readers.isOnly(w, node)) return Optional.empty();
        MemoryDescriptor along =
                MemoryDescriptor.of(to.arena, w.shape().dims(), w.type().dataType(), FormatTag.BA);
        PrimitiveDescriptor pd = forwardDescriptor(to.plain(x), along, to.plain(node.output(0)), op.bias(), attributes);
        return !pd.isReference() && to.settle(w, along) ? Optional.of(pd) : Optional.empty();
    }

    void backwardData() {
        Value dy = node.input(0);
        Value w = node.input(1);
        Value dx = node.output(0);
        // Of the type that is multiplied: the result can be wider than that.
        DataType type = dy.type().dataType();
        PrimitiveDescriptor hint = forwardDescriptor(
                to.layouts.plain(dx.shape(), type),
                to.layouts.any(w.shape(), type),
                to.plain(dy),
                false,
                to.attributes);
        PrimitiveDescriptor pd = InnerProducts.backwardData(to.plain(dx), any(w), to.plain(dy), hint, to.attributes)
                .create(to.arena);
        to.emit(
                pd,
                Map.of(Arg.DIFF_DST, to.inPlain(dy), Arg.WEIGHTS, to.in(w, pd.query(Arg.WEIGHTS))),
                Map.of(Arg.DIFF_SRC, to.out(dx, to.plain(dx))));
    }

    void backwardWeights(Op.LinearBackwardWeights op) {
        Value x = node.input(0);
        Value dy = node.input(1);
        Value dw = node.output(0);
        MemoryDescriptor anyWeights = to.layouts.any(dw.shape(), x.type().dataType());
        PrimitiveDescriptor hint = forwardDescriptor(to.plain(x), anyWeights, to.plain(dy), op.bias(), to.attributes);
        MemoryDescriptor bias = op.bias() ? to.plain(node.output(1)) : MemoryDescriptor.NONE;
        List<PrimitiveRequest> requests = new ArrayList<>();
        to.gradientLayout(dw)
                .ifPresent(settled -> requests.add(
                        InnerProducts.backwardWeights(to.plain(x), settled, bias, to.plain(dy), hint, to.attributes)));
        requests.add(InnerProducts.backwardWeights(to.plain(x), any(dw), bias, to.plain(dy), hint, to.attributes));
        PrimitiveDescriptor pd = to.choose(requests);
        Map<Arg, Slot> outputs = new LinkedHashMap<>();
        outputs.put(Arg.DIFF_WEIGHTS, to.out(dw, pd.query(Arg.DIFF_WEIGHTS)));
        if (op.bias()) outputs.put(Arg.DIFF_BIAS, to.out(node.output(1), bias));
        to.emit(pd, Map.of(Arg.SRC, to.inPlain(x), Arg.DIFF_DST, to.inPlain(dy)), outputs);
    }

    private PrimitiveDescriptor forwardDescriptor(
            MemoryDescriptor x, MemoryDescriptor weights, MemoryDescriptor y, boolean bias, Attributes attributes) {
        Propagation propagation = to.training ? Propagation.FORWARD_TRAINING : Propagation.FORWARD_INFERENCE;
        MemoryDescriptor biasLayout =
                bias ? to.layouts.plain(Shape.of(weights.dims()[0]), DataType.FLOAT32) : MemoryDescriptor.NONE;
        // The kernels multiply two of one type; bias and the sums are float32.
        return InnerProducts.forward(propagation, x, weights, biasLayout, y, attributes)
                .create(to.arena);
    }

    private MemoryDescriptor any(Value v) {
        return to.layouts.any(v.shape(), v.type().dataType());
    }
}
