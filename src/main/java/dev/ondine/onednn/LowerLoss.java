package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.List;

/** Losses: loops in Java over row-major memory, see {@link CrossEntropyKernel} and {@link MeanSquaredErrorKernel}. */
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
        var shape = logits(node.input(0));
        to.emitKernel("cross_entropy", List.of(logits, target), List.of(loss), List.of(), () -> {
            var x = logits.buffer().segment();
            var t = target.buffer().segment();
            return new CrossEntropyKernel(to.team, op, shape, x, t)
                    .forward(loss.buffer().segment());
        });
    }

    void crossEntropyBackward(Op.CrossEntropyBackward op) {
        Slot logits = to.inPlain(node.input(0));
        Slot target = to.inPlain(node.input(1));
        Slot dloss = to.inPlain(node.input(2));
        Slot dlogits = to.out(node.output(0), logits.layout());
        var shape = logits(node.input(0));
        to.emitKernel(
                "cross_entropy_backward",
                List.of(logits, target, dloss),
                List.of(dlogits),
                List.of(new StepSpec.InPlace(logits, dlogits)),
                () -> {
                    var x = logits.buffer().segment();
                    var t = target.buffer().segment();
                    return new CrossEntropyKernel(to.team, op.forward(), shape, x, t)
                            .backward(dloss.buffer().segment(), dlogits.buffer().segment());
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
            return new MeanSquaredErrorKernel(to.team, x, t, n)
                    .forward(loss.buffer().segment());
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
                    return new MeanSquaredErrorKernel(to.team, x, t, n)
                            .backward(dloss.buffer().segment(), dx.buffer().segment());
                });
    }

    private static CrossEntropyKernel.Logits logits(Value v) {
        Shape s = v.shape();
        return new CrossEntropyKernel.Logits(s.dim(0), s.dim(1), s.elements(2, s.rank()));
    }
}
