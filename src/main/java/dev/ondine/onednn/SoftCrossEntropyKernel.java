package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Team;
import dev.ondine.graph.Op;
import java.lang.foreign.MemorySegment;

/**
 * Cross-entropy of logits x (N, C, space) against probabilities t of the same shape, and its gradient, on all threads of a team: the
 * mean over the positions of −Σ q·log p, p = softmax(x), q = (1 − smoothing)·t + smoothing/C. The gradient is (p·Σq − q)/count.
 *
 * <p>Tiles and sums are those of {@link CrossEntropyKernel}: any number of threads gives the same bits.
 */
final class SoftCrossEntropyKernel {
    private final Team team;
    private final float smoothing;
    private final LogitTiles tiles;
    private final MemorySegment x;
    private final MemorySegment target;
    private final float[][] logits;
    private final float[][] targets;
    private final double positions;

    SoftCrossEntropyKernel(
            Team team, Op.SoftCrossEntropy op, LogitTiles.Logits shape, MemorySegment x, MemorySegment target) {
        this.team = team;
        this.smoothing = op.smoothing();
        this.tiles = new LogitTiles(shape);
        this.x = x;
        this.target = target;
        this.logits = tiles.buffers(team.size());
        this.targets = tiles.buffers(team.size());
        this.positions = tiles.batch * tiles.space;
    }

    /** The loss. */
    Step forward(MemorySegment loss) {
        double[] sums = new double[tiles.count];
        Team.Task task = (part, parts) -> {
            int end = (int) Team.start(tiles.count, part + 1, parts);
            for (int i = (int) Team.start(tiles.count, part, parts); i < end; i++) {
                tiles.load(i, x, logits[part]);
                tiles.load(i, target, targets[part]);
                sums[i] = sum(tiles.positions(i), logits[part], targets[part]);
            }
        };
        return _ -> {
            run(task);
            double sum = 0;
            for (double s : sums) sum += s;
            loss.setAtIndex(JAVA_FLOAT, 0, (float) (sum / positions));
        };
    }

    /** The gradient of the logits, which may overwrite them. */
    Step backward(MemorySegment dloss, MemorySegment dx) {
        Team.Task task = (part, parts) -> {
            double scale = dloss.getAtIndex(JAVA_FLOAT, 0) / positions;
            int end = (int) Team.start(tiles.count, part + 1, parts);
            for (int i = (int) Team.start(tiles.count, part, parts); i < end; i++) {
                tiles.load(i, x, logits[part]);
                tiles.load(i, target, targets[part]);
                differentiate(tiles.positions(i), logits[part], targets[part], scale);
                tiles.store(i, logits[part], dx);
            }
        };
        return _ -> run(task);
    }

    private void run(Team.Task task) {
        if (tiles.count <= 2) task.run(0, 1);
        else team.run(task);
    }

    private double sum(int count, float[] x, float[] t) {
        int across = tiles.across(count);
        double sum = 0;
        for (int k = 0; k < count; k++) {
            int at = tiles.at(k);
            double logSum = tiles.logSumExp(x, at, across);
            for (int c = 0; c < tiles.classes; c++) {
                double q = probability(t[at + c * across]);
                // A class that nobody asks for may have a logit of −∞.
                if (q != 0) sum += q * (logSum - x[at + c * across]);
            }
        }
        return sum;
    }

    /** Puts the gradient in the place of the logits. */
    private void differentiate(int count, float[] x, float[] t, double scale) {
        int across = tiles.across(count);
        for (int k = 0; k < count; k++) {
            int at = tiles.at(k);
            double logSum = tiles.logSumExp(x, at, across);
            double total = 0;
            for (int c = 0; c < tiles.classes; c++) total += probability(t[at + c * across]);
            for (int c = 0; c < tiles.classes; c++) {
                double p = Math.exp(x[at + c * across] - logSum);
                x[at + c * across] = (float) ((p * total - probability(t[at + c * across])) * scale);
            }
        }
    }

    private double probability(float t) {
        return (1.0 - smoothing) * t + (double) smoothing / tiles.classes;
    }
}
