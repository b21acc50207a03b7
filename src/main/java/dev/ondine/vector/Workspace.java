package dev.ondine.vector;

/** Scratch memory of each member of a team, as large as the hungriest kernel needs it and used by one kernel at a time. */
final class Workspace {
    private final float[][] scratch;
    private int floats;

    Workspace(int members) {
        scratch = new float[members][];
    }

    /** A kernel will use so much. */
    void require(int needed) {
        floats = Math.max(floats, needed);
    }

    /** Allocates it, once all kernels have spoken. */
    void allocate() {
        for (int i = 0; i < scratch.length; i++) scratch[i] = new float[floats + Lanes.SLACK];
    }

    float[] of(int member) {
        return scratch[member];
    }

    long bytes() {
        return (long) scratch.length * (floats + Lanes.SLACK) * Float.BYTES;
    }
}
