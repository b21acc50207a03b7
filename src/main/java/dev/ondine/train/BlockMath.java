package dev.ondine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Team;
import java.lang.foreign.MemorySegment;

/**
 * Simple passes over whole blocks, on all threads of a team, element by element: the same bits for any number of threads. Allocates
 * nothing after a thread's first use. One calling thread at a time.
 */
final class BlockMath implements Team.Task {
    private static final int CHUNK = 1024;

    private enum Kind {
        COMBINE,
        BLEND,
        SCALE,
        CLAMP
    }

    private static final class Buffers {
        final float[] x = new float[CHUNK];
        final float[] y = new float[CHUNK];
    }

    private static final ThreadLocal<Buffers> BUFFERS = ThreadLocal.withInitial(Buffers::new);

    private Kind kind;
    private MemorySegment x;
    private MemorySegment y;
    private float a;
    private float b;

    /** x = a·x + b·y. */
    void combine(MemorySegment x, MemorySegment y, float a, float b, Team team) {
        run(Kind.COMBINE, x, y, a, b, team);
    }

    /** x = x + weight·(y − x): x moves towards y. PyTorch's lerp: from 0.5 on it is y − (y − x)·(1 − weight), which is exact at 1. */
    void blend(MemorySegment x, MemorySegment y, float weight, Team team) {
        run(Kind.BLEND, x, y, weight, 0, team);
    }

    /** x = a·x. */
    void scale(MemorySegment x, float a, Team team) {
        run(Kind.SCALE, x, null, a, 0, team);
    }

    /** x between −limit and limit. */
    void clamp(MemorySegment x, float limit, Team team) {
        run(Kind.CLAMP, x, null, limit, 0, team);
    }

    private void run(Kind kind, MemorySegment x, MemorySegment y, float a, float b, Team team) {
        if (y != null && x.byteSize() != y.byteSize()) {
            throw new IllegalArgumentException("blocks of " + x.byteSize() + " and " + y.byteSize() + " bytes");
        }
        this.kind = kind;
        this.x = x;
        this.y = y;
        this.a = a;
        this.b = b;
        try {
            // A team costs a microsecond or two, as does a chunk or two.
            if (x.byteSize() <= 8L * CHUNK * Float.BYTES) run(0, 1);
            else team.run(this);
        } finally {
            this.x = null;
            this.y = null;
        }
    }

    @Override
    public void run(int part, int parts) {
        Buffers buffers = BUFFERS.get();
        long n = x.byteSize() / Float.BYTES;
        long chunks = (n + CHUNK - 1) / CHUNK;
        long end = Math.min(n, Team.start(chunks, part + 1, parts) * CHUNK);
        for (long at = Team.start(chunks, part, parts) * CHUNK; at < end; at += CHUNK) {
            int count = (int) Math.min(CHUNK, end - at);
            MemorySegment.copy(x, JAVA_FLOAT, at * Float.BYTES, buffers.x, 0, count);
            if (y != null) MemorySegment.copy(y, JAVA_FLOAT, at * Float.BYTES, buffers.y, 0, count);
            switch (kind) {
                case COMBINE -> combine(buffers.x, buffers.y, count, a, b);
                case BLEND -> blend(buffers.x, buffers.y, count, a);
                case SCALE -> scale(buffers.x, count, a);
                case CLAMP -> clamp(buffers.x, count, a);
            }
            MemorySegment.copy(buffers.x, 0, x, JAVA_FLOAT, at * Float.BYTES, count);
        }
    }

    private static void combine(float[] x, float[] y, int count, float a, float b) {
        for (int i = 0; i < count; i++) x[i] = a * x[i] + b * y[i];
    }

    private static void blend(float[] x, float[] y, int count, float weight) {
        if (weight < 0.5f) {
            for (int i = 0; i < count; i++) x[i] = x[i] + weight * (y[i] - x[i]);
        } else {
            float rest = 1 - weight;
            for (int i = 0; i < count; i++) x[i] = y[i] - (y[i] - x[i]) * rest;
        }
    }

    private static void scale(float[] x, int count, float a) {
        for (int i = 0; i < count; i++) x[i] = a * x[i];
    }

    private static void clamp(float[] x, int count, float limit) {
        for (int i = 0; i < count; i++) x[i] = Math.min(limit, Math.max(-limit, x[i]));
    }
}
