package dev.ondine.vector;

import static dev.ondine.vector.Lanes.COUNT;
import static dev.ondine.vector.Lanes.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Operations on one or two tensors of the same layout, element by element, in vectors and on all threads. The result may lie where an operand
 * lies.
 */
final class Elementwise {
    /** What is done with the elements from {@code i} to before {@code end}, an operand's element i lying at {@code at + i}. */
    @FunctionalInterface
    interface Loop {
        void run(float[] a, int aAt, float[] b, int bAt, float[] y, int yAt, int i, int end);
    }

    private final Team team;
    private final Loop loop;
    private final Place a;
    private final Place b;
    private final Place y;
    private final Team.Part part = this::run;

    /** @param b the same as {@code a} for operations on one tensor */
    Elementwise(Team team, Loop loop, Place a, Place b, Place y) {
        this.team = team;
        this.loop = loop;
        this.a = a;
        this.b = b;
        this.y = y;
    }

    void run() {
        team.run(part);
    }

    private void run(int member) {
        int vectors = Math.ceilDiv(y.size(), COUNT);
        int first = team.first(member, vectors) * COUNT;
        int end = Math.min(team.first(member + 1, vectors) * COUNT, y.size());
        loop.run(a.array(), a.offset(), b.array(), b.offset(), y.array(), y.offset(), first, end);
    }

    static void add(float[] a, int aAt, float[] b, int bAt, float[] y, int yAt, int i, int end) {
        for (; i <= end - COUNT; i += COUNT) {
            load(a, aAt + i).add(load(b, bAt + i)).intoArray(y, yAt + i);
        }
        for (; i < end; i++) y[yAt + i] = a[aAt + i] + b[bAt + i];
    }

    static void addRelu(float[] a, int aAt, float[] b, int bAt, float[] y, int yAt, int i, int end) {
        FloatVector zero = FloatVector.zero(SPECIES);
        for (; i <= end - COUNT; i += COUNT) {
            load(a, aAt + i).add(load(b, bAt + i)).max(zero).intoArray(y, yAt + i);
        }
        for (; i < end; i++) y[yAt + i] = Math.max(0, a[aAt + i] + b[bAt + i]);
    }

    static void multiply(float[] a, int aAt, float[] b, int bAt, float[] y, int yAt, int i, int end) {
        for (; i <= end - COUNT; i += COUNT) {
            load(a, aAt + i).mul(load(b, bAt + i)).intoArray(y, yAt + i);
        }
        for (; i < end; i++) y[yAt + i] = a[aAt + i] * b[bAt + i];
    }

    static void relu(float[] x, int xAt, float[] unused, int unusedAt, float[] y, int yAt, int i, int end) {
        FloatVector zero = FloatVector.zero(SPECIES);
        for (; i <= end - COUNT; i += COUNT) load(x, xAt + i).max(zero).intoArray(y, yAt + i);
        for (; i < end; i++) y[yAt + i] = Math.max(0, x[xAt + i]);
    }

    /** From the ReLU's result {@code y} and its gradient. */
    static void reluBackward(float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt, int i, int end) {
        FloatVector zero = FloatVector.zero(SPECIES);
        for (; i <= end - COUNT; i += COUNT) {
            zero.blend(load(dy, dyAt + i), load(y, yAt + i).compare(VectorOperators.GT, zero))
                    .intoArray(dx, dxAt + i);
        }
        for (; i < end; i++) dx[dxAt + i] = y[yAt + i] > 0 ? dy[dyAt + i] : 0;
    }

    private static FloatVector load(float[] a, int at) {
        return FloatVector.fromArray(SPECIES, a, at);
    }
}
