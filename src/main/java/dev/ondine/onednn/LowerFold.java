package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Weights with a batch normalization folded into them. In plain Java and double precision: it is done once for every change of the
 * parameters, and every weight is then rounded once, as often as if it had been learned so.
 */
final class LowerFold {
    private final Lowering to;
    private final Node node;

    LowerFold(Lowering to, Node node) {
        this.to = to;
        this.node = node;
    }

    void fold(Op.FoldedWeights op) {
        List<Slot> operands = node.inputs().stream().map(to::inPlain).toList();
        Value w = node.output(0);
        Value b = node.output(1);
        List<Slot> results = List.of(to.out(w, to.plain(w)), to.out(b, to.plain(b)));
        int channels = Math.toIntExact(b.shape().elements());
        long length = w.shape().elements() / channels;
        to.emitKernel("fold_weights", operands, results, List.of(), () -> {
            List<MemorySegment> in =
                    operands.stream().map(s -> s.buffer().segment()).toList();
            int mean = op.bias() ? 2 : 1;
            MemorySegment weights = in.getFirst();
            MemorySegment foldedWeights = results.getFirst().buffer().segment();
            MemorySegment foldedBias = results.getLast().buffer().segment();
            return _ -> {
                for (int c = 0; c < channels; c++) {
                    double gamma = op.scale() ? in.get(mean + 2).getAtIndex(JAVA_FLOAT, c) : 1;
                    double beta = op.shift() ? in.getLast().getAtIndex(JAVA_FLOAT, c) : 0;
                    double bias = op.bias() ? in.get(1).getAtIndex(JAVA_FLOAT, c) : 0;
                    double variance = in.get(mean + 1).getAtIndex(JAVA_FLOAT, c);
                    double factor = gamma / Math.sqrt(variance + op.epsilon());
                    double centered = bias - in.get(mean).getAtIndex(JAVA_FLOAT, c);
                    foldedBias.setAtIndex(JAVA_FLOAT, c, (float) (factor * centered + beta));
                    for (long i = c * length; i < (c + 1) * length; i++) {
                        foldedWeights.setAtIndex(JAVA_FLOAT, i, (float) (factor * weights.getAtIndex(JAVA_FLOAT, i)));
                    }
                }
            };
        });
    }
}
