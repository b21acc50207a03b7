package dev.ondine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Team;
import dev.ondine.train.UpdateTarget.Slice;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The Euclidean norm of each parameter's part of a block, on all threads of a team. Sums are double; each chunk has its own, and they
 * are added in order, so that the number of threads makes no difference. Allocates nothing after a thread's first use.
 */
final class SliceNorms implements Team.Task {
    private static final int CHUNK = 4096;
    private static final int LANES = 8;

    private static final ThreadLocal<float[]> BUFFERS = ThreadLocal.withInitial(() -> new float[CHUNK]);

    private final int slices;
    private final int[] sliceOf;
    private final long[] from;
    private final int[] count;
    private final double[] sums;
    private final double[] squares;
    private MemorySegment block;

    SliceNorms(List<Slice> parts) {
        slices = parts.size();
        squares = new double[slices];
        int chunks = 0;
        for (Slice s : parts) chunks += Math.toIntExact(Math.ceilDiv(s.to() - s.from(), CHUNK));
        sliceOf = new int[chunks];
        from = new long[chunks];
        count = new int[chunks];
        sums = new double[chunks];
        int c = 0;
        for (int s = 0; s < slices; s++) {
            for (long at = parts.get(s).from(); at < parts.get(s).to(); at += CHUNK) {
                sliceOf[c] = s;
                from[c] = at;
                count[c++] = (int) Math.min(CHUNK, parts.get(s).to() - at);
            }
        }
    }

    /** Measures a block; the results stay until the next time. */
    void measure(MemorySegment block, Team team) {
        this.block = block;
        try {
            if (sums.length <= 2) run(0, 1);
            else team.run(this);
        } finally {
            this.block = null;
        }
        for (int s = 0; s < slices; s++) squares[s] = 0;
        for (int c = 0; c < sums.length; c++) squares[sliceOf[c]] += sums[c];
    }

    /** Of one parameter. */
    double norm(int slice) {
        return Math.sqrt(squares[slice]);
    }

    /** Of all parameters together. */
    double norm() {
        double sum = 0;
        for (int s = 0; s < slices; s++) sum += squares[s];
        return Math.sqrt(sum);
    }

    @Override
    public void run(int part, int parts) {
        float[] buffer = BUFFERS.get();
        int end = (int) Team.start(sums.length, part + 1, parts);
        for (int c = (int) Team.start(sums.length, part, parts); c < end; c++) {
            MemorySegment.copy(block, JAVA_FLOAT, from[c] * Float.BYTES, buffer, 0, count[c]);
            sums[c] = squares(buffer, count[c]);
        }
    }

    /** Several sums at a time, because an addition must wait for the one before it. */
    private static double squares(float[] x, int n) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i + LANES <= n; i += LANES) {
            s0 += (double) x[i] * x[i] + (double) x[i + 4] * x[i + 4];
            s1 += (double) x[i + 1] * x[i + 1] + (double) x[i + 5] * x[i + 5];
            s2 += (double) x[i + 2] * x[i + 2] + (double) x[i + 6] * x[i + 6];
            s3 += (double) x[i + 3] * x[i + 3] + (double) x[i + 7] * x[i + 7];
        }
        for (; i < n; i++) s0 += (double) x[i] * x[i];
        return s0 + s1 + (s2 + s3);
    }
}
