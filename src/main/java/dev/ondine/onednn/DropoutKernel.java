package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.DropoutMask;
import dev.ondine.backend.Team;
import dev.ondine.graph.Op;
import java.lang.foreign.MemorySegment;

/**
 * Dropout over row-major float32, on all threads of a team: what is kept is divided by 1 − p, the rest is 0. An element's index, not the
 * thread that it falls to, decides whether it is kept.
 */
final class DropoutKernel {
    private static final int CHUNK = 1024;

    /** How far the places of a chunk's elements are from the first's. */
    private static final long[] STRIDES = new long[CHUNK];

    static {
        for (int i = 0; i < CHUNK; i++) STRIDES[i] = i * DropoutMask.STRIDE;
    }

    private static final class Buffers {
        final float[] values = new float[CHUNK];
        final long[] draws = new long[CHUNK];
    }

    private final Team team;
    private final long salt;
    private final long seed;
    private final float scale;
    private final long threshold;
    private final Buffers[] buffers;

    DropoutKernel(Team team, Op.Dropout op, long seed) {
        this.team = team;
        this.salt = op.salt();
        this.seed = seed;
        this.scale = 1 / (1 - op.probability());
        this.threshold = DropoutMask.threshold(op.probability());
        this.buffers = new Buffers[team.size()];
        for (int i = 0; i < buffers.length; i++) buffers[i] = new Buffers();
    }

    /** The step from x to y, which may be the same memory, of {@code n} elements. */
    Step step(MemorySegment x, MemorySegment y, long n) {
        long chunks = (n + CHUNK - 1) / CHUNK;
        long[] key = new long[1];
        Team.Task task = (part, parts) -> {
            Buffers b = buffers[part];
            long end = Math.min(n, Team.start(chunks, part + 1, parts) * CHUNK);
            for (long at = Team.start(chunks, part, parts) * CHUNK; at < end; at += CHUNK) {
                int count = (int) Math.min(CHUNK, end - at);
                MemorySegment.copy(x, JAVA_FLOAT, at * Float.BYTES, b.values, 0, count);
                draw(b.draws, count, key[0] + at * DropoutMask.STRIDE);
                drop(b.values, b.draws, count);
                MemorySegment.copy(b.values, 0, y, JAVA_FLOAT, at * Float.BYTES, count);
            }
        };
        return step -> {
            key[0] = DropoutMask.key(seed, salt, step);
            // A team costs as much as a chunk.
            if (chunks <= 1) task.run(0, 1);
            else team.run(task);
        };
    }

    private static void draw(long[] draws, int count, long first) {
        for (int i = 0; i < count; i++) draws[i] = DropoutMask.draw(first + STRIDES[i]);
    }

    /** Without a branch: half of them would be guessed wrong. A negative difference is all ones behind its sign. */
    private void drop(float[] values, long[] draws, int count) {
        float scale = this.scale;
        long threshold = this.threshold;
        for (int i = 0; i < count; i++) {
            int kept = ~(int) ((draws[i] - threshold) >> 63);
            values[i] = Float.intBitsToFloat(Float.floatToRawIntBits(values[i] * scale) & kept);
        }
    }
}
