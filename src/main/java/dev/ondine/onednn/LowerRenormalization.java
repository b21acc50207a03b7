package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.graph.Node;
import dev.ondine.graph.Op;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The correction of batch renormalization: a few operations for each channel, in Java. */
final class LowerRenormalization {
    private LowerRenormalization() {}

    static void factors(Lowering to, Node node, Op.RenormalizationFactors op) {
        List<Slot> reads = node.inputs().stream().map(to::inPlain).toList();
        List<Slot> writes =
                node.outputs().stream().map(v -> to.out(v, to.plain(v))).toList();
        long channels = node.output(0).shape().elements();
        to.emitKernel("renormalization_factors", reads, writes, List.of(), () -> {
            MemorySegment mean = reads.get(0).buffer().segment();
            MemorySegment variance = reads.get(1).buffer().segment();
            MemorySegment runningMean = reads.get(2).buffer().segment();
            MemorySegment runningVariance = reads.get(3).buffer().segment();
            MemorySegment r = writes.get(0).buffer().segment();
            MemorySegment d = writes.get(1).buffer().segment();
            return step -> {
                double rmax = op.limits().rmaxAt(step);
                double dmax = op.limits().dmaxAt(step);
                for (long c = 0; c < channels; c++) {
                    double running = Math.sqrt((double) runningVariance.getAtIndex(JAVA_FLOAT, c) + op.epsilon());
                    double own = Math.sqrt((double) variance.getAtIndex(JAVA_FLOAT, c) + op.epsilon());
                    double shift = (double) mean.getAtIndex(JAVA_FLOAT, c) - runningMean.getAtIndex(JAVA_FLOAT, c);
                    r.setAtIndex(JAVA_FLOAT, c, (float) Math.clamp(own / running, 1 / rmax, rmax));
                    d.setAtIndex(JAVA_FLOAT, c, (float) Math.clamp(shift / running, -dmax, dmax));
                }
            };
        });
    }
}
