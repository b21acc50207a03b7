package dev.ondine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Counts right answers. */
public final class Accuracy {
    private Accuracy() {}

    /**
     * How many of the first {@code count} rows of logits (N, C) are largest where the target is, a class or, in a row of probabilities, the
     * likeliest one; 0 if targets are neither.
     */
    static int correct(Loss loss, Tensor logits, Tensor target, int count) {
        if (!(loss instanceof Loss.SoftCrossEntropy)) return correct(logits, target, count);
        if (logits.shape().rank() != 2) return 0;
        int classes = (int) logits.shape().dim(1);
        int correct = 0;
        for (int n = 0; n < count; n++) {
            long row = (long) n * classes;
            if (argmax(logits.segment(), row, classes) == argmax(target.segment(), row, classes)) correct++;
        }
        return correct;
    }

    /** How many of the first {@code count} rows of logits (N, C) are largest at the target's class; 0 if these are no classes. */
    public static int correct(Tensor logits, Tensor target, int count) {
        if (target.dataType() != DataType.INT32 || logits.shape().rank() != 2) return 0;
        MemorySegment x = logits.segment();
        MemorySegment t = target.segment();
        int classes = (int) logits.shape().dim(1);
        int correct = 0;
        for (int n = 0; n < count; n++) {
            if (argmax(x, (long) n * classes, classes) == t.getAtIndex(JAVA_INT, n)) correct++;
        }
        return correct;
    }

    /**
     * How many of {@code n} values from {@code at} come before the one of {@code target}: larger ones, and equal ones of a lower index. A
     * NaN comes before everything.
     */
    static int rank(MemorySegment x, long at, int n, int target) {
        float own = x.getAtIndex(JAVA_FLOAT, at + target);
        int rank = 0;
        for (int c = 0; c < n; c++) {
            float other = x.getAtIndex(JAVA_FLOAT, at + c);
            boolean behind = c < target ? other < own : other <= own;
            if (c != target && !behind) rank++;
        }
        return rank;
    }

    /** The index of the largest of {@code n} values from {@code at}; the first of them if there are several. */
    static int argmax(MemorySegment x, long at, int n) {
        int best = 0;
        for (int c = 1; c < n; c++) {
            if (x.getAtIndex(JAVA_FLOAT, at + c) > x.getAtIndex(JAVA_FLOAT, at + best)) best = c;
        }
        return best;
    }
}
