package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Team;
import java.lang.foreign.MemorySegment;

/**
 * Mean squared error and its gradient over row-major float32, on all threads of a team.
 *
 * <p>Values pass through small arrays, loops over which C2 vectorizes. The sum is taken in double, in chunks that do not depend on
 * the number of threads and are added up in order: any number of threads gives the same bits.
 */
final class MeanSquaredErrorKernel {
    private static final int CHUNK = 2048;

    /** One thread's arrays. */
    private static final class Buffers {
        final float[] x = new float[CHUNK];
        final float[] t = new float[CHUNK];
    }

    private final Team team;
    private final Buffers[] buffers;
    private final MemorySegment x;
    private final MemorySegment target;
    private final long n;
    private final long chunks;

    MeanSquaredErrorKernel(Team team, MemorySegment x, MemorySegment target, long n) {
        this.team = team;
        this.x = x;
        this.target = target;
        this.n = n;
        this.chunks = (n + CHUNK - 1) / CHUNK;
        this.buffers = new Buffers[team.size()];
        for (int i = 0; i < buffers.length; i++) buffers[i] = new Buffers();
    }

    /** Σ (x − t)²/n. */
    Step forward(MemorySegment loss) {
        double[] sums = new double[Math.toIntExact(chunks)];
        Team.Task task = (part, parts) -> {
            Buffers b = buffers[part];
            long end = Team.start(chunks, part + 1, parts);
            for (long c = Team.start(chunks, part, parts); c < end; c++) sums[(int) c] = squares(b, load(b, c));
        };
        return _ -> {
            run(task);
            double sum = 0;
            for (double s : sums) sum += s;
            loss.setAtIndex(JAVA_FLOAT, 0, (float) (sum / n));
        };
    }

    /** 2/n·(x − t)·dloss, which may overwrite x. */
    Step backward(MemorySegment dloss, MemorySegment dx) {
        Team.Task task = (part, parts) -> {
            Buffers b = buffers[part];
            float scale = (float) (2.0 * dloss.getAtIndex(JAVA_FLOAT, 0) / n);
            long end = Team.start(chunks, part + 1, parts);
            for (long c = Team.start(chunks, part, parts); c < end; c++) {
                int count = load(b, c);
                scaleDifferences(b.x, b.t, count, scale);
                MemorySegment.copy(b.x, 0, dx, JAVA_FLOAT, c * CHUNK * Float.BYTES, count);
            }
        };
        return _ -> run(task);
    }

    private void run(Team.Task task) {
        // A team costs as much as a chunk or two.
        if (chunks <= 2) task.run(0, 1);
        else team.run(task);
    }

    private int load(Buffers b, long chunk) {
        long at = chunk * CHUNK;
        int count = (int) Math.min(CHUNK, n - at);
        MemorySegment.copy(x, JAVA_FLOAT, at * Float.BYTES, b.x, 0, count);
        MemorySegment.copy(target, JAVA_FLOAT, at * Float.BYTES, b.t, 0, count);
        return count;
    }

    /** Four sums at a time: one alone waits for each addition to end before the next begins. */
    private static double squares(Buffers b, int count) {
        float[] x = b.x;
        float[] t = b.t;
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i + 3 < count; i += 4) {
            double d0 = x[i] - t[i];
            double d1 = x[i + 1] - t[i + 1];
            double d2 = x[i + 2] - t[i + 2];
            double d3 = x[i + 3] - t[i + 3];
            s0 += d0 * d0;
            s1 += d1 * d1;
            s2 += d2 * d2;
            s3 += d3 * d3;
        }
        for (; i < count; i++) {
            double d = x[i] - t[i];
            s0 += d * d;
        }
        return (s0 + s1) + (s2 + s3);
    }

    private static void scaleDifferences(float[] x, float[] t, int count, float scale) {
        for (int i = 0; i < count; i++) x[i] = (x[i] - t[i]) * scale;
    }
}
