package dev.ondine.onednn;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Losses: loops in Java over row-major memory, see {@link CrossEntropyKernel} and {@link PointwiseLossKernel}. */
final class LowerLoss {
    private final Lowering to;
    private final Node node;

    LowerLoss(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void crossEntropy(Op.CrossEntropy op) {
        forward("cross_entropy", (x, t, loss) -> new CrossEntropyKernel(to.team, op, logits(), x, t).forward(loss));
    }

    void crossEntropyBackward(Op.CrossEntropyBackward op) {
        backward(
                "cross_entropy_backward",
                (x, t, dloss, dx) -> new CrossEntropyKernel(to.team, op.forward(), logits(), x, t).backward(dloss, dx));
    }

    void softCrossEntropy(Op.SoftCrossEntropy op) {
        forward(
                "soft_cross_entropy",
                (x, t, loss) -> new SoftCrossEntropyKernel(to.team, op, logits(), x, t).forward(loss));
    }

    void softCrossEntropyBackward(Op.SoftCrossEntropy op) {
        backward(
                "soft_cross_entropy_backward",
                (x, t, dloss, dx) -> new SoftCrossEntropyKernel(to.team, op, logits(), x, t).backward(dloss, dx));
    }

    void pointwise(Op.PointwiseLoss op) {
        forward(name(op), (x, t, loss) -> pointwise(op, x, t).forward(loss));
    }

    void pointwiseBackward(Op.PointwiseLoss op) {
        backward(
                name(op) + "_backward", (x, t, dloss, dx) -> pointwise(op, x, t).backward(dloss, dx));
    }

    private PointwiseLossKernel pointwise(Op.PointwiseLoss op, MemorySegment x, MemorySegment t) {
        Shape shape = node.input(0).shape();
        return new PointwiseLossKernel(
                to.team, PointwiseFormula.of(op, shape), x, t, shape.elements(), PointwiseFormula.divisor(op, shape));
    }

    private static String name(Op.PointwiseLoss op) {
        return switch (op) {
            case Op.MeanSquaredError _ -> "mean_squared_error";
            case Op.SmoothL1 s -> s.beta() == 0 ? "l1" : "smooth_l1";
            case Op.BinaryCrossEntropy _ -> "binary_cross_entropy";
            case Op.KlDivergence _ -> "kl_divergence";
        };
    }

    // ---- a kernel's step

    @FunctionalInterface
    private interface Forward {
        Step step(MemorySegment x, MemorySegment target, MemorySegment loss);
    }

    @FunctionalInterface
    private interface Backward {
        Step step(MemorySegment x, MemorySegment target, MemorySegment dloss, MemorySegment dx);
    }

    private void forward(String name, Forward kernel) {
        Slot x = to.inPlain(node.input(0));
        Slot target = to.inPlain(node.input(1));
        Slot loss = to.out(node.output(0), to.plain(node.output(0)));
        to.emitKernel(
                name,
                List.of(x, target),
                List.of(loss),
                List.of(),
                () -> kernel.step(segment(x), segment(target), segment(loss)));
    }

    private void backward(String name, Backward kernel) {
        Slot x = to.inPlain(node.input(0));
        Slot target = to.inPlain(node.input(1));
        Slot dloss = to.inPlain(node.input(2));
        Slot dx = to.out(node.output(0), x.layout());
        to.emitKernel(
                name,
                List.of(x, target, dloss),
                List.of(dx),
                List.of(new StepSpec.InPlace(x, dx)),
                () -> kernel.step(segment(x), segment(target), segment(dloss), segment(dx)));
    }

    private static MemorySegment segment(Slot slot) {
        return slot.buffer().segment();
    }

    private LogitTiles.Logits logits() {
        Shape s = node.input(0).shape();
        return new LogitTiles.Logits(s.dim(0), s.dim(1), s.elements(2, s.rank()));
    }
}
