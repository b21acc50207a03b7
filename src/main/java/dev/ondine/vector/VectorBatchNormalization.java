package dev.ondine.vector;

import static dev.ondine.vector.Lanes.COUNT;
import static dev.ondine.vector.Lanes.SPECIES;

import dev.ondine.graph.Op;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Batch normalization, forward: {@code y = (x − μ)·γ/√(σ² + ε) + β}, and max(0, y) if a ReLU is fused behind.
 *
 * <p>The mask of the fused ReLU is no tensor: the backward pass computes the sign of y again, by the same instructions, from x and
 * what the mask's place keeps: γ/√(σ² + ε) and β of each channel.
 */
final class VectorBatchNormalization {
    private final Team team;
    private final ChannelRows rows;
    private final float epsilon;
    private final boolean relu;
    private final BatchStatistics statistics;
    private final Place x;
    private final Place mean;
    private final Place variance;
    private final Place gamma;
    private final Place beta;
    private final Place y;
    private final Place mask;
    private final float[] means;
    private final float[] scales;
    private final float[] shifts;
    private final Team.Part part = this::run;

    /** @param gamma, beta, mask may be null */
    VectorBatchNormalization(
            Team team,
            Workspace workspace,
            Op.BatchNormalization op,
            Place x,
            Place mean,
            Place variance,
            Place gamma,
            Place beta,
            Place y,
            Place mask) {
        this.team = team;
        this.x = x;
        this.mean = mean;
        this.variance = variance;
        this.gamma = gamma;
        this.beta = beta;
        this.y = y;
        this.mask = mask;
        rows = ChannelRows.of(mean.size(), x.size());
        epsilon = op.epsilon();
        relu = op.relu();
        statistics = op.training() ? new BatchStatistics(team, workspace, rows, x, mean, variance) : null;
        means = new float[rows.width()];
        scales = new float[rows.width()];
        shifts = new float[rows.width()];
    }

    void run() {
        if (statistics != null) statistics.run();
        int channels = rows.channels();
        for (int c = 0; c < channels; c++) {
            double inverse = 1 / Math.sqrt(variance.array()[variance.offset() + c] + (double) epsilon);
            scales[c] = (float) (inverse * (gamma == null ? 1 : gamma.array()[gamma.offset() + c]));
            shifts[c] = beta == null ? 0 : beta.array()[beta.offset() + c];
        }
        if (mask != null) {
            System.arraycopy(scales, 0, mask.array(), mask.offset(), channels);
            System.arraycopy(shifts, 0, mask.array(), mask.offset() + channels, channels);
        }
        rows.spread(mean.array(), mean.offset(), means);
        rows.spread(scales, 0, scales);
        rows.spread(shifts, 0, shifts);
        team.run(part);
    }

    private void run(int member) {
        int width = rows.width();
        int end = team.first(member + 1, rows.rows());
        for (int row = team.first(member, rows.rows()); row < end; row++) {
            int at = row * width;
            row(x.array(), x.offset() + at, y.array(), y.offset() + at, width, means, scales, shifts, relu);
        }
        if (member == team.members() - 1 && rows.rest() > 0) rest(rows.rows() * width);
    }

    private static void row(
            float[] x,
            int xAt,
            float[] y,
            int yAt,
            int width,
            float[] means,
            float[] scales,
            float[] shifts,
            boolean relu) {
        FloatVector floor = FloatVector.broadcast(SPECIES, relu ? 0 : Float.NEGATIVE_INFINITY);
        for (int j = 0; j < width; j += COUNT) {
            FloatVector centered =
                    FloatVector.fromArray(SPECIES, x, xAt + j).sub(FloatVector.fromArray(SPECIES, means, j));
            centered.fma(FloatVector.fromArray(SPECIES, scales, j), FloatVector.fromArray(SPECIES, shifts, j))
                    .max(floor)
                    .intoArray(y, yAt + j);
        }
    }

    private void rest(int at) {
        FloatVector floor = FloatVector.broadcast(SPECIES, relu ? 0 : Float.NEGATIVE_INFINITY);
        for (int j = 0; j < rows.rest(); j += COUNT) {
            VectorMask<Float> valid = Lanes.first(rows.rest() - j);
            FloatVector centered = FloatVector.fromArray(SPECIES, x.array(), x.offset() + at + j)
                    .sub(FloatVector.fromArray(SPECIES, means, j));
            centered.fma(FloatVector.fromArray(SPECIES, scales, j), FloatVector.fromArray(SPECIES, shifts, j))
                    .max(floor)
                    .intoArray(y.array(), y.offset() + at + j, valid);
        }
    }
}
