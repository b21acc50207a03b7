package dev.ondine.vector;

import dev.ondine.vector.Gather.Sweep;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Depthwise convolution, forward and its gradient with respect to the data: every channel gathers from itself, a vector of channels and four
 * pixels at a time. The kernel's elements are the same for both passes; only their order differs.
 *
 * <p>Source and destination: N×space×C; weights: {@link Layout.Depthwise}.
 */
final class DepthwiseConvolution {
    private final Team team;
    private final Workspace workspace;
    private final Gather gather;
    private final Place source;
    private final Place weights;
    private final Place bias;
    private final Place destination;
    private final int channels;
    private final int row;
    private final float[] biasRow;
    private final Team.Part part = this::run;

    /** @param bias may be null */
    DepthwiseConvolution(
            Team team, Workspace workspace, Gather gather, Place source, Place weights, Place bias, Place destination) {
        this.team = team;
        this.workspace = workspace;
        this.gather = gather;
        this.source = source;
        this.weights = weights;
        this.bias = bias;
        this.destination = destination;
        Layout.Depthwise layout = (Layout.Depthwise) weights.layout;
        channels = layout.channels();
        row = layout.row();
        biasRow = new float[row];
        workspace.require(gather.scratch());
    }

    void run() {
        if (bias != null) System.arraycopy(bias.array(), bias.offset(), biasRow, 0, channels);
        team.run(part);
    }

    private void run(int member) {
        float[] x = gather.padded ? workspace.of(member) : source.array();
        int end = team.first(member + 1, gather.bands);
        for (int band = team.first(member, gather.bands); band < end; band++) {
            if (gather.padded) gather.copy(band, source.array(), source.offset(), x, 0);
            int xAt = gather.padded ? 0 : source.offset() + gather.source(band);
            int yAt = destination.offset() + gather.destination(band);
            for (int s = 0; s < gather.sweeps.size(); s++) {
                Sweep sweep = gather.sweeps.get(s);
                int pixels = gather.pixels(sweep, band);
                for (int c = 0; c < channels; c += Lanes.COUNT) {
                    for (int at = 0; at < pixels; at += 4) {
                        tile(
                                x,
                                xAt + c,
                                sweep,
                                at,
                                pixels - 1,
                                weights.array(),
                                weights.offset() + c,
                                row,
                                destination.array(),
                                yAt + c,
                                biasRow,
                                c,
                                channels - c);
                    }
                }
            }
        }
    }

    private static void tile(
            float[] x,
            int xAt,
            Sweep sweep,
            int at,
            int last,
            float[] w,
            int wAt,
            int row,
            float[] y,
            int yAt,
            float[] bias,
            int biasAt,
            int valid) {
        int[] pixels = sweep.pixels();
        int[] taps = sweep.taps();
        int[] kernel = sweep.kernel();
        int i1 = Math.min(at + 1, last);
        int i2 = Math.min(at + 2, last);
        int i3 = Math.min(at + 3, last);
        int p0 = xAt + pixels[at];
        int p1 = xAt + pixels[i1];
        int p2 = xAt + pixels[i2];
        int p3 = xAt + pixels[i3];
        FloatVector s0 = FloatVector.fromArray(Lanes.SPECIES, bias, biasAt);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int t = 0; t < taps.length; t++) {
            int tap = taps[t];
            FloatVector k = FloatVector.fromArray(Lanes.SPECIES, w, wAt + kernel[t] * row);
            s0 = FloatVector.fromArray(Lanes.SPECIES, x, p0 + tap).fma(k, s0);
            s1 = FloatVector.fromArray(Lanes.SPECIES, x, p1 + tap).fma(k, s1);
            s2 = FloatVector.fromArray(Lanes.SPECIES, x, p2 + tap).fma(k, s2);
            s3 = FloatVector.fromArray(Lanes.SPECIES, x, p3 + tap).fma(k, s3);
        }
        VectorMask<Float> mask = Lanes.first(valid);
        int[] places = sweep.places();
        s0.intoArray(y, yAt + places[at], mask);
        s1.intoArray(y, yAt + places[i1], mask);
        s2.intoArray(y, yAt + places[i2], mask);
        s3.intoArray(y, yAt + places[i3], mask);
    }
}
