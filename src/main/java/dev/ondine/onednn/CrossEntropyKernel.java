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
    private final Team team;
    private final float smoothing;
    private final int ignoreIndex;
    private final LogitTiles tiles;
    private final MemorySegment x;
    private final MemorySegment target;
    private final float[][] buffers;

    CrossEntropyKernel(Team team, Op.CrossEntropy op, LogitTiles.Logits shape, MemorySegment x, MemorySegment target) {
        this.team = team;
        this.smoothing = op.smoothing();
        this.ignoreIndex = op.ignoreIndex();
        this.tiles = new LogitTiles(shape);
        this.x = x;
        this.target = target;
        this.buffers = tiles.buffers(team.size());
    }

    /** The loss. */
    Step forward(MemorySegment loss) {
        double[] sums = new double[tiles.count];
        long[] counts = new long[tiles.count];
        Team.Task task = (part, parts) -> {
            float[] tile = buffers[part];
            int end = (int) Team.start(tiles.count, part + 1, parts);
            for (int i = (int) Team.start(tiles.count, part, parts); i < end; i++) sum(i, tile, sums, counts);
        };
        return _ -> {
            run(task);
            double sum = 0;
            long counted = 0;
            for (int i = 0; i < tiles.count; i++) {
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
            int end = (int) Team.start(tiles.count, part + 1, parts);
            for (int i = (int) Team.start(tiles.count, part, parts); i < end; i++) {
                tiles.load(i, x, tile);
                differentiate(i, tile, scale[0]);
                tiles.store(i, tile, dx);
            }
        };
        long positions = tiles.batch * tiles.space;
        return _ -> {
            long counted = 0;
            for (long i = 0; i < positions; i++) if (target(i) != ignoreIndex) counted++;
            scale[0] = dloss.getAtIndex(JAVA_FLOAT, 0) / (double) counted;
            run(task);
        };
    }

    private void run(Team.Task task) {
        if (tiles.count <= 2) task.run(0, 1);
        else team.run(task);
    }

    private void sum(int i, float[] tile, double[] sums, long[] counts) {
        tiles.load(i, x, tile);
        int count = tiles.positions(i);
        int across = tiles.across(count);
        int classes = tiles.classes;
        double sum = 0;
        long counted = 0;
        for (int k = 0; k < count; k++) {
            int t = target(tiles.position(i) + k);
            if (t == ignoreIndex) continue;
            int at = tiles.at(k);
            double logSum = tiles.logSumExp(tile, at, across);
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
        int count = tiles.positions(i);
        int across = tiles.across(count);
        int classes = tiles.classes;
        for (int k = 0; k < count; k++) {
            int t = target(tiles.position(i) + k);
            int at = tiles.at(k);
            if (t == ignoreIndex) {
                for (int c = 0; c < classes; c++) tile[at + c * across] = 0;
                continue;
            }
            double logSum = tiles.logSumExp(tile, at, across);
            for (int c = 0; c < classes; c++) {
                double p = Math.exp(tile[at + c * across] - logSum);
                double q = (c == t ? 1 - smoothing : 0) + smoothing / classes;
                tile[at + c * across] = (float) ((p - q) * scale);
            }
        }
    }

    private int target(long i) {
        int t = target.getAtIndex(JAVA_INT, i);
        if (t != ignoreIndex && (t < 0 || t >= tiles.classes)) {
            throw new IllegalArgumentException("target " + i + " is class " + t + ", but there are " + tiles.classes
                    + " classes, 0 to " + (tiles.classes - 1));
        }
        return t;
    }
}
