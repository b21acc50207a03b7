package dev.ondine.vector;

import dev.ondine.vector.Gather.Sweep;
import java.util.Arrays;

/**
 * Forward convolution, its gradient with respect to the data, and both of a linear layer: every pixel of the destination gathers
 * from the source (Zhang et al. 2018, "High Performance Zero-Memory Overhead Direct Convolutions"), six pixels and two vectors of channels
 * at a time. A piece of work is a band of pixels, or part of its channels where there are fewer bands than threads.
 *
 * <p>Source: N×space×C, destination: N×space×O, both with the channels last.
 */
final class DirectConvolution {
    private final Team team;
    private final Workspace workspace;
    private final Gather gather;
    private final Place source;
    private final Place destination;
    private final int groups;
    private final int inputs;
    private final int outputs;
    private final int blocks;
    private final int splits;
    private final Weights[] weights;
    private final float[] bias;
    private final Place biasPlace;
    private final Team.Part part = this::run;

    /** The weights that one sweep reads: [group][block of outputs][kernel element][input][output of the block]. */
    record Weights(Place place, int start) {}

    /** @param bias may be null */
    DirectConvolution(
            Team team,
            Workspace workspace,
            ConvolutionShape shape,
            Gather gather,
            boolean backward,
            Place source,
            Weights[] weights,
            Place bias,
            Place destination) {
        this.team = team;
        this.workspace = workspace;
        this.gather = gather;
        this.source = source;
        this.destination = destination;
        this.weights = weights;
        groups = shape.groups();
        inputs = backward ? shape.outputsOfGroup() : shape.inputsOfGroup();
        outputs = backward ? shape.inputsOfGroup() : shape.outputsOfGroup();
        blocks = Math.ceilDiv(outputs, Lanes.BLOCK);
        int pieces = groups * blocks;
        splits = gather.bands >= team.members() ? 1 : Math.min(pieces, Math.ceilDiv(team.members(), gather.bands));
        biasPlace = bias;
        this.bias = new float[pieces * Lanes.BLOCK];
        workspace.require(gather.scratch());
    }

    void run() {
        if (biasPlace != null) {
            for (int g = 0; g < groups; g++) {
                int from = biasPlace.offset() + g * outputs;
                System.arraycopy(biasPlace.array(), from, bias, g * blocks * Lanes.BLOCK, outputs);
            }
        }
        team.run(part);
    }

    private void run(int member) {
        int items = gather.bands * splits;
        int end = team.first(member + 1, items);
        int copied = -1;
        float[] x = gather.padded ? workspace.of(member) : source.array();
        for (int item = team.first(member, items); item < end; item++) {
            int band = item / splits;
            if (gather.padded && band != copied) gather.copy(band, source.array(), source.offset(), x, 0);
            copied = band;
            int xAt = gather.padded ? 0 : source.offset() + gather.source(band);
            int split = item % splits;
            int first = groups * blocks * split / splits;
            int behind = groups * blocks * (split + 1) / splits;
            for (int s = 0; s < weights.length; s++) {
                Sweep sweep = gather.sweeps.get(s);
                int pixels = gather.pixels(sweep, band);
                if (pixels > 0) sweep(sweep, weights[s], pixels, x, xAt, gather.destination(band), first, behind);
            }
        }
    }

    private void sweep(Sweep sweep, Weights w, int pixels, float[] x, int xAt, int yAt, int firstPiece, int endPiece) {
        int size = sweep.kernel().length * inputs * Lanes.BLOCK;
        for (int piece = firstPiece; piece < endPiece; piece++) {
            int group = piece / blocks;
            int block = piece % blocks;
            int valid = Math.min(Lanes.BLOCK, outputs - block * Lanes.BLOCK);
            int from = xAt + group * inputs;
            int to = destination.offset() + yAt + group * outputs + block * Lanes.BLOCK;
            int wAt = w.place.offset() + w.start + piece * size;
            for (int at = 0; at < pixels; at += Tiles.ROWS) {
                Tiles.gather(
                        x,
                        from,
                        sweep.pixels(),
                        at,
                        pixels - 1,
                        sweep.taps(),
                        sweep.run(),
                        w.place.array(),
                        wAt,
                        destination.array(),
                        to,
                        sweep.places(),
                        bias,
                        piece * Lanes.BLOCK,
                        valid);
            }
        }
    }

    /**
     * The weights with inputs and outputs exchanged, as {@code dx} gathers through them: made anew for each run, once.
     */
    static final class Exchange {
        private final Team team;
        private final Layout.Blocked from;
        private final Place weights;
        private final Place exchanged;
        private final Gather gather;
        private final int blocks;
        private final int[] starts;
        private final Team.Part part = this::run;

        Exchange(Team team, ConvolutionShape shape, Gather gather, Place weights) {
            this.team = team;
            this.gather = gather;
            this.weights = weights;
            from = (Layout.Blocked) weights.layout;
            blocks = Math.ceilDiv(from.inputs(), Lanes.BLOCK);
            starts = new int[gather.sweeps.size()];
            int size = 0;
            for (int s = 0; s < starts.length; s++) {
                starts[s] = size;
                size += shape.groups() * blocks * gather.sweeps.get(s).kernel().length * from.outputs() * Lanes.BLOCK;
            }
            exchanged = new Place(new Layout.Private(size));
            exchanged.bind(new float[size + Lanes.SLACK], 0);
        }

        Weights[] weights() {
            return Arrays.stream(starts)
                    .mapToObj(s -> new Weights(exchanged, s))
                    .toArray(Weights[]::new);
        }

        void run() {
            team.run(part);
        }

        private void run(int member) {
            int pieces = from.groups() * blocks;
            for (int piece = team.first(member, pieces); piece < team.first(member + 1, pieces); piece++) {
                for (int s = 0; s < starts.length; s++) {
                    int[] kernel = gather.sweeps.get(s).kernel();
                    int to = starts[s] + piece * kernel.length * from.outputs() * Lanes.BLOCK;
                    for (int tap : kernel) {
                        for (int o = 0; o < from.outputs(); o++, to += Lanes.BLOCK) exchange(piece, tap, o, to);
                    }
                }
            }
        }

        private void exchange(int piece, int tap, int o, int to) {
            int first = piece % blocks * Lanes.BLOCK;
            int count = Math.min(Lanes.BLOCK, from.inputs() - first);
            int at = weights.offset() + from.position(piece / blocks, o, first, tap);
            float[] w = weights.array();
            float[] t = exchanged.array();
            for (int i = 0; i < count; i++) t[to + i] = w[at + i * Lanes.BLOCK];
        }
    }
}
