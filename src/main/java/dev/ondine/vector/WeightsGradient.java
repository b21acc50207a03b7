package dev.ondine.vector;

import dev.ondine.vector.Gather.Sweep;
import java.util.Arrays;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * The gradient of a convolution's or linear layer's weights: a matrix product of windows and dy, with a sum over all pixels.
 *
 * <p>Where the gradient is small, every thread sums up over its own bands of pixels, and the sums are added in the threads' order;
 * where it is large, every thread sums up its own part of it over all pixels.
 *
 * <p>x: N×space×C, dy: N×space×O, dw: {@link Layout.Blocked}.
 */
final class WeightsGradient {
    /** Pixels that are summed up in registers before they are added to memory; their dy stays in the first-level cache. */
    private static final int CHUNK = 128;

    private final Team team;
    private final Workspace workspace;
    private final Gather gather;
    private final Sweep sweep;
    private final Layout.Blocked layout;
    private final Place x;
    private final Place dy;
    private final Place dw;
    private final int[] rows;
    private final int tiles;
    private final boolean byPixels;
    private final int partialAt;
    private final Team.Part sum = this::sum;
    private final Team.Part add = this::add;

    WeightsGradient(
            Team team, Workspace workspace, ConvolutionShape shape, Gather gather, Place x, Place dy, Place dw) {
        this.team = team;
        this.workspace = workspace;
        this.gather = gather;
        this.x = x;
        this.dy = dy;
        this.dw = dw;
        layout = (Layout.Blocked) dw.layout;
        sweep = gather.sweeps.getFirst();
        rows = Arrays.stream(sweep.taps())
                .flatMap(tap -> IntStream.range(tap, tap + sweep.run()))
                .toArray();
        tiles = Math.ceilDiv(rows.length, Tiles.ROWS);
        byPixels = gather.bands >= team.members() && (long) dw.size() <= (x.size() + (long) dy.size()) / 2;
        partialAt = CHUNK * Lanes.BLOCK + gather.scratch();
        workspace.require(partialAt + (byPixels && team.members() > 1 ? dw.size() : 0));
    }

    void run() {
        team.run(sum);
        if (byPixels && team.members() > 1) team.run(add);
    }

    private void sum(int member) {
        int firstBand = byPixels ? team.first(member, gather.bands) : 0;
        int endBand = byPixels ? team.first(member + 1, gather.bands) : gather.bands;
        int pieces = layout.groups() * layout.blocks() * tiles;
        int first = byPixels ? 0 : team.first(member, pieces);
        int end = byPixels ? pieces : team.first(member + 1, pieces);
        boolean own = byPixels && member > 0;
        float[] to = own ? workspace.of(member) : dw.array();
        int toAt = own ? partialAt : dw.offset();
        if (first == end) return;
        Arrays.fill(to, toAt + at(first), toAt + (end == pieces ? layout.size() : at(end)), 0);
        float[] scratch = workspace.of(member);
        float[] from = gather.padded ? scratch : x.array();
        for (int band = firstBand; band < endBand; band++) {
            if (gather.padded) copy(band, scratch);
            int fromAt = gather.padded ? CHUNK * Lanes.BLOCK : x.offset() + gather.source(band);
            int pixels = gather.pixels(sweep, band);
            for (int chunk = 0; chunk < pixels; chunk += CHUNK) {
                int behind = Math.min(chunk + CHUNK, pixels);
                int packed = -1;
                for (int piece = first; piece < end; piece++) {
                    int block = piece / tiles;
                    if (block != packed) pack(block, gather.destination(band), chunk, behind, scratch);
                    packed = block;
                    int row = piece % tiles * Tiles.ROWS;
                    int count = Math.min(Tiles.ROWS, rows.length - row);
                    int group = block / layout.blocks() * layout.inputs();
                    Tiles.outer(
                            from,
                            fromAt + group,
                            sweep.pixels(),
                            chunk,
                            behind,
                            rows,
                            row,
                            count,
                            scratch,
                            to,
                            toAt + at(piece));
                }
            }
        }
    }

    /** The scratch memory begins with a chunk of dy; behind it lie the band of x and the thread's own sums. */
    private void copy(int band, float[] scratch) {
        gather.copy(band, x.array(), x.offset(), scratch, CHUNK * Lanes.BLOCK);
    }

    /** Where a piece begins in the gradient. */
    private int at(int piece) {
        return piece / tiles * layout.block() + piece % tiles * Tiles.ROWS * Lanes.BLOCK;
    }

    /** Copies the channels of a block, of some pixels, one behind the other, with zeros for those that there are not. */
    private void pack(int block, int band, int at, int end, float[] into) {
        int first = block % layout.blocks() * Lanes.BLOCK;
        int channel = block / layout.blocks() * layout.outputs() + first;
        VectorMask<Float> low = Lanes.first(layout.outputs() - first);
        VectorMask<Float> high = Lanes.first(layout.outputs() - first - Lanes.COUNT);
        FloatVector zero = FloatVector.zero(Lanes.SPECIES);
        float[] from = dy.array();
        int to = 0;
        for (int p = at; p < end; p++, to += Lanes.BLOCK) {
            int pixel = dy.offset() + band + sweep.places()[p] + channel;
            zero.blend(FloatVector.fromArray(Lanes.SPECIES, from, pixel), low).intoArray(into, to);
            zero.blend(FloatVector.fromArray(Lanes.SPECIES, from, pixel + Lanes.COUNT), high)
                    .intoArray(into, to + Lanes.COUNT);
        }
    }

    private void add(int member) {
        float[] to = dw.array();
        int vectors = dw.size() / Lanes.COUNT;
        int end = team.first(member + 1, vectors) * Lanes.COUNT;
        for (int i = team.first(member, vectors) * Lanes.COUNT; i < end; i += Lanes.COUNT) {
            FloatVector sum = FloatVector.fromArray(Lanes.SPECIES, to, dw.offset() + i);
            for (int other = 1; other < team.members(); other++) {
                sum = sum.add(FloatVector.fromArray(Lanes.SPECIES, workspace.of(other), partialAt + i));
            }
            sum.intoArray(to, dw.offset() + i);
        }
    }
}
