package dev.ondine.vector;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A fixed number of threads that do one thing together, the caller being the first of them. Between two things that follow
 * each other closely the others spin; after a while without work they park.
 *
 * <p>Who does which part depends on nothing but the member's number, so that the same number of threads gives the same bits.
 * The threads are daemons and end with {@link #close}.
 */
final class Team implements AutoCloseable {
    /** What each member does, told its number, 0 for the caller. */
    @FunctionalInterface
    interface Part {
        void run(int member);
    }

    /** Some 50 µs: longer than what lies between two steps of a plan, shorter than what a neighbour would notice. */
    private static final int SPINS = 2000;

    private final Thread[] helpers;
    private final AtomicInteger round = new AtomicInteger();
    private final AtomicInteger working = new AtomicInteger();
    private final Flag[] parked;
    private Part part;
    private volatile Thread waiting;
    private volatile Throwable failure;
    private volatile boolean closed;

    /** A flag on a cache line of its own. */
    @SuppressWarnings("unused")
    private static final class Flag {
        private long a1, a2, a3, a4, a5, a6, a7;
        private volatile boolean set;
        private long b1, b2, b3, b4, b5, b6, b7;
    }

    Team(int members) {
        helpers = new Thread[members - 1];
        parked = new Flag[members - 1];
        for (int i = 0; i < helpers.length; i++) {
            int member = i + 1;
            parked[i] = new Flag();
            helpers[i] =
                    Thread.ofPlatform().name("ondine-vector-" + member).daemon().unstarted(() -> help(member));
        }
        for (Thread helper : helpers) helper.start();
    }

    int members() {
        return helpers.length + 1;
    }

    /** Runs all parts and returns when the last one is done; what one of them throws is thrown here. */
    void run(Part work) {
        if (helpers.length == 0) {
            work.run(0);
            return;
        }
        part = work;
        failure = null;
        working.set(helpers.length);
        round.incrementAndGet();
        for (int i = 0; i < helpers.length; i++) {
            if (parked[i].set) LockSupport.unpark(helpers[i]);
        }
        try {
            work.run(0);
        } finally {
            await();
        }
        Throwable thrown = failure;
        if (thrown != null) throw new IllegalStateException("a thread of the vector backend failed", thrown);
    }

    private void await() {
        for (int i = 0; i < SPINS && working.get() > 0; i++) Thread.onSpinWait();
        if (working.get() == 0) return;
        waiting = Thread.currentThread();
        while (working.get() > 0) LockSupport.park(this);
        waiting = null;
    }

    private void help(int member) {
        int seen = 0;
        while (true) {
            seen = next(seen, parked[member - 1]);
            if (closed) return;
            try {
                part.run(member);
            } catch (Throwable t) {
                failure = t;
            }
            if (working.decrementAndGet() == 0) {
                Thread caller = waiting;
                if (caller != null) LockSupport.unpark(caller);
            }
        }
    }

    private int next(int seen, Flag flag) {
        for (int i = 0; i < SPINS; i++) {
            int now = round.get();
            if (now != seen) return now;
            Thread.onSpinWait();
        }
        flag.set = true;
        while (round.get() == seen) LockSupport.park(this);
        flag.set = false;
        return round.get();
    }

    /** The first of {@code count} things that fall to {@code member}; those of the next member begin where its own end. */
    int first(int member, int count) {
        return (int) ((long) count * member / members());
    }

    /** Ends the threads; not while they work. */
    @Override
    public void close() {
        closed = true;
        round.incrementAndGet();
        for (Thread helper : helpers) LockSupport.unpark(helper);
    }
}
