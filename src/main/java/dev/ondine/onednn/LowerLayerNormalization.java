package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.Arg;
import dev.ondine.onednn.api.LayerNormalizations;
import dev.ondine.onednn.api.MemoryDescriptor;
import dev.ondine.onednn.api.NormalizationFlag;
import dev.ondine.onednn.api.PrimitiveDescriptor;
import dev.ondine.onednn.api.PrimitiveRequest;
import dev.ondine.onednn.api.Propagation;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Layer normalization: row-major memory as a matrix, whose rows are normalized, whatever axes they are made of. */
final class LowerLayerNormalization {
    private final Lowering to;
    private final Node node;

    LowerLayerNormalization(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void forward(Op.LayerNormalization op) {
        Value x = node.input(0);
        // Statistics are results of training only; in evaluation nobody reads them.
        Propagation propagation = to.training ? Propagation.FORWARD_TRAINING : Propagation.FORWARD_INFERENCE;
        PrimitiveDescriptor pd = forwardRequest(op, x, propagation).create(to.arena);
        Map<Arg, Slot> inputs = new LinkedHashMap<>();
        Map<Arg, Slot> outputs = new LinkedHashMap<>();
        Slot src = in(x, matrix(op, x));
        Slot dst = out(node.output(0), matrix(op, x));
        inputs.put(Arg.SRC, src);
        outputs.put(Arg.DST, dst);
        if (op.scale()) inputs.put(Arg.SCALE, in(node.input(1), row(op, x)));
        if (op.shift()) inputs.put(Arg.SHIFT, in(node.inputs().getLast(), row(op, x)));
        if (to.training) {
            outputs.put(Arg.MEAN, out(node.output(1), column(op, x)));
            outputs.put(Arg.VARIANCE, out(node.output(2), column(op, x)));
        }
        to.emit(pd, inputs, outputs, new StepSpec.InPlace(src, dst));
    }

    void backward(Op.LayerNormalizationBackward op) {
        Op.LayerNormalization forward = op.forward();
        Value x = node.input(0);
        MemoryDescriptor matrix = matrix(forward, x);
        PrimitiveDescriptor hint =
                forwardRequest(forward, x, Propagation.FORWARD_TRAINING).create(to.arena);
        PrimitiveDescriptor pd = LayerNormalizations.backward(
                        forward.scale() || forward.shift() ? Propagation.BACKWARD : Propagation.BACKWARD_DATA,
                        matrix,
                        matrix,
                        matrix,
                        column(forward, x),
                        forward.epsilon(),
                        flags(forward),
                        hint,
                        to.attributes)
                .create(to.arena);
        Map<Arg, Slot> inputs = new LinkedHashMap<>();
        Map<Arg, Slot> outputs = new LinkedHashMap<>();
        Slot diffDst = in(node.inputs().getLast(), matrix);
        Slot diffSrc = out(node.output(0), matrix);
        inputs.put(Arg.SRC, in(x, matrix));
        inputs.put(Arg.DIFF_DST, diffDst);
        inputs.put(Arg.MEAN, in(node.input(1), column(forward, x)));
        inputs.put(Arg.VARIANCE, in(node.input(2), column(forward, x)));
        if (forward.scale()) inputs.put(Arg.SCALE, in(node.input(3), row(forward, x)));
        outputs.put(Arg.DIFF_SRC, diffSrc);
        if (forward.scale()) outputs.put(Arg.DIFF_SCALE, out(node.output(1), row(forward, x)));
        if (forward.shift()) outputs.put(Arg.DIFF_SHIFT, out(node.outputs().getLast(), row(forward, x)));
        to.emit(pd, inputs, outputs, new StepSpec.InPlace(diffDst, diffSrc));
    }

    private PrimitiveRequest forwardRequest(Op.LayerNormalization op, Value x, Propagation propagation) {
        MemoryDescriptor matrix = matrix(op, x);
        return LayerNormalizations.forward(
                propagation, matrix, matrix, column(op, x), op.epsilon(), flags(op), to.attributes);
    }

    private static Set<NormalizationFlag> flags(Op.LayerNormalization op) {
        Set<NormalizationFlag> flags = EnumSet.noneOf(NormalizationFlag.class);
        if (op.scale()) flags.add(NormalizationFlag.USE_SCALE);
        if (op.shift()) flags.add(NormalizationFlag.USE_SHIFT);
        return flags;
    }

    // ---- the input as rows

    private static long rows(Op.LayerNormalization op, Shape x) {
        return x.elements(0, x.rank() - op.axes());
    }

    private MemoryDescriptor matrix(Op.LayerNormalization op, Value x) {
        long rows = rows(op, x.shape());
        return plain(x.type().dataType(), rows, x.shape().elements() / rows);
    }

    /** Of scale and shift. */
    private MemoryDescriptor row(Op.LayerNormalization op, Value x) {
        return plain(DataType.FLOAT32, x.shape().elements() / rows(op, x.shape()));
    }

    /** Of the statistics. */
    private MemoryDescriptor column(Op.LayerNormalization op, Value x) {
        return plain(DataType.FLOAT32, rows(op, x.shape()));
    }

    private MemoryDescriptor plain(DataType type, long... dims) {
        return MemoryDescriptor.plain(to.arena, dims, type);
    }

    private Slot in(Value v, MemoryDescriptor layout) {
        return new Slot(to.inPlain(v).buffer(), layout);
    }

    private Slot out(Value v, MemoryDescriptor layout) {
        return new Slot(to.out(v, to.plain(v)).buffer(), layout);
    }
}
