package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ondine.backend.Team;
import dev.ondine.graph.Op;
import java.lang.foreign.MemorySegment;

/**
 * Cross-entropy of logits x (N, C, space) against class indices t, and its gradient, on all threads of a team: for each position the
 * mean over those not ignored of −Σ q·log p, p = softmax(x), q = (1 − smoothing)·onehot(t) + smoothing/C. The gradient is
 * (p − q)/count.
 *
 * <p>Positions are taken in tiles that do not depend on the number of threads; sums are in double, each tile's apart, and added up in
 * order: any number of threads gives the same bits.
 */
final class CrossEntropyKernel {
    /** Extents of logits (N, C, space). */
    record Logits(long batch, long classes, long space) {}

    /** Logits in a tile, about: as many exponentials take a microsecond, as long as calling the team. */
    private static final int TILE = 128;

    /** With an image behind each class, positions in a tile at least: shorter copies cost more than they carry. */
    private static final int ROW = 64;

    private final Team team;
    private final float smoothing;
    private final int ignoreIndex;
    private final long batch;
    private final int classes;
    private final long space;
    private final MemorySegment x;
    private final MemorySegment target;
    /** Positions in a tile. */
    private final int width;
    /** Tiles in an image; without images, in the batch. */
    private final long tilesEach;

    private final int tiles;
    /** A tile for each thread: (position, class) without images, (class, position) with them, as they lie in memory. */
    private final float[][] buffers;

    CrossEntropyKernel(Team team, Op.CrossEntropy op, Logits shape, MemorySegment x, MemorySegment target) {
        this.team = team;
        this.smoothing = op.smoothing();
        this.ignoreIndex = op.ignoreIndex();
        this.batch = shape.batch;
        this.classes = Math.toIntExact(shape.classes);
        this.space = shape.space;
        this.x = x;
        this.target = target;
        long most = Math.max(1, space == 1 ? batch : space);
        this.width = (int) Math.min(most, Math.max(space == 1 ? 1 : ROW, TILE / classes));
        this.tilesEach = (most + width - 1) / width;
        this.tiles = Math.toIntExact(space == 1 ? tilesEach : batch * tilesEach);
        this.buffers = new float[team.size()][width * classes];
    }

    /** The loss. */
    Step forward(MemorySegment loss) {
        double[] sums = new double[tiles];
        long[] counts = new long[tiles];
        Team.Task task = (part, parts) -> {
            float[] tile = buffers[part];
            int end = (int) Team.start(tiles, part + 1, parts);
            for (int i = (int) Team.start(tiles, part, parts); i < end; i++) sum(i, tile, sums, counts);
        };
        return _ -> {
            run(task);
            double sum = 0;
            long counted = 0;
            for (int i = 0; i < tiles; i++) {
                sum += sums[i];
                counted += counts[i];
            }
            loss.setAtIndex(JAVA_FLOAT, 0, (float) (sum / counted));
        };
    }

    /** The gradient of the logits, which may overwrite them. */
    Step backward(MemorySegment dloss, MemorySegment dx) {
        // What a thread may read while others are at work.
        double[] scale = new double[1];
        Team.Task task = (part, parts) -> {
            float[] tile = buffers[part];
            int end = (int) Team.start(tiles, part + 1, parts);
            for (int i = (int) Team.start(tiles, part, parts); i < end; i++) {
                load(i, tile);
                differentiate(i, tile, scale[0]);
                store(i, tile, dx);
            }
        };
        return _ -> {
            long counted = 0;
            for (long i = 0; i < batch * space; i++) if (target(i) != ignoreIndex) counted++;
            scale[0] = dloss.getAtIndex(JAVA_FLOAT, 0) / (double) counted;
            run(task);
        };
    }

    private void run(Team.Task task) {
        if (tiles <= 2) task.run(0, 1);
        else team.run(task);
    }

    private void sum(int i, float[] tile, double[] sums, long[] counts) {
        int count = load(i, tile);
        int across = space == 1 ? 1 : count;
        double sum = 0;
        long counted = 0;
        for (int k = 0; k < count; k++) {
            int t = target(position(i) + k);
            if (t == ignoreIndex) continue;
            int at = space == 1 ? k * classes : k;
            double logSum = logSumExp(tile, at, across);
            double own = logSum - tile[at + t * across];
            double all = 0;
            if (smoothing > 0) {
                for (int c = 0; c < classes; c++) all += logSum - tile[at + c * across];
            }
            sum += (1 - smoothing) * own + smoothing / classes * all;
            counted++;
        }
        sums[i] = sum;
        counts[i] = counted;
    }

    /** Puts the gradient in the place of the logits. */
    private void differentiate(int i, float[] tile, double scale) {
        int count = count(i);
        int across = space == 1 ? 1 : count;
        for (int k = 0; k < count; k++) {
            int t = target(position(i) + k);
            int at = space == 1 ? k * classes : k;
            if (t == ignoreIndex) {
                for (int c = 0; c < classes; c++) tile[at + c * across] = 0;
                continue;
            }
            double logSum = logSumExp(tile, at, across);
            for (int c = 0; c < classes; c++) {
                double p = Math.exp(tile[at + c * across] - logSum);
                double q = (c == t ? 1 - smoothing : 0) + smoothing / classes;
                tile[at + c * across] = (float) ((p - q) * scale);
            }
        }
    }

    /** log Σ exp over the classes at one position, the maximum taken out first. */
    private double logSumExp(float[] tile, int at, int across) {
        float max = Float.NEGATIVE_INFINITY;
        for (int c = 0; c < classes; c++) max = Math.max(max, tile[at + c * across]);
        double sum = 0;
        for (int c = 0; c < classes; c++) sum += Math.exp(tile[at + c * across] - max);
        return max + Math.log(sum);
    }

    // ---- tiles

    /** The first position of a tile, counted over the batch. */
    private long position(int i) {
        return i / tilesEach * space + i % tilesEach * width;
    }

    private int count(int i) {
        return (int) Math.min(width, (space == 1 ? batch : space) - i % tilesEach * width);
    }

    private int load(int i, float[] tile) {
        int count = count(i);
        if (space == 1) {
            MemorySegment.copy(x, JAVA_FLOAT, position(i) * classes * Float.BYTES, tile, 0, count * classes);
        } else {
            for (int c = 0; c < classes; c++) {
                MemorySegment.copy(x, JAVA_FLOAT, row(i, c) * Float.BYTES, tile, c * count, count);
            }
        }
        return count;
    }

    private void store(int i, float[] tile, MemorySegment dx) {
        int count = count(i);
        if (space == 1) {
            MemorySegment.copy(tile, 0, dx, JAVA_FLOAT, position(i) * classes * Float.BYTES, count * classes);
        } else {
            for (int c = 0; c < classes; c++) {
                MemorySegment.copy(tile, c * count, dx, JAVA_FLOAT, row(i, c) * Float.BYTES, count);
            }
        }
    }

    /** Where a tile's positions of one class begin, with images. */
    private long row(int i, int c) {
        return (i / tilesEach * classes + c) * space + i % tilesEach * width;
    }

    private int target(long i) {
        int t = target.getAtIndex(JAVA_INT, i);
        if (t != ignoreIndex && (t < 0 || t >= classes)) {
            throw new IllegalArgumentException("target " + i + " is class " + t + ", but there are " + classes
                    + " classes, 0 to " + (classes - 1));
        }
        return t;
    }
}
