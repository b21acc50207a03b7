package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ondine.backend.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The OpenMP team that oneDNN's primitives run on, for work in Java. GNU's runtime is asked for it by the function that compiled
 * parallel regions call, {@code GOMP_parallel}, with an upcall as the region: a microsecond for fork and join, while the threads still
 * spin. Runtimes without that function give no team; then everything runs on the calling thread.
 *
 * <p>OpenMP keeps a team for each calling thread, so one object serves several at once.
 */
public final class OpenMpTeam implements Team {
    private static final MethodHandle PARALLEL =
            OpenMp.handle("GOMP_parallel", FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT));
    private static final MethodHandle THREAD = OpenMp.query("omp_get_thread_num");
    private static final MethodHandle THREADS = OpenMp.query("omp_get_num_threads");

    /** The regions under way. A region is known by its index here, because C can hand on a number, but no object. */
    private static final Region[] REGIONS = new Region[Long.SIZE];

    /** A bit for each region that is free. */
    private static final AtomicLong FREE = new AtomicLong(-1);

    static {
        for (int i = 0; i < REGIONS.length; i++) REGIONS[i] = new Region();
    }

    /** Made once for the process: making one takes milliseconds. */
    private static final MemorySegment ENTRY = PARALLEL == null ? MemorySegment.NULL : entry();

    /** What a region runs and what came of it. */
    private static final class Region {
        volatile Task task;
        private Throwable failure;

        synchronized void fail(Throwable e) {
            if (failure == null) failure = e;
        }

        synchronized Throwable takeFailure() {
            Throwable e = failure;
            failure = null;
            return e;
        }
    }

    private final int threads;

    /** @param threads as many as the primitives have: the team is theirs only if it is of the same size */
    public OpenMpTeam(int threads) {
        if (threads < 1) throw new IllegalArgumentException(threads + " threads; at least 1 is needed");
        this.threads = threads;
    }

    /** Whether this OpenMP runtime runs Java. */
    public static boolean isAvailable() {
        return PARALLEL != null && THREAD != null && THREADS != null;
    }

    @SuppressWarnings(
            "restricted") // the entry takes what GOMP_parallel hands on, and lets nothing through that Java throws
    private static MemorySegment entry() {
        try {
            MethodHandle enter = MethodHandles.lookup()
                    .findStatic(OpenMpTeam.class, "enter", MethodType.methodType(void.class, long.class));
            return Linker.nativeLinker().upcallStub(enter, FunctionDescriptor.ofVoid(JAVA_LONG), Arena.global());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("this class has the method", e);
        }
    }

    @Override
    public int size() {
        return isAvailable() ? threads : 1;
    }

    @Override
    public void run(Task task) {
        int index = size() > 1 ? acquire() : -1;
        if (index < 0) {
            task.run(0, 1);
            return;
        }
        Region region = REGIONS[index];
        Throwable failure;
        try {
            region.task = task;
            PARALLEL.invokeExact(ENTRY, (long) index, threads, 0);
        } catch (Throwable e) {
            throw OpenMp.unexpected(e);
        } finally {
            region.task = null;
            failure = region.takeFailure();
            release(index);
        }
        if (failure instanceof Error e) throw e;
        if (failure != null) throw (RuntimeException) failure;
    }

    /** A free region; −1 if there is none, because as many calling threads as there are regions are in one. */
    private static int acquire() {
        while (true) {
            long free = FREE.get();
            if (free == 0) return -1;
            int index = Long.numberOfTrailingZeros(free);
            if (FREE.compareAndSet(free, free & ~(1L << index))) return index;
        }
    }

    private static void release(int index) {
        while (true) {
            long free = FREE.get();
            if (FREE.compareAndSet(free, free | 1L << index)) return;
        }
    }

    /** One thread's way through a region. Nothing may be thrown out of here: it would end the process. */
    @SuppressWarnings("unused") // found by name
    private static void enter(long index) {
        Region region = REGIONS[(int) index];
        try {
            region.task.run((int) THREAD.invokeExact(), (int) THREADS.invokeExact());
        } catch (Throwable e) {
            region.fail(e);
        }
    }
}
