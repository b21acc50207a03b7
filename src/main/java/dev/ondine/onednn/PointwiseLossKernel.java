package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Team;
import java.lang.foreign.MemorySegment;

/**
 * A loss that compares each element with its target, and its gradient, over row-major float32, on all threads of a team.
 *
 * <p>Values pass through small arrays, loops over which C2 vectorizes. The sum is taken in double, in chunks that do not depend on
 * the number of threads and are added up in order: any number of threads gives the same bits.
 */
final class PointwiseLossKernel {
    static final int CHUNK = 2048;

    /** A chunk of predictions and their targets: one thread's arrays. */
    static final class Chunk {
        final float[] x = new float[CHUNK];
        final float[] t = new float[CHUNK];
        /** Index of the first element. */
        long start;

        int count;
    }

    private final Team team;
    private final PointwiseFormula formula;
    private final Chunk[] buffers;
    private final MemorySegment x;
    private final MemorySegment target;
    private final long n;
    private final double divisor;
    private final long chunks;

    /** @param divisor what the sum over the {@code n} elements is divided by */
    PointwiseLossKernel(
            Team team, PointwiseFormula formula, MemorySegment x, MemorySegment target, long n, double divisor) {
        this.team = team;
        this.formula = formula;
        this.x = x;
        this.target = target;
        this.n = n;
        this.divisor = divisor;
        this.chunks = (n + CHUNK - 1) / CHUNK;
        this.buffers = new Chunk[team.size()];
        for (int i = 0; i < buffers.length; i++) buffers[i] = new Chunk();
    }

    /** The loss. */
    Step forward(MemorySegment loss) {
        double[] sums = new double[Math.toIntExact(chunks)];
        Team.Task task = (part, parts) -> {
            Chunk b = buffers[part];
            long end = Team.start(chunks, part + 1, parts);
            for (long c = Team.start(chunks, part, parts); c < end; c++) {
                load(b, c);
                sums[(int) c] = formula.sum(b);
            }
        };
        return _ -> {
            run(task);
            double sum = 0;
            for (double s : sums) sum += s;
            loss.setAtIndex(JAVA_FLOAT, 0, (float) (sum / divisor));
        };
    }

    /** The derivative times dloss, which may overwrite x. */
    Step backward(MemorySegment dloss, MemorySegment dx) {
        Team.Task task = (part, parts) -> {
            Chunk b = buffers[part];
            double scale = dloss.getAtIndex(JAVA_FLOAT, 0) / divisor;
            long end = Team.start(chunks, part + 1, parts);
            for (long c = Team.start(chunks, part, parts); c < end; c++) {
                load(b, c);
                formula.differentiate(b, scale);
                MemorySegment.copy(b.x, 0, dx, JAVA_FLOAT, b.start * Float.BYTES, b.count);
            }
        };
        return _ -> run(task);
    }

    private void run(Team.Task task) {
        // A team costs as much as a chunk or two.
        if (chunks <= 2) task.run(0, 1);
        else team.run(task);
    }

    private void load(Chunk b, long chunk) {
        b.start = chunk * CHUNK;
        b.count = (int) Math.min(CHUNK, n - b.start);
        MemorySegment.copy(x, JAVA_FLOAT, b.start * Float.BYTES, b.x, 0, b.count);
        MemorySegment.copy(target, JAVA_FLOAT, b.start * Float.BYTES, b.t, 0, b.count);
    }
}
