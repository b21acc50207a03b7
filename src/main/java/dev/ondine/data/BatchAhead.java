package dev.ondine.data;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Prepares the next batch of a {@link BatchLoader} on a thread of its own, while the caller computes on the one before. The batches are
 * the loader's, in the same order; one at a time waits in memory outside of the heap. What goes wrong while a batch is prepared is
 * thrown where the batch is asked for. For one calling thread.
 */
public final class BatchAhead implements AutoCloseable {
    private final BatchLoader loader;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment images;
    private final MemorySegment labels;
    private final long sampleBytes;
    private final Thread thread;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // Guarded by the lock.
    /** What is under way; null before the first epoch and once all of its batches are prepared. */
    private BatchLoader.Epoch epoch;

    /** The samples that wait; 0 if none do. */
    private int waiting;

    private Throwable failure;
    private boolean closed;

    public BatchAhead(BatchLoader loader) {
        this.loader = loader;
        this.sampleBytes = loader.dataset().sampleShape().elements() * Float.BYTES;
        this.images = arena.allocate(loader.batchSize() * sampleBytes, 64);
        this.labels = arena.allocate((long) loader.batchSize() * Integer.BYTES, 64);
        this.thread = Thread.ofPlatform().daemon().name("ondine-batches").start(this::prepare);
    }

    /** Begins an epoch; what was prepared of another is dropped. */
    public void begin(int number) {
        begin(number, 0);
    }

    /** As {@link #begin(int)}, after so many batches of the epoch. */
    public void begin(int number, int batches) {
        BatchLoader.Epoch next = loader.epoch(number);
        next.skip(batches);
        lock.lock();
        try {
            requireOpen();
            epoch = next;
            waiting = 0;
            failure = null;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Writes the next batch, as {@link BatchLoader.Epoch#next} does, and has the one after it prepared.
     *
     * @return the number of samples; 0 at the end of the epoch
     * @throws RuntimeException what the data set threw; again at every call until another epoch begins
     */
    public int next(MemorySegment images, MemorySegment labels) {
        lock.lock();
        try {
            requireOpen();
            while (waiting == 0 && failure == null && epoch != null) changed.awaitUninterruptibly();
            if (failure instanceof Error e) throw e;
            if (failure != null) throw (RuntimeException) failure;
            int count = waiting;
            MemorySegment.copy(this.images, 0, images, 0, count * sampleBytes);
            MemorySegment.copy(this.labels, ValueLayout.JAVA_INT, 0, labels, ValueLayout.JAVA_INT, 0, count);
            waiting = 0;
            changed.signalAll();
            return count;
        } finally {
            lock.unlock();
        }
    }

    private void prepare() {
        while (true) {
            BatchLoader.Epoch source = await();
            if (source == null) return;
            int count = 0;
            Throwable thrown = null;
            try {
                count = source.next(images, labels);
            } catch (RuntimeException | Error e) {
                thrown = e;
            }
            lock.lock();
            try {
                // Otherwise another epoch was begun meanwhile, and nobody wants this batch.
                if (epoch == source) {
                    waiting = count;
                    failure = thrown;
                    // The end, or an end: a data set is not asked twice for what it failed at.
                    if (count == 0) epoch = null;
                    changed.signalAll();
                }
            } finally {
                lock.unlock();
            }
        }
    }

    /** What to prepare a batch of, once there is room for one; null at the end of all. */
    private BatchLoader.Epoch await() {
        lock.lock();
        try {
            while (!closed && (epoch == null || waiting > 0)) changed.awaitUninterruptibly();
            return closed ? null : epoch;
        } finally {
            lock.unlock();
        }
    }

    private void requireOpen() {
        if (closed) throw new IllegalStateException("no more batches: this is closed");
    }

    /** Ends the thread, which first ends the batch that it is at, and frees the memory. */
    @Override
    public void close() {
        lock.lock();
        try {
            if (closed) return;
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException _) {
                interrupted = true;
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
        arena.close();
    }
}
