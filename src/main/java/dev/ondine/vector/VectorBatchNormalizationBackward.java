package dev.ondine.vector;

import static dev.ondine.vector.Lanes.COUNT;
import static dev.ondine.vector.Lanes.SPECIES;

import dev.ondine.graph.Op;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The gradient of batch normalization in two passes over memory: the sums dβ = Σ dy and dγ = Σ dy·x̂, then, with s = √(σ² + ε),
 *
 * <pre>
 *     dx = γ/s·(dy − dβ/m − x̂·dγ/m) = γ/s·dy − (x − μ)·a − b        a = γ·dγ/(s²·m), b = γ·dβ/(s·m); 0 if statistics are given
 * </pre>
 *
 * Where a ReLU is fused, dy counts only where y &gt; 0 ({@link VectorBatchNormalization}).
 */
final class VectorBatchNormalizationBackward {
    /** Rows whose sums are kept in registers before they are added to memory: a sum of sums is more exact, too. */
    private static final int CHUNK = 64;

    private final Team team;
    private final Workspace workspace;
    private final ChannelRows rows;
    private final float epsilon;
    private final boolean training;
    private final Place x;
    private final Place mean;
    private final Place variance;
    private final Place gamma;
    private final Place dy;
    private final Place mask;
    private final Place dx;
    private final Place dgamma;
    private final Place dbeta;
    private final float[] means;
    private final float[] scales;
    private final float[] slopes;
    private final float[] shifts;
    private final float[] maskScales;
    private final float[] maskShifts;
    private final Team.Part sums = this::sums;
    private final Team.Part gradient = this::gradient;

    /** @param gamma, mask, dgamma, dbeta may be null */
    VectorBatchNormalizationBackward(
            Team team,
            Workspace workspace,
            Op.BatchNormalization op,
            Place x,
            Place mean,
            Place variance,
            Place gamma,
            Place dy,
            Place mask,
            Place dx,
            Place dgamma,
            Place dbeta) {
        this.team = team;
        this.workspace = workspace;
        this.x = x;
        this.mean = mean;
        this.variance = variance;
        this.gamma = gamma;
        this.dy = dy;
        this.mask = mask;
        this.dx = dx;
        this.dgamma = dgamma;
        this.dbeta = dbeta;
        epsilon = op.epsilon();
        training = op.training();
        rows = ChannelRows.of(mean.size(), x.size());
        int width = rows.width();
        means = new float[width];
        scales = new float[width];
        slopes = new float[width];
        shifts = new float[width];
        maskScales = new float[width];
        maskShifts = new float[width];
        // Without a ReLU everything lies above zero: x·0 + 1.
        Arrays.fill(maskShifts, 1);
        workspace.require(2 * width);
    }

    void run() {
        rows.spread(mean.array(), mean.offset(), means);
        if (mask != null) {
            rows.spread(mask.array(), mask.offset(), maskScales);
            rows.spread(mask.array(), mask.offset() + rows.channels(), maskShifts);
        }
        team.run(sums);
        for (int c = 0; c < rows.channels(); c++) join(c);
        rows.spread(scales, 0, scales);
        rows.spread(slopes, 0, slopes);
        rows.spread(shifts, 0, shifts);
        team.run(gradient);
    }

    /** Σ dy and Σ dy·(x − μ) of each column, in the thread's scratch memory. */
    private void sums(int member) {
        int width = rows.width();
        float[] scratch = workspace.of(member);
        Arrays.fill(scratch, 0, 2 * width, 0);
        int end = team.first(member + 1, rows.rows());
        for (int row = team.first(member, rows.rows()); row < end; row += CHUNK) {
            int at = row * width;
            int count = Math.min(CHUNK, end - row);
            chunk(
                    x.array(),
                    x.offset() + at,
                    dy.array(),
                    dy.offset() + at,
                    width,
                    count,
                    means,
                    maskScales,
                    maskShifts,
                    scratch);
        }
    }

    private static void chunk(
            float[] x,
            int xAt,
            float[] dy,
            int dyAt,
            int width,
            int count,
            float[] means,
            float[] maskScales,
            float[] maskShifts,
            float[] scratch) {
        FloatVector zero = FloatVector.zero(SPECIES);
        for (int j = 0; j < width; j += COUNT) {
            FloatVector mean = FloatVector.fromArray(SPECIES, means, j);
            FloatVector scale = FloatVector.fromArray(SPECIES, maskScales, j);
            FloatVector shift = FloatVector.fromArray(SPECIES, maskShifts, j);
            FloatVector sum = zero;
            FloatVector dot = zero;
            for (int i = 0, at = j; i < count; i++, at += width) {
                FloatVector centered =
                        FloatVector.fromArray(SPECIES, x, xAt + at).sub(mean);
                FloatVector d = zero.blend(
                        FloatVector.fromArray(SPECIES, dy, dyAt + at),
                        centered.fma(scale, shift).compare(VectorOperators.GT, zero));
                sum = sum.add(d);
                dot = d.fma(centered, dot);
            }
            FloatVector.fromArray(SPECIES, scratch, j).add(sum).intoArray(scratch, j);
            FloatVector.fromArray(SPECIES, scratch, width + j).add(dot).intoArray(scratch, width + j);
        }
    }

    /** Adds up a channel's columns of all threads and the rest behind the wide rows; then what its dx is made of. */
    private void join(int c) {
        double sum = 0;
        double dot = 0;
        for (int member = 0; member < team.members(); member++) {
            float[] scratch = workspace.of(member);
            for (int j = c; j < rows.width(); j += rows.channels()) {
                sum += scratch[j];
                dot += scratch[rows.width() + j];
            }
        }
        int rest = rows.rows() * rows.width();
        for (int j = c; j < rows.rest(); j += rows.channels()) {
            float centered = x.array()[x.offset() + rest + j] - means[c];
            if (!(Math.fma(centered, maskScales[c], maskShifts[c]) > 0)) continue;
            sum += dy.array()[dy.offset() + rest + j];
            dot += (double) dy.array()[dy.offset() + rest + j] * centered;
        }
        double inverse = 1 / Math.sqrt(variance.array()[variance.offset() + c] + (double) epsilon);
        double scale = inverse * (gamma == null ? 1 : gamma.array()[gamma.offset() + c]);
        double m = (double) x.size() / rows.channels();
        scales[c] = (float) scale;
        slopes[c] = training ? (float) (scale * inverse * inverse * dot / m) : 0;
        shifts[c] = training ? (float) (scale * sum / m) : 0;
        if (dgamma != null) dgamma.array()[dgamma.offset() + c] = (float) (dot * inverse);
        if (dbeta != null) dbeta.array()[dbeta.offset() + c] = (float) sum;
    }

    private void gradient(int member) {
        int width = rows.width();
        int end = team.first(member + 1, rows.rows());
        for (int row = team.first(member, rows.rows()); row < end; row++) row(row * width);
        if (member < team.members() - 1) return;
        int rest = rows.rows() * width;
        for (int j = 0; j < rows.rest(); j += COUNT) {
            VectorMask<Float> valid = Lanes.first(rows.rest() - j);
            dx(rest + j, j).intoArray(dx.array(), dx.offset() + rest + j, valid);
        }
    }

    private void row(int at) {
        float[] to = dx.array();
        int toAt = dx.offset() + at;
        for (int j = 0; j < rows.width(); j += COUNT) dx(at + j, j).intoArray(to, toAt + j);
    }

    private FloatVector dx(int at, int j) {
        FloatVector zero = FloatVector.zero(SPECIES);
        FloatVector centered = FloatVector.fromArray(SPECIES, x.array(), x.offset() + at)
                .sub(FloatVector.fromArray(SPECIES, means, j));
        FloatVector y = centered.fma(
                FloatVector.fromArray(SPECIES, maskScales, j), FloatVector.fromArray(SPECIES, maskShifts, j));
        FloatVector d = zero.blend(
                FloatVector.fromArray(SPECIES, dy.array(), dy.offset() + at), y.compare(VectorOperators.GT, zero));
        FloatVector undone =
                centered.fma(FloatVector.fromArray(SPECIES, slopes, j), FloatVector.fromArray(SPECIES, shifts, j));
        return d.mul(FloatVector.fromArray(SPECIES, scales, j)).sub(undone);
    }
}
