package dev.ondine.vector;

import static dev.ondine.vector.Lanes.COUNT;
import static dev.ondine.vector.Lanes.SPECIES;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Mean and biased variance of each channel in one pass over memory, that survive a large mean: the two of a chunk that the first-level
 * cache holds are computed in two passes over it and joined with those of the chunks before (Chan, Golub and LeVeque 1983,
 * "Algorithms for Computing the Sample Variance"). What the threads and the columns of a channel come to is joined in double precision.
 */
final class BatchStatistics {
    /** Floats of a chunk: half of the first-level cache. */
    private static final int CHUNK = 4096;

    private final Team team;
    private final Workspace workspace;
    private final ChannelRows rows;
    private final Place x;
    private final Place mean;
    private final Place variance;
    private final int height;
    private final Team.Part part = this::run;

    BatchStatistics(Team team, Workspace workspace, ChannelRows rows, Place x, Place mean, Place variance) {
        this.team = team;
        this.workspace = workspace;
        this.rows = rows;
        this.x = x;
        this.mean = mean;
        this.variance = variance;
        height = Math.max(1, CHUNK / rows.width());
        workspace.require(2 * rows.width());
    }

    void run() {
        team.run(part);
        for (int c = 0; c < rows.channels(); c++) join(c);
    }

    /** Means of the columns, then their sums of squared differences, in the thread's scratch memory. */
    private void run(int member) {
        float[] scratch = workspace.of(member);
        Arrays.fill(scratch, 0, 2 * rows.width(), 0);
        int first = team.first(member, rows.rows());
        int end = team.first(member + 1, rows.rows());
        for (int row = first; row < end; row += height) {
            int count = Math.min(height, end - row);
            chunk(x.array(), x.offset() + row * rows.width(), rows.width(), count, row - first, scratch);
        }
    }

    private static void chunk(float[] x, int at, int width, int count, int before, float[] scratch) {
        float reciprocal = 1f / count;
        float share = (float) count / (before + count);
        float weight = (float) ((double) before * count / (before + count));
        for (int j = 0; j < width; j += COUNT) {
            FloatVector sum = FloatVector.zero(SPECIES);
            for (int i = 0, from = at + j; i < count; i++, from += width) {
                sum = sum.add(FloatVector.fromArray(SPECIES, x, from));
            }
            FloatVector here = sum.mul(reciprocal);
            FloatVector squares = FloatVector.zero(SPECIES);
            for (int i = 0, from = at + j; i < count; i++, from += width) {
                FloatVector d = FloatVector.fromArray(SPECIES, x, from).sub(here);
                squares = d.fma(d, squares);
            }
            FloatVector all = FloatVector.fromArray(SPECIES, scratch, j);
            FloatVector delta = here.sub(all);
            delta.mul(share).add(all).intoArray(scratch, j);
            FloatVector.fromArray(SPECIES, scratch, width + j)
                    .add(squares)
                    .add(delta.mul(delta).mul(weight))
                    .intoArray(scratch, width + j);
        }
    }

    /** Joins a channel's columns of all threads, and the rest behind the wide rows. */
    private void join(int c) {
        double n = 0;
        double all = 0;
        double squares = 0;
        for (int member = 0; member < team.members(); member++) {
            int count = team.first(member + 1, rows.rows()) - team.first(member, rows.rows());
            if (count == 0) continue;
            float[] scratch = workspace.of(member);
            for (int j = c; j < rows.width(); j += rows.channels()) {
                double delta = scratch[j] - all;
                double sum = n + count;
                squares += scratch[rows.width() + j] + delta * delta * n * count / sum;
                all += delta * count / sum;
                n = sum;
            }
        }
        int rest = x.offset() + rows.rows() * rows.width();
        for (int j = c; j < rows.rest(); j += rows.channels()) {
            double delta = x.array()[rest + j] - all;
            n++;
            all += delta / n;
            squares += delta * (x.array()[rest + j] - all);
        }
        mean.array()[mean.offset() + c] = (float) all;
        variance.array()[variance.offset() + c] = (float) (squares / n);
    }
}
