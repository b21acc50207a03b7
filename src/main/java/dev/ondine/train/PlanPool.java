package dev.ondine.train;

import dev.ondine.backend.Backend;
import dev.ondine.backend.FrozenWeights;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Semaphore;

/**
 * Plans for inference over one set of packed weights: each is a workspace of its own, lent to one caller at a time. What nobody uses is
 * kept, the most recently used first, and closed when there are too many.
 *
 * <p>When the model has changed, new weights are packed and new plans compiled; a plan that is lent out runs to its end with the old ones.
 */
final class PlanPool implements AutoCloseable {
    /** The model's parameters at one time, packed, and the plans over them. */
    private static final class Generation {
        final FrozenWeights weights;
        final long version;
        int plans;

        Generation(Model model, long version) {
            this.weights = new FrozenWeights(model.parameters()::get);
            this.version = version;
        }
    }

    /** A plan that is lent to one caller. */
    record Lease(Plan plan, int size, Generation generation) {}

    private final Model model;
    private final Backend backend;
    private final PlanOptions options;
    private final int mostAtOnce;
    private final int mostKept;
    private final Semaphore permits;
    private final CallThreads threads;
    private final Runnable afterwards;
    private final Deque<Lease> idle = new ArrayDeque<>();
    private Generation current;
    private boolean closed;

    /**
     * @param mostAtOnce callers that have a plan at the same time; others wait for their turn
     * @param mostKept plans that are kept, lent out or not; at least {@code mostAtOnce}
     * @param afterwards what follows when this is closed and every plan is
     */
    PlanPool(Model model, Backend backend, PlanOptions options, int mostAtOnce, int mostKept, Runnable afterwards) {
        this.model = model;
        this.backend = backend;
        this.options = options;
        this.mostAtOnce = mostAtOnce;
        this.mostKept = mostKept;
        this.afterwards = afterwards;
        this.permits = new Semaphore(mostAtOnce, true);
        this.threads = new CallThreads(mostAtOnce, options.threads());
    }

    /**
     * A plan for batches of this size, with the model's newest parameters, for the caller alone until {@link #giveBack}.
     *
     * @throws IllegalStateException if this is closed, before or while the caller waits
     */
    Lease take(int size) {
        permits.acquireUninterruptibly();
        try {
            Lease kept = kept(size);
            // Weights are packed on the threads that compute, too.
            return kept != null ? kept : threads.call(() -> lend(size));
        } catch (RuntimeException | Error e) {
            permits.release();
            throw e;
        }
    }

    /** Computes what a caller has put into its plan. */
    void run(Lease lease) {
        threads.call(() -> {
            lease.plan.run(0);
            return null;
        });
    }

    /** An idle plan for batches of this size with the model's newest parameters; null if there is none. */
    private Lease kept(int size) {
        synchronized (model.parameters()) {
            long version = model.parameters().version();
            synchronized (this) {
                requireOpen();
                return current != null && current.version == version ? idle(size) : null;
            }
        }
    }

    private Lease idle(int size) {
        for (Iterator<Lease> leases = idle.iterator(); leases.hasNext(); ) {
            Lease lease = leases.next();
            if (lease.size != size) continue;
            leases.remove();
            return lease;
        }
        return null;
    }

    private Lease lend(int size) {
        // A trainer on another thread waits with its next update; packing reads the parameters.
        synchronized (model.parameters()) {
            Generation generation;
            synchronized (this) {
                requireOpen();
                generation = renewed(model.parameters().version());
                Lease lease = idle(size);
                if (lease != null) return lease;
                while (!idle.isEmpty() && generation.plans >= mostKept) discard(idle.removeLast());
                generation.plans++;
            }
            try {
                var graph = model.graph(Mode.EVALUATION, size, (_, _) -> {});
                return new Lease(backend.compile(graph, options.frozen(generation.weights)), size, generation);
            } catch (RuntimeException | Error e) {
                synchronized (this) {
                    generation.plans--;
                }
                throw e;
            }
        }
    }

    /** The generation of the model's parameters as they are now. */
    private Generation renewed(long version) {
        if (current != null && current.version == version) return current;
        List<Lease> old = new ArrayList<>(idle);
        idle.clear();
        for (Lease lease : old) discard(lease);
        Generation before = current;
        current = new Generation(model, version);
        if (before != null && before.plans == 0) before.weights.close();
        return current;
    }

    private void discard(Lease lease) {
        lease.plan.close();
        Generation generation = lease.generation;
        generation.plans--;
        if (generation.plans == 0 && (closed || generation != current)) generation.weights.close();
    }

    void giveBack(Lease lease) {
        synchronized (this) {
            if (lease.generation == current && !closed) idle.addFirst(lease);
            else discard(lease);
        }
        permits.release();
    }

    /** How many plans there are, lent out or not. */
    synchronized int plans() {
        return current == null ? 0 : current.plans;
    }

    /** The bytes of the weights that all plans share, and those of the plans' workspaces are not counted. */
    synchronized long weightBytes() {
        return current == null ? 0 : current.weights.bytes();
    }

    private void requireOpen() {
        if (closed) throw new IllegalStateException("this predictor is closed");
    }

    /** Waits until every plan is given back; who waits for one meanwhile is turned away. */
    @Override
    public void close() {
        synchronized (this) {
            if (closed) return;
            closed = true;
        }
        // Those who wait get their permits first, find this closed, and give them back.
        permits.acquireUninterruptibly(mostAtOnce);
        permits.release(mostAtOnce);
        synchronized (this) {
            Generation generation = current;
            boolean none = generation != null && generation.plans == 0;
            while (!idle.isEmpty()) discard(idle.removeLast());
            if (none) generation.weights.close();
        }
        threads.close();
        afterwards.run();
    }
}
