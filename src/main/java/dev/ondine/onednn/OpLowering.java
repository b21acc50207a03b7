package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import java.util.ArrayList;
import java.util.List;

/** Gives each operation to the class that lowers its family. */
final class OpLowering {
    private OpLowering() {}

    static void lower(Lowering to, Node node) {
        switch (node.op()) {
            case Op.Convolution c -> new LowerConvolution(to, node).forward(c, Epilogue.none(to));
            case Op.ConvolutionBackwardData c -> new LowerConvolution(to, node).backwardData(c);
            case Op.ConvolutionBackwardWeights c -> new LowerConvolution(to, node).backwardWeights(c);
            case Op.TransposedConvolution c -> new LowerConvolution(to, node).transposed(c);
            case Op.Linear l -> new LowerLinear(to, node).forward(l, Epilogue.none(to));
            case Op.LinearBackwardData _ -> new LowerLinear(to, node).backwardData();
            case Op.LinearBackwardWeights l -> new LowerLinear(to, node).backwardWeights(l);
            case Op.MatMul m -> new LowerMatMul(to, node).forward(m);
            case Op.Epilogue e -> {
                if (!weighted(to, node, e.op(), Epilogue.of(to, node, e))) apart(to, node, e);
            }
            case Op.FoldedWeights f -> new LowerFold(to, node).fold(f);
            case Op.BatchNormalization b -> new LowerBatchNormalization(to, node).forward(b);
            case Op.BatchNormalizationBackward b -> new LowerBatchNormalization(to, node).backward(b);
            case Op.GhostBatchNormalization g -> new LowerGhostBatchNormalization(to, node).forward(g);
            case Op.GhostBatchNormalizationBackward g -> new LowerGhostBatchNormalization(to, node).backward(g);
            case Op.RenormalizationFactors r -> LowerRenormalization.factors(to, node, r);
            case Op.LayerNormalization l -> new LowerLayerNormalization(to, node).forward(l);
            case Op.LayerNormalizationBackward l -> new LowerLayerNormalization(to, node).backward(l);
            case Op.Pooling p -> new LowerPooling(to, node).forward(p);
            case Op.PoolingBackward p -> new LowerPooling(to, node).backward(p);
            case Op.Resampling r -> new LowerResampling(to, node).forward(r);
            case Op.ResamplingBackward r -> new LowerResampling(to, node).backward(r);
            case Op.AlongAxis a -> new LowerResampling(to, node).alongAxis(a);
            case Op.PRelu _ -> new LowerPRelu(to, node).forward();
            case Op.PReluBackward _ -> new LowerPRelu(to, node).backward();
            case Op.Activation a -> new LowerElementwise(to, node).activation(a);
            case Op.ActivationBackward a -> new LowerElementwise(to, node).activationBackward(a);
            case Op.Add a -> new LowerElementwise(to, node).add(a);
            case Op.Multiply _ -> new LowerElementwise(to, node).multiply();
            case Op.Binary b -> new LowerElementwise(to, node).binary(b);
            case Op.Unary u -> new LowerElementwise(to, node).unary(u);
            case Op.UnaryBackward u -> new LowerElementwise(to, node).unaryBackward(u.forward());
            case Op.Expand _ -> new LowerStructure(to, node).expand();
            case Op.Dropout d -> new LowerElementwise(to, node).dropout(d);
            case Op.Concat c -> new LowerStructure(to, node).concat(c);
            case Op.Slice s -> new LowerStructure(to, node).slice(s);
            case Op.SliceBackward s -> new LowerStructure(to, node).sliceBackward(s);
            case Op.Reshape r -> new LowerStructure(to, node).reshape(r);
            case Op.Transpose t -> new LowerStructure(to, node).transpose(t);
            case Op.Fill f -> new LowerStructure(to, node).fill(f);
            // Nothing happens until a reader says in which layout it wants the converted value.
            case Op.Convert _ -> to.convert(node.output(0), node.input(0));
            case Op.Round _ -> new LowerElementwise(to, node).round();
            case Op.ReduceSum r -> new LowerStructure(to, node).reduceSum(r);
            case Op.Softmax s -> new LowerSoftmax(to, node).forward(s);
            case Op.SoftmaxBackward s -> new LowerSoftmax(to, node).backward(s);
            case Op.CrossEntropy c -> new LowerLoss(to, node).crossEntropy(c);
            case Op.CrossEntropyBackward c -> new LowerLoss(to, node).crossEntropyBackward(c);
            case Op.SoftCrossEntropy c -> new LowerLoss(to, node).softCrossEntropy(c);
            case Op.SoftCrossEntropyBackward c -> new LowerLoss(to, node).softCrossEntropyBackward(c.forward());
            case Op.PointwiseLoss l -> new LowerLoss(to, node).pointwise(l);
            case Op.PointwiseLossBackward l -> new LowerLoss(to, node).pointwiseBackward(l.forward());
        }
    }

    private static boolean weighted(Lowering to, Node node, Op.Weighted op, Epilogue epilogue) {
        return switch (op) {
            case Op.Convolution c -> new LowerConvolution(to, node).forward(c, epilogue);
            case Op.Linear l -> new LowerLinear(to, node).forward(l, epilogue);
        };
    }

    /** The parts of an epilogue one after another, where no kernel does them at once. */
    private static void apart(Lowering to, Node whole, Op.Epilogue op) {
        List<Value> operands = new ArrayList<>(whole.inputs());
        Value residual = op.residual() ? operands.removeLast() : null;
        List<Node> parts = new ArrayList<>();
        parts.add(new Node(op.op(), operands, List.of(to.temporary(whole)), whole.path()));
        if (residual != null) {
            List<Value> terms = List.of(parts.getLast().output(0), residual);
            parts.add(new Node(new Op.Add(false), terms, List.of(to.temporary(whole)), whole.path()));
        }
        op.activation()
                .ifPresent(a ->
                        parts.add(new Node(a, parts.getLast().outputs(), List.of(to.temporary(whole)), whole.path())));
        Node end = parts.removeLast();
        parts.add(new Node(end.op(), end.inputs(), whole.outputs(), whole.path()));
        to.readers.replace(whole, parts);
        for (Node part : parts) to.lower(part);
    }
}
