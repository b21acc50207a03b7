package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Team;
import dev.ondine.graph.AxisMatrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The elements along an axis multiplied by a fixed matrix of few entries, over float32 memory of outer×axis×inner, on all threads of a
 * team. Where the matrix only selects, memory is copied, neighbours together; else tiles of it pass through arrays.
 */
final class AlongAxisKernel {
    /** Floats of a tile's axis, about: in and out stay in the second-level cache together. */
    private static final int TILE = 16 * 1024;

    /** Floats next to each other in a tile at least, if there are as many: a cache line has 16. */
    private static final int NARROW = 64;

    private final Team team;
    private final int rows;
    private final int columns;
    private final int[] starts;
    private final int[] indices;
    private final float[] weights;
    private final boolean selection;
    private final long outer;
    private final long inner;
    /** Floats of {@code inner} in a tile, and tiles that it takes. */
    private final int width;

    private final long tilesEach;
    private final float[][] in;
    private final float[][] out;

    AlongAxisKernel(Team team, AxisMatrix matrix, long outer, long inner) {
        this.team = team;
        this.rows = matrix.rows();
        this.columns = matrix.columns();
        this.starts = matrix.starts();
        this.indices = matrix.indices();
        this.weights = new float[matrix.entries()];
        double[] exact = matrix.weights();
        for (int i = 0; i < exact.length; i++) weights[i] = (float) exact[i];
        this.selection = matrix.isSelection();
        this.outer = outer;
        this.inner = inner;
        this.width = (int) Math.min(inner, Math.max(NARROW, TILE / Math.max(rows, columns)));
        this.tilesEach = Math.ceilDiv(inner, width);
        int buffers = selection ? 0 : team.size();
        this.in = new float[buffers][columns * width];
        this.out = new float[buffers][rows * width];
    }

    /** The step from x to y, which are different memory. */
    Step step(MemorySegment x, MemorySegment y) {
        long units = selection ? outer : outer * tilesEach;
        Team.Task task = selection
                ? (part, parts) -> select(x, y, Team.start(units, part, parts), Team.start(units, part + 1, parts))
                : (part, parts) -> mix(x, y, part, Team.start(units, part, parts), Team.start(units, part + 1, parts));
        // What one thread does by the time that a team has begun.
        boolean small = outer * inner * Math.max(rows, columns) <= 4096;
        Team workers = small || units == 1 ? Team.alone() : team;
        return _ -> workers.run(task);
    }

    private void select(MemorySegment x, MemorySegment y, long from, long to) {
        for (long o = from; o < to; o++) {
            int row = 0;
            while (row < rows) {
                int end = runEnd(row);
                long at = (o * rows + row) * inner * Float.BYTES;
                long bytes = (end - row) * inner * Float.BYTES;
                if (starts[row] == starts[row + 1]) {
                    y.asSlice(at, bytes).fill((byte) 0);
                } else {
                    long source = (o * columns + indices[starts[row]]) * inner * Float.BYTES;
                    MemorySegment.copy(x, source, y, at, bytes);
                }
                row = end;
            }
        }
    }

    /** Behind the last of the rows that can be made together with a row: all zero, or neighbours that stay neighbours. */
    private int runEnd(int row) {
        boolean zero = starts[row] == starts[row + 1];
        int end = row + 1;
        while (end < rows) {
            boolean nextZero = starts[end] == starts[end + 1];
            if (zero != nextZero) break;
            if (!zero && indices[starts[end]] != indices[starts[end - 1]] + 1) break;
            end++;
        }
        return end;
    }

    private void mix(MemorySegment x, MemorySegment y, int part, long from, long to) {
        for (long unit = from; unit < to; unit++) {
            long o = unit / tilesEach;
            long first = unit % tilesEach * width;
            int count = (int) Math.min(width, inner - first);
            float[] source = in[part];
            float[] sums = out[part];
            load(x, o, first, source, count);
            multiply(source, sums, count);
            store(sums, y, o, first, count);
        }
    }

    private void load(MemorySegment x, long o, long first, float[] tile, int count) {
        // A tile as wide as the memory lies in one piece.
        int pieces = count == inner ? 1 : columns;
        int piece = columns / pieces * count;
        for (int k = 0; k < pieces; k++) {
            long at = ((o * columns + k) * inner + first) * Float.BYTES;
            MemorySegment.copy(x, JAVA_FLOAT, at, tile, k * count, piece);
        }
    }

    private void store(float[] tile, MemorySegment y, long o, long first, int count) {
        int pieces = count == inner ? 1 : rows;
        int piece = rows / pieces * count;
        for (int i = 0; i < pieces; i++) {
            long at = ((o * rows + i) * inner + first) * Float.BYTES;
            MemorySegment.copy(tile, i * count, y, JAVA_FLOAT, at, piece);
        }
    }

    private void multiply(float[] source, float[] sums, int count) {
        if (count == 1) {
            for (int i = 0; i < rows; i++) {
                float sum = 0;
                for (int e = starts[i]; e < starts[i + 1]; e++) sum += weights[e] * source[indices[e]];
                sums[i] = sum;
            }
            return;
        }
        for (int i = 0; i < rows; i++) {
            int at = i * count;
            if (starts[i] == starts[i + 1]) {
                Arrays.fill(sums, at, at + count, 0);
                continue;
            }
            scale(source, indices[starts[i]] * count, weights[starts[i]], sums, at, count);
            for (int e = starts[i] + 1; e < starts[i + 1]; e++) {
                addScaled(source, indices[e] * count, weights[e], sums, at, count);
            }
        }
    }

    private static void scale(float[] x, int from, float weight, float[] y, int at, int count) {
        for (int j = 0; j < count; j++) y[at + j] = weight * x[from + j];
    }

    private static void addScaled(float[] x, int from, float weight, float[] y, int at, int count) {
        for (int j = 0; j < count; j++) y[at + j] += weight * x[from + j];
    }
}
