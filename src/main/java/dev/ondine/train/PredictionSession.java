package dev.ondine.train;

import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** A predictor's workspace that belongs to one thread until it is closed: {@link Predictor#session}. */
public final class PredictionSession implements AutoCloseable {
    private final PlanPool pool;
    private final PlanPool.Lease lease;
    private final Arena arena = Arena.ofConfined();
    private final Optional<Normalization> normalization;
    private final MemorySegment input;
    private final MemorySegment output;

    PredictionSession(PlanPool pool, PlanPool.Lease lease, Optional<Normalization> normalization) {
        this.pool = pool;
        this.lease = lease;
        this.normalization = normalization;
        this.input = lent(lease.plan().input(Model.INPUT).segment());
        this.output = lent(lease.plan().output(Model.OUTPUT).segment());
    }

    /** The plan's memory under a life of its own: it ends with the session, when another may get the workspace. */
    @SuppressWarnings("restricted") // The plan outlives the session.
    private MemorySegment lent(MemorySegment segment) {
        return segment.reinterpret(arena, null);
    }

    /** Where the samples are to be written: float32, row-major, as many as the session is for; kept from run to run. */
    public MemorySegment input() {
        return input;
    }

    /** Where the outputs lie after a run: float32, row-major. */
    public MemorySegment output() {
        return output;
    }

    /** Normalizes what was written to the input, in place: for samples that are not. Does nothing if it is not known what with. */
    public void normalize() {
        if (normalization.isPresent()) normalization.get().apply(input, input, lease.size());
    }

    /** Computes the outputs of what is in the input. */
    public void run() {
        if (!arena.scope().isAlive()) throw new IllegalStateException("this session is closed");
        pool.run(lease);
    }

    /** Gives the workspace back; its memory can be reached no more. */
    @Override
    public void close() {
        if (!arena.scope().isAlive()) return;
        arena.close();
        pool.giveBack(lease);
    }
}
