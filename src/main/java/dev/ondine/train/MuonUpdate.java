package dev.ondine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Team;
import dev.ondine.nn.ParameterRole;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.tensor.Shape;
import dev.ondine.train.UpdateTarget.Slice;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Muon for the matrices, one after the other, and AdamW for what is left, in one pass. A matrix is gathered from its blocked layout into
 * row-major order, the shorter side being the rows, and scattered back.
 */
final class MuonUpdate implements Update, Team.Task {
    /** A convolution's weights as (out, in·height·width), or their transpose if that is shorter. */
    private record Matrix(Slice slice, int[] places, int rows, int columns, double scale) {}

    private final Optimizer.Muon muon;
    private final UpdateTarget target;
    private final Update rest;
    private final List<Matrix> matrices = new ArrayList<>();
    private final NewtonSchulz newtonSchulz;
    private final float[] direction;

    // What the team does at the moment.
    private Matrix matrix;
    private boolean gathers;
    private float rate;
    private float keep;

    MuonUpdate(Optimizer.Muon muon, UpdateTarget target) {
        this.muon = muon;
        this.target = target;
        List<Slice> others = new ArrayList<>();
        int elements = 0;
        int shorter = 0;
        for (Slice slice : target.slices()) {
            if (!isMatrix(slice.spec())) {
                others.add(slice);
                continue;
            }
            Matrix m = matrix(slice, target.places().apply(slice.index()));
            matrices.add(m);
            elements = Math.max(elements, m.places.length);
            shorter = Math.max(shorter, m.rows);
        }
        this.rest = Update.of(muon.rest(), target.withSlices(others));
        this.newtonSchulz = new NewtonSchulz(shorter, elements);
        this.direction = new float[elements];
    }

    /** Convolutions, but for depthwise ones, each of whose channels is on its own. */
    static boolean isMatrix(ParameterSpec spec) {
        return spec.role() == ParameterRole.WEIGHT
                && spec.shape().rank() >= 3
                && spec.shape().dim(1) > 1;
    }

    private static Matrix matrix(Slice slice, int[] places) {
        Shape shape = slice.spec().shape();
        int out = Math.toIntExact(shape.dim(0));
        int in = places.length / out;
        double scale = Math.sqrt(Math.max(1, (double) out / in));
        if (out <= in) return new Matrix(slice, places, out, in, scale);
        int[] transposed = new int[places.length];
        for (int i = 0; i < out; i++) for (int j = 0; j < in; j++) transposed[j * out + i] = places[i * in + j];
        return new Matrix(slice, transposed, in, out, scale);
    }

    @Override
    public void step(double rate, long step) {
        for (int i = 0; i < matrices.size(); i++) {
            matrix = matrices.get(i);
            gathers = true;
            target.team().run(this);
            newtonSchulz.orthogonalize(direction, matrix.rows, matrix.columns, muon.iterations(), target.team());
            double own = rate * matrix.slice.rate();
            this.rate = (float) (own * matrix.scale);
            keep = (float) (1 - own * matrix.slice.weightDecay().orElse(muon.weightDecay()));
            gathers = false;
            target.team().run(this);
        }
        rest.step(muon.rest().learningRate() * (rate / muon.learningRate()), step);
    }

    @Override
    public void run(int part, int parts) {
        int n = matrix.places.length;
        int from = (int) Team.start(n, part, parts);
        int to = (int) Team.start(n, part + 1, parts);
        if (gathers) gather(from, to);
        else descend(from, to);
    }

    /** The momentum follows the gradient; the direction is where it is about to arrive (Nesterov). */
    private void gather(int from, int to) {
        MemorySegment gradients = target.gradients();
        MemorySegment momenta = target.state().getFirst();
        float rest = (float) (1 - muon.momentum());
        for (int i = from; i < to; i++) {
            int at = matrix.places[i];
            float g = gradients.getAtIndex(JAVA_FLOAT, at);
            float m = momenta.getAtIndex(JAVA_FLOAT, at);
            m = m + rest * (g - m);
            momenta.setAtIndex(JAVA_FLOAT, at, m);
            direction[i] = m - (m - g) * rest;
        }
    }

    private void descend(int from, int to) {
        MemorySegment weights = target.weights();
        for (int i = from; i < to; i++) {
            int at = matrix.places[i];
            weights.setAtIndex(JAVA_FLOAT, at, weights.getAtIndex(JAVA_FLOAT, at) * keep - rate * direction[i]);
        }
    }
}
