package dev.ondine.vector;

import dev.ondine.vector.Gather.Sweep;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The gradient of a depthwise convolution's weights: {@code dw[tap] = Σ x[p + tap]·dy[p]}, lane by lane. Every thread sums up over its
 * bands of pixels; the sums are added in the threads' order.
 *
 * <p>x, dy: N×space×C; dw: {@link Layout.Depthwise}.
 */
final class DepthwiseWeightsGradient {
    private final Team team;
    private final Workspace workspace;
    private final Gather gather;
    private final Sweep sweep;
    private final Layout.Depthwise layout;
    private final Place x;
    private final Place dy;
    private final Place dw;
    private final Team.Part part = this::sum;

    DepthwiseWeightsGradient(Team team, Workspace workspace, Gather gather, Place x, Place dy, Place dw) {
        this.team = team;
        this.workspace = workspace;
        this.gather = gather;
        this.x = x;
        this.dy = dy;
        this.dw = dw;
        layout = (Layout.Depthwise) dw.layout;
        sweep = gather.sweeps.getFirst();
        workspace.require(layout.size() + gather.scratch());
    }

    void run() {
        team.run(part);
        System.arraycopy(workspace.of(0), 0, dw.array(), dw.offset(), dw.size());
        for (int member = 1; member < team.members(); member++) {
            float[] sums = workspace.of(member);
            for (int i = 0; i < dw.size(); i++) dw.array()[dw.offset() + i] += sums[i];
        }
        // The lanes behind the last channel hold what they met there.
        for (int tap = 0; tap < layout.taps(); tap++) {
            int at = dw.offset() + tap * layout.row();
            Arrays.fill(dw.array(), at + layout.channels(), at + layout.row(), 0);
        }
    }

    private void sum(int member) {
        float[] scratch = workspace.of(member);
        Arrays.fill(scratch, 0, layout.size(), 0);
        float[] from = gather.padded ? scratch : x.array();
        int end = team.first(member + 1, gather.bands);
        for (int band = team.first(member, gather.bands); band < end; band++) {
            if (gather.padded) gather.copy(band, x.array(), x.offset(), scratch, layout.size());
            int xAt = gather.padded ? layout.size() : x.offset() + gather.source(band);
            int dyAt = dy.offset() + gather.destination(band);
            int pixels = gather.pixels(sweep, band);
            for (int c = 0; c < layout.channels(); c += Lanes.COUNT) {
                for (int t = 0; t < layout.taps(); t += 3) {
                    tile(from, xAt + c, sweep, t, pixels, dy.array(), dyAt + c, scratch, c, layout.row());
                }
            }
        }
    }

    /** Three elements of the kernel, for the same vector of channels. */
    private static void tile(
            float[] x, int xAt, Sweep sweep, int tap, int count, float[] dy, int dyAt, float[] sums, int to, int row) {
        int[] pixels = sweep.pixels();
        int[] places = sweep.places();
        int[] taps = sweep.taps();
        int last = taps.length - 1;
        int x0 = xAt + taps[tap];
        int x1 = xAt + taps[Math.min(tap + 1, last)];
        int x2 = xAt + taps[Math.min(tap + 2, last)];
        FloatVector s0 = FloatVector.zero(Lanes.SPECIES);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        for (int p = 0; p < count; p++) {
            FloatVector d = FloatVector.fromArray(Lanes.SPECIES, dy, dyAt + places[p]);
            s0 = FloatVector.fromArray(Lanes.SPECIES, x, x0 + pixels[p]).fma(d, s0);
            s1 = FloatVector.fromArray(Lanes.SPECIES, x, x1 + pixels[p]).fma(d, s1);
            s2 = FloatVector.fromArray(Lanes.SPECIES, x, x2 + pixels[p]).fma(d, s2);
        }
        add(sums, to + tap * row, s0);
        if (tap < last) add(sums, to + (tap + 1) * row, s1);
        if (tap + 1 < last) add(sums, to + (tap + 2) * row, s2);
    }

    private static void add(float[] sums, int at, FloatVector more) {
        FloatVector.fromArray(Lanes.SPECIES, sums, at).add(more).intoArray(sums, at);
    }
}
