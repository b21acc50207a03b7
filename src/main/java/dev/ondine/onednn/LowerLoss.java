package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.List;

/** Losses: loops in Java over row-major memory, see {@link LossKernels}. They see few numbers. */
final class LowerLoss {
    private final Lowering to;
    private final Node node;

    LowerLoss(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void crossEntropy(Op.CrossEntropy op) {
        Slot logits = to.inPlain(node.input(0));
        Slot target = to.inPlain(node.input(1));
        Slot loss = to.out(node.output(0), to.plain(node.output(0)));
        LossKernels.Logits shape = logits(node.input(0));
        to.emitKernel("cross_entropy", List.of(logits, target), List.of(loss), List.of(), () -> {
            LossKernels.CrossEntropy kernel = new LossKernels.CrossEntropy(op, shape);
            var x = logits.buffer().segment();
            var t = target.buffer().segment();
            var l = loss.buffer().segment();
            return _ -> kernel.forward(x, t, l);
        });
    }

    void crossEntropyBackward(Op.CrossEntropyBackward op) {
        Slot logits = to.inPlain(node.input(0));
        Slot target = to.inPlain(node.input(1));
        Slot dloss = to.inPlain(node.input(2));
        Slot dlogits = to.out(node.output(0), logits.layout());
        LossKernels.Logits shape = logits(node.input(0));
        to.emitKernel(
                "cross_entropy_backward",
                List.of(logits, target, dloss),
                List.of(dlogits),
                List.of(new StepSpec.InPlace(logits, dlogits)),
                () -> {
                    LossKernels.CrossEntropy kernel = new LossKernels.CrossEntropy(op.forward(), shape);
                    var x = logits.buffer().segment();
                    var t = target.buffer().segment();
                    var dl = dloss.buffer().segment();
                    var dx = dlogits.buffer().segment();
                    return _ -> kernel.backward(x, t, dl, dx);
                });
    }

    void meanSquaredError() {
        Slot prediction = to.inPlain(node.input(0));
        Slot target = to.inPlain(node.input(1));
        Slot loss = to.out(node.output(0), to.plain(node.output(0)));
        long n = node.input(0).shape().elements();
        to.emitKernel("mean_squared_error", List.of(prediction, target), List.of(loss), List.of(), () -> {
            var x = prediction.buffer().segment();
            var t = target.buffer().segment();
            var l = loss.buffer().segment();
            return _ -> LossKernels.meanSquaredError(x, t, n, l);
        });
    }

    void meanSquaredErrorBackward() {
        Slot prediction = to.inPlain(node.input(0));
        Slot target = to.inPlain(node.input(1));
        Slot dloss = to.inPlain(node.input(2));
        Slot dx = to.out(node.output(0), prediction.layout());
        long n = node.input(0).shape().elements();
        to.emitKernel(
                "mean_squared_error_backward",
                List.of(prediction, target, dloss),
                List.of(dx),
                List.of(new StepSpec.InPlace(prediction, dx)),
                () -> {
                    var x = prediction.buffer().segment();
                    var t = target.buffer().segment();
                    var dl = dloss.buffer().segment();
                    var d = dx.buffer().segment();
                    return _ -> LossKernels.meanSquaredErrorBackward(x, t, n, dl, d);
                });
    }

    private static LossKernels.Logits logits(Value v) {
        Shape s = v.shape();
        return new LossKernels.Logits(s.dim(0), s.dim(1), s.elements(2, s.rank()));
    }
}
