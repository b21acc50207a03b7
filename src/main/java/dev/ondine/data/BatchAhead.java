package dev.ondine.data;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Prepares the next batches of a {@link BatchLoader} on threads of its own, while the caller computes on the one before. The batches
 * are the loader's, in the same order, whatever the number of threads. As many as there are threads wait in memory outside of the heap,
 * which is used again; then the threads rest. What goes wrong while a batch is prepared is thrown where the batch is asked for. For one
 * calling thread.
 */
public final class BatchAhead implements AutoCloseable {
    /** Enough for images that are in memory: preparing a batch of them takes a few percent of a step. */
    public static final int DEFAULT_WORKERS = 1;

    /** Where a batch lies; it is prepared by one thread at a time. */
    private static final class Slot {
        final MemorySegment images;
        final MemorySegment targets;

        // Guarded by the lock.
        boolean busy;
        /** The batch that is ready here; −1 if none is. */
        int ready = -1;

        int count;
        Throwable failure;

        Slot(MemorySegment images, MemorySegment targets) {
            this.images = images;
            this.targets = targets;
        }
    }

    private final BatchLoader loader;
    private final Arena arena = Arena.ofShared();
    private final long sampleBytes;
    private final long targetBytes;
    private final int batches;
    private final Slot[] slots;
    private final Thread[] threads;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // Guarded by the lock.
    /** What is under way; null before the first epoch. */
    private BatchLoader.Epoch epoch;

    /** Which one that is. */
    private int number;

    /** The next batch that nobody prepares yet. */
    private int started;

    /** The next batch to hand out. */
    private int given;

    private Throwable failure;
    private boolean closed;
    private long waitedNanos;
    private long preparedNanos;
    private long prepared;

    /** With {@link #DEFAULT_WORKERS}. */
    public BatchAhead(BatchLoader loader) {
        this(loader, DEFAULT_WORKERS);
    }

    /**
     * @param workers threads, and batches that are ready at most; more than one helps only where reading a sample takes long (decoding,
     *     much augmentation): they take the processors away from those who compute
     */
    public BatchAhead(BatchLoader loader, int workers) {
        if (workers < 1) throw new IllegalArgumentException("at least 1 thread prepares batches, not " + workers);
        this.loader = loader;
        this.batches = loader.batches();
        this.sampleBytes = loader.dataset().sampleShape().elements() * Float.BYTES;
        this.targetBytes = loader.targetBytes();
        this.slots = new Slot[workers];
        this.threads = new Thread[workers];
        BatchLoader.Scratch[] scratches = new BatchLoader.Scratch[workers];
        for (int i = 0; i < workers; i++) {
            scratches[i] = loader.scratch();
            slots[i] = new Slot(
                    arena.allocate(loader.batchSize() * sampleBytes, 64),
                    arena.allocate(loader.batchSize() * targetBytes, 64));
        }
        for (int i = 0; i < workers; i++) {
            BatchLoader.Scratch scratch = scratches[i];
            threads[i] =
                    Thread.ofPlatform().daemon().name("ondine-batches-" + i).start(() -> prepare(scratch));
        }
    }

    /**
     * Begins an epoch; what was prepared of another is dropped. Where it is under way already, and no batch of it was handed out, it goes
     * on: who begins an epoch before it needs it finds its first batches ready.
     */
    public void begin(int number) {
        begin(number, 0);
    }

    /** As {@link #begin(int)}, at one of its batches, counted from 0: to go on where another run of it ended. */
    public void begin(int number, int batch) {
        if (batch < 0 || batch > batches) {
            throw new IllegalArgumentException(
                    "batch " + batch + " of an epoch of " + batches + " batches, 0 to " + (batches - 1));
        }
        lock.lock();
        try {
            requireOpen();
            if (epoch != null && number == this.number && batch == given && failure == null) return;
            epoch = loader.shared(number);
            this.number = number;
            started = batch;
            given = batch;
            failure = null;
            for (Slot slot : slots) slot.ready = -1;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Writes the next batch, as {@link BatchLoader.Epoch#next} does, and has another one prepared.
     *
     * @return the number of samples; 0 at the end of the epoch
     * @throws RuntimeException what the data set threw; again at every call until another epoch begins
     */
    public int next(MemorySegment images, MemorySegment targets) {
        Slot slot = await();
        if (slot == null) return 0;
        int count = slot.count;
        MemorySegment.copy(slot.images, 0, images, 0, count * sampleBytes);
        MemorySegment.copy(slot.targets, 0, targets, 0, count * targetBytes);
        lock.lock();
        try {
            slot.ready = -1;
            given++;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        return count;
    }

    /** The place of the next batch, once it is ready; null at the end of the epoch. */
    private Slot await() {
        lock.lock();
        try {
            requireOpen();
            if (epoch == null) throw new IllegalStateException("no epoch was begun");
            if (given == batches) return null;
            Slot slot = slots[given % slots.length];
            if (failure == null && slot.ready != given) {
                long start = System.nanoTime();
                while (slot.ready != given) changed.awaitUninterruptibly();
                waitedNanos += System.nanoTime() - start;
            }
            if (failure == null) failure = slot.failure;
            if (failure instanceof Error e) throw e;
            if (failure != null) throw (RuntimeException) failure;
            return slot;
        } finally {
            lock.unlock();
        }
    }

    /** How long {@link #next} waited for batches that were not ready, in all. */
    public double waitedSeconds() {
        lock.lock();
        try {
            return waitedNanos * 1e-9;
        } finally {
            lock.unlock();
        }
    }

    /** How long a thread took to prepare a batch, on average over all so far; 0 before the first. */
    public double preparationSeconds() {
        lock.lock();
        try {
            return prepared == 0 ? 0 : preparedNanos * 1e-9 / prepared;
        } finally {
            lock.unlock();
        }
    }

    private void prepare(BatchLoader.Scratch scratch) {
        while (true) {
            BatchLoader.Epoch source;
            int batch;
            Slot slot;
            lock.lock();
            try {
                while (!closed && !mayStart()) changed.awaitUninterruptibly();
                if (closed) return;
                source = epoch;
                batch = started++;
                slot = slots[batch % slots.length];
                slot.busy = true;
            } finally {
                lock.unlock();
            }
            int count = 0;
            Throwable thrown = null;
            long start = System.nanoTime();
            try {
                count = source.fill(batch, slot.images, slot.targets, scratch);
            } catch (RuntimeException | Error e) {
                thrown = e;
            }
            lock.lock();
            try {
                slot.busy = false;
                preparedNanos += System.nanoTime() - start;
                prepared++;
                // Otherwise another epoch was begun meanwhile, and nobody wants this batch.
                if (epoch == source) {
                    slot.ready = batch;
                    slot.count = count;
                    slot.failure = thrown;
                    // A data set is not asked for more once it failed.
                    if (thrown != null) started = batches;
                }
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    /** Whether there is a batch left to prepare and a place for it that is empty. */
    private boolean mayStart() {
        if (epoch == null || started >= batches || started - given >= slots.length) return false;
        return !slots[started % slots.length].busy;
    }

    private void requireOpen() {
        if (closed) throw new IllegalStateException("no more batches: this is closed");
    }

    /** Ends the threads, which first end the batches that they are at, and frees the memory. */
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
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException _) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
        arena.close();
    }
}
