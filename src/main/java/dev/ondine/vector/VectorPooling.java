package dev.ondine.vector;

import static dev.ondine.vector.Lanes.COUNT;
import static dev.ondine.vector.Lanes.SPECIES;

import dev.ondine.graph.Op;
import dev.ondine.tensor.Shape;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Pooling with the channels in the lanes, by the rules of the reference: padding never wins a maximum, a NaN always does; the
 * first of several equal ones counts. The workspace of a maximum holds the number, within the window, of the element that won.
 *
 * <p>x, dx: N×space×C; y, dy, workspace: N×smaller space×C.
 */
final class VectorPooling {
    private final Team team;
    private final Op.PoolingKind kind;
    private final int batch;
    private final int channels;
    private final int[] in = {1, 1, 1};
    private final int[] out = {1, 1, 1};
    private final int[] window = {1, 1, 1};
    private final int[] stride = {1, 1, 1};
    private final int[] begin = {0, 0, 0};
    private final int[] end = {0, 0, 0};
    private final Place x;
    private final Place y;
    private final Place winners;
    private final Team.Part forward = this::forward;
    private final Team.Part backward = this::backward;

    /**
     * For x → y; for the gradient, the two are dx and dy.
     *
     * @param winners the workspace of a maximum, else null
     */
    VectorPooling(Team team, Op.Pooling op, Shape xShape, Shape yShape, Place x, Place y, Place winners) {
        this.team = team;
        this.x = x;
        this.y = y;
        this.winners = winners;
        kind = op.kind();
        batch = (int) xShape.dim(0);
        channels = (int) xShape.dim(1);
        int spatial = op.kernel().size();
        for (int i = 0; i < spatial; i++) {
            int axis = 3 - spatial + i;
            in[axis] = (int) xShape.dim(2 + i);
            out[axis] = (int) yShape.dim(2 + i);
            window[axis] = op.kernel().get(i);
            stride[axis] = op.stride().get(i);
            begin[axis] = op.paddingBegin().get(i);
            end[axis] = op.paddingEnd().get(i);
        }
    }

    void forward() {
        team.run(forward);
    }

    void backward() {
        team.run(backward);
    }

    private void forward(int member) {
        int rows = batch * out[0] * out[1];
        int last = team.first(member + 1, rows);
        for (int row = team.first(member, rows); row < last; row++) {
            int sample = row / out[1] / out[0];
            int d = row / out[1] % out[0];
            int h = row % out[1];
            for (int w = 0; w < out[2]; w++) {
                int at = y.offset() + (row * out[2] + w) * channels;
                for (int c = 0; c < channels; c += COUNT) {
                    if (kind == Op.PoolingKind.MAX) {
                        maximum(sample, d, h, w, c, at - y.offset());
                    } else {
                        average(sample, d, h, w, c, at);
                    }
                }
            }
        }
    }

    private void maximum(int sample, int d, int h, int w, int c, int at) {
        VectorMask<Float> valid = Lanes.first(channels - c);
        FloatVector best = FloatVector.zero(SPECIES);
        FloatVector winner = best;
        boolean any = false;
        int xd1 = last(0, d);
        int xh1 = last(1, h);
        int xw1 = last(2, w);
        for (int xd = first(0, d); xd < xd1; xd++) {
            for (int xh = first(1, h); xh < xh1; xh++) {
                for (int xw = first(2, w); xw < xw1; xw++) {
                    FloatVector v =
                            FloatVector.fromArray(SPECIES, x.array(), x.offset() + pixel(sample, xd, xh, xw) + c);
                    FloatVector number = FloatVector.broadcast(SPECIES, (float) number(xd, d, xh, h, xw, w));
                    VectorMask<Float> wins = v.compare(VectorOperators.GT, best).or(v.test(VectorOperators.IS_NAN));
                    best = any ? best.blend(v, wins) : v;
                    winner = any ? winner.blend(number, wins) : number;
                    any = true;
                }
            }
        }
        best.intoArray(y.array(), y.offset() + at + c, valid);
        winner.intoArray(winners.array(), winners.offset() + at + c, valid);
    }

    private void average(int sample, int d, int h, int w, int c, int at) {
        FloatVector sum = FloatVector.zero(SPECIES);
        int xd1 = last(0, d);
        int xh1 = last(1, h);
        int xw1 = last(2, w);
        for (int xd = first(0, d); xd < xd1; xd++) {
            for (int xh = first(1, h); xh < xh1; xh++) {
                for (int xw = first(2, w); xw < xw1; xw++) {
                    sum = sum.add(
                            FloatVector.fromArray(SPECIES, x.array(), x.offset() + pixel(sample, xd, xh, xw) + c));
                }
            }
        }
        sum.div(divisor(d, h, w)).intoArray(y.array(), at + c, Lanes.first(channels - c));
    }

    /** By samples: windows of one sample overlap. */
    private void backward(int member) {
        int sampleFloats = in[0] * in[1] * in[2] * channels;
        int firstSample = team.first(member, batch);
        int lastSample = team.first(member + 1, batch);
        Arrays.fill(x.array(), x.offset() + firstSample * sampleFloats, x.offset() + lastSample * sampleFloats, 0);
        for (int sample = firstSample; sample < lastSample; sample++) {
            int at = sample * out[0] * out[1] * out[2] * channels;
            for (int d = 0; d < out[0]; d++) {
                for (int h = 0; h < out[1]; h++) {
                    for (int w = 0; w < out[2]; w++, at += channels) {
                        for (int c = 0; c < channels; c += COUNT) backward(sample, d, h, w, c, at + c);
                    }
                }
            }
        }
    }

    private void backward(int sample, int d, int h, int w, int c, int at) {
        VectorMask<Float> valid = Lanes.first(channels - c);
        FloatVector zero = FloatVector.zero(SPECIES);
        FloatVector dy = FloatVector.fromArray(SPECIES, y.array(), y.offset() + at);
        FloatVector winner = zero;
        if (winners == null) {
            dy = dy.div(divisor(d, h, w));
        } else {
            winner = FloatVector.fromArray(SPECIES, winners.array(), winners.offset() + at);
        }
        int xd1 = last(0, d);
        int xh1 = last(1, h);
        int xw1 = last(2, w);
        float[] dx = x.array();
        for (int xd = first(0, d); xd < xd1; xd++) {
            for (int xh = first(1, h); xh < xh1; xh++) {
                for (int xw = first(2, w); xw < xw1; xw++) {
                    int to = x.offset() + pixel(sample, xd, xh, xw) + c;
                    FloatVector part = winners == null
                            ? dy
                            : zero.blend(dy, winner.compare(VectorOperators.EQ, (float) number(xd, d, xh, h, xw, w)));
                    FloatVector.fromArray(SPECIES, dx, to).add(part).intoArray(dx, to, valid);
                }
            }
        }
    }

    /** Which element of the window at (d, h, w) lies at (xd, xh, xw). */
    private int number(int xd, int d, int xh, int h, int xw, int w) {
        int row = (xd - d * stride[0] + begin[0]) * window[1] + xh - h * stride[1] + begin[1];
        return row * window[2] + xw - w * stride[2] + begin[2];
    }

    private float divisor(int d, int h, int w) {
        return (float) ((double) counted(0, d) * counted(1, h) * counted(2, w));
    }

    /** How many elements along one axis the window at place p averages over. */
    private int counted(int axis, int p) {
        if (kind == Op.PoolingKind.AVERAGE_EXCLUDE_PADDING) return last(axis, p) - first(axis, p);
        int from = p * stride[axis] - begin[axis];
        return Math.min(from + window[axis], in[axis] + end[axis]) - from;
    }

    /** The first element inside of the input that the window at place p covers. */
    private int first(int axis, int p) {
        return Math.max(0, p * stride[axis] - begin[axis]);
    }

    /** Behind the last element inside of the input that the window at place p covers. */
    private int last(int axis, int p) {
        return Math.min(in[axis], p * stride[axis] - begin[axis] + window[axis]);
    }

    private int pixel(int sample, int d, int h, int w) {
        return (((sample * in[0] + d) * in[1] + h) * in[2] + w) * channels;
    }
}
