package dev.ondine.vector;

import static dev.ondine.vector.Lanes.BLOCK;
import static dev.ondine.vector.Lanes.COUNT;
import static dev.ondine.vector.Lanes.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * The inner loops of convolution and linear layers: 6 rows by two vectors of sums that stay in registers, 12 of them, with two more for
 * what they are multiplied by and one for the element that all lanes share: 15 of AVX2's 16. Both loops read two vectors and six
 * scalars for twelve multiplications, so that loads are not what limits them. Written out, because only local variables become registers.
 *
 * <p>(4 rows by three vectors would read less but needs all 16 registers: the compiler spills, and it ran half as fast; so did
 * the same loop over memory segments.)
 */
final class Tiles {
    /** Pixels, or rows of the weights' gradient, that are computed at a time. */
    static final int ROWS = 6;

    private Tiles() {}

    /**
     * Six pixels of a block of output channels: {@code y[p] = b + Σ x[p + tap + i]·w[tap][i]}.
     *
     * @param x the source; its band begins at {@code xAt}
     * @param pixels where the pixels' windows begin; those from {@code at} on are computed, none after {@code last}
     * @param run contiguous floats at each of {@code taps}
     * @param w the block's weights, from {@code wAt} on
     * @param y the destination; {@code places} says where in it the pixels lie, from {@code yAt} on
     * @param bias a block of it, from {@code biasAt} on
     * @param valid channels of the block that there are; the others are not written
     */
    static void gather(
            float[] x,
            int xAt,
            int[] pixels,
            int at,
            int last,
            int[] taps,
            int run,
            float[] w,
            int wAt,
            float[] y,
            int yAt,
            int[] places,
            float[] bias,
            int biasAt,
            int valid) {
        int i1 = Math.min(at + 1, last);
        int i2 = Math.min(at + 2, last);
        int i3 = Math.min(at + 3, last);
        int i4 = Math.min(at + 4, last);
        int i5 = Math.min(at + 5, last);
        int p0 = xAt + pixels[at];
        int p1 = xAt + pixels[i1];
        int p2 = xAt + pixels[i2];
        int p3 = xAt + pixels[i3];
        int p4 = xAt + pixels[i4];
        int p5 = xAt + pixels[i5];
        FloatVector b0 = FloatVector.fromArray(SPECIES, bias, biasAt);
        FloatVector b1 = FloatVector.fromArray(SPECIES, bias, biasAt + COUNT);
        FloatVector s00 = b0;
        FloatVector s01 = b1;
        FloatVector s10 = b0;
        FloatVector s11 = b1;
        FloatVector s20 = b0;
        FloatVector s21 = b1;
        FloatVector s30 = b0;
        FloatVector s31 = b1;
        FloatVector s40 = b0;
        FloatVector s41 = b1;
        FloatVector s50 = b0;
        FloatVector s51 = b1;
        for (int tap : taps) {
            int x0 = p0 + tap;
            int x1 = p1 + tap;
            int x2 = p2 + tap;
            int x3 = p3 + tap;
            int x4 = p4 + tap;
            int x5 = p5 + tap;
            for (int i = 0; i < run; i++, wAt += BLOCK) {
                FloatVector w0 = FloatVector.fromArray(SPECIES, w, wAt);
                FloatVector w1 = FloatVector.fromArray(SPECIES, w, wAt + COUNT);
                FloatVector v0 = FloatVector.broadcast(SPECIES, x[x0 + i]);
                s00 = v0.fma(w0, s00);
                s01 = v0.fma(w1, s01);
                FloatVector v1 = FloatVector.broadcast(SPECIES, x[x1 + i]);
                s10 = v1.fma(w0, s10);
                s11 = v1.fma(w1, s11);
                FloatVector v2 = FloatVector.broadcast(SPECIES, x[x2 + i]);
                s20 = v2.fma(w0, s20);
                s21 = v2.fma(w1, s21);
                FloatVector v3 = FloatVector.broadcast(SPECIES, x[x3 + i]);
                s30 = v3.fma(w0, s30);
                s31 = v3.fma(w1, s31);
                FloatVector v4 = FloatVector.broadcast(SPECIES, x[x4 + i]);
                s40 = v4.fma(w0, s40);
                s41 = v4.fma(w1, s41);
                FloatVector v5 = FloatVector.broadcast(SPECIES, x[x5 + i]);
                s50 = v5.fma(w0, s50);
                s51 = v5.fma(w1, s51);
            }
        }
        int y0 = yAt + places[at];
        int y1 = yAt + places[i1];
        int y2 = yAt + places[i2];
        int y3 = yAt + places[i3];
        int y4 = yAt + places[i4];
        int y5 = yAt + places[i5];
        if (valid == BLOCK) {
            s00.intoArray(y, y0);
            s01.intoArray(y, y0 + COUNT);
            s10.intoArray(y, y1);
            s11.intoArray(y, y1 + COUNT);
            s20.intoArray(y, y2);
            s21.intoArray(y, y2 + COUNT);
            s30.intoArray(y, y3);
            s31.intoArray(y, y3 + COUNT);
            s40.intoArray(y, y4);
            s41.intoArray(y, y4 + COUNT);
            s50.intoArray(y, y5);
            s51.intoArray(y, y5 + COUNT);
            return;
        }
        VectorMask<Float> first = Lanes.first(valid);
        VectorMask<Float> second = Lanes.first(valid - COUNT);
        s00.intoArray(y, y0, first);
        s01.intoArray(y, y0 + COUNT, second);
        s10.intoArray(y, y1, first);
        s11.intoArray(y, y1 + COUNT, second);
        s20.intoArray(y, y2, first);
        s21.intoArray(y, y2 + COUNT, second);
        s30.intoArray(y, y3, first);
        s31.intoArray(y, y3 + COUNT, second);
        s40.intoArray(y, y4, first);
        s41.intoArray(y, y4 + COUNT, second);
        s50.intoArray(y, y5, first);
        s51.intoArray(y, y5 + COUNT, second);
    }

    /**
     * Six rows (kernel element and input channel) of a block of the weights' gradient: {@code dw[row] += Σ x[p + row]·dy[p]} over
     * the pixels from {@code at} to before {@code end}.
     *
     * @param x the source; its band begins at {@code xAt}
     * @param pixels where the pixels' windows begin
     * @param rows where in a window the rows lie; those from {@code row} on are computed, {@code count} of them
     * @param dy a block of channels of the pixels, one behind the other, that of {@code at} first
     * @param dw the block's gradient, that of {@code row} at {@code dwAt}
     */
    static void outer(
            float[] x,
            int xAt,
            int[] pixels,
            int at,
            int end,
            int[] rows,
            int row,
            int count,
            float[] dy,
            float[] dw,
            int dwAt) {
        int last = row + count - 1;
        int x0 = xAt + rows[row];
        int x1 = xAt + rows[Math.min(row + 1, last)];
        int x2 = xAt + rows[Math.min(row + 2, last)];
        int x3 = xAt + rows[Math.min(row + 3, last)];
        int x4 = xAt + rows[Math.min(row + 4, last)];
        int x5 = xAt + rows[Math.min(row + 5, last)];
        FloatVector s00 = FloatVector.zero(SPECIES);
        FloatVector s01 = s00;
        FloatVector s10 = s00;
        FloatVector s11 = s00;
        FloatVector s20 = s00;
        FloatVector s21 = s00;
        FloatVector s30 = s00;
        FloatVector s31 = s00;
        FloatVector s40 = s00;
        FloatVector s41 = s00;
        FloatVector s50 = s00;
        FloatVector s51 = s00;
        int from = 0;
        for (int p = at; p < end; p++, from += BLOCK) {
            int pixel = pixels[p];
            FloatVector d0 = FloatVector.fromArray(SPECIES, dy, from);
            FloatVector d1 = FloatVector.fromArray(SPECIES, dy, from + COUNT);
            FloatVector v0 = FloatVector.broadcast(SPECIES, x[x0 + pixel]);
            s00 = v0.fma(d0, s00);
            s01 = v0.fma(d1, s01);
            FloatVector v1 = FloatVector.broadcast(SPECIES, x[x1 + pixel]);
            s10 = v1.fma(d0, s10);
            s11 = v1.fma(d1, s11);
            FloatVector v2 = FloatVector.broadcast(SPECIES, x[x2 + pixel]);
            s20 = v2.fma(d0, s20);
            s21 = v2.fma(d1, s21);
            FloatVector v3 = FloatVector.broadcast(SPECIES, x[x3 + pixel]);
            s30 = v3.fma(d0, s30);
            s31 = v3.fma(d1, s31);
            FloatVector v4 = FloatVector.broadcast(SPECIES, x[x4 + pixel]);
            s40 = v4.fma(d0, s40);
            s41 = v4.fma(d1, s41);
            FloatVector v5 = FloatVector.broadcast(SPECIES, x[x5 + pixel]);
            s50 = v5.fma(d0, s50);
            s51 = v5.fma(d1, s51);
        }
        add(dw, dwAt, s00, s01);
        if (count > 1) add(dw, dwAt + BLOCK, s10, s11);
        if (count > 2) add(dw, dwAt + 2 * BLOCK, s20, s21);
        if (count > 3) add(dw, dwAt + 3 * BLOCK, s30, s31);
        if (count > 4) add(dw, dwAt + 4 * BLOCK, s40, s41);
        if (count > 5) add(dw, dwAt + 5 * BLOCK, s50, s51);
    }

    private static void add(float[] a, int at, FloatVector first, FloatVector second) {
        FloatVector.fromArray(SPECIES, a, at).add(first).intoArray(a, at);
        FloatVector.fromArray(SPECIES, a, at + COUNT).add(second).intoArray(a, at + COUNT);
    }
}
