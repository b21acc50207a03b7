package dev.ondine.profile;

import dev.ondine.tensor.DataType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Phaser;
import java.util.function.IntFunction;

/**
 * The loops in Java: what C2 makes vectors of. They come near the processor's limits but need not reach them, and a Java without
 * C2, or one that has not compiled them yet, stays far below.
 */
final class JavaPeakKernels implements PeakKernels {
    /** As in the native ones: the values tend to 1, never to denormal numbers. */
    private static final float FACTOR = 0.999f;

    private static final float TERM = 0.001f;

    /** Values of an array that stays in the first-level cache. */
    private static final int VALUES = 2048;

    /** Multiply-adds of one value between its load and its store; neighbouring values fill the processor meanwhile. */
    private static final int CHAIN = 16;

    /** Long against the beginning of a round, short against what the system's other work leaves undisturbed. */
    private static final double ROUND_SECONDS = 0.01;

    /** How many times longer than asked for: what is compiled comes into use while it runs. */
    private static final int COMPILATION = 3;

    /** Calls after which C2 has been asked for a method. Small ones: interpreted, Math.fma is a thousand times slower. */
    private static final int WARM_UP_CALLS = 12_000;

    private static final int WARM_UP_VALUES = 256;

    /** What one thread does in a round. */
    interface Work {
        void run(long amount);
    }

    @Override
    public String describe() {
        return "Java, and oneDNN's kernels where they are faster (build-native.sh builds loops in C, which reach the"
                + " processor's limits)";
    }

    @Override
    public String key() {
        return "java2";
    }

    @Override
    public List<Rate> arithmetic(double seconds, int threads) {
        float[] few = new float[WARM_UP_VALUES];
        for (int i = 0; i < WARM_UP_CALLS; i++) multiplyAdd(few);
        double time = bestTime(seconds, threads, _ -> {
            float[] x = new float[VALUES];
            return amount -> {
                for (long i = 0; i < amount; i++) multiplyAdd(x);
            };
        });
        List<Rate> rates = new ArrayList<>();
        rates.add(new Rate("Math.fma, as C2 compiles it", false, 2.0 * VALUES * CHAIN * threads / time));
        for (DataType type : List.of(DataType.FLOAT32, DataType.BFLOAT16)) {
            OneDnnPeak.product(type, seconds, threads)
                    .ifPresent(rate -> rates.add(new Rate("oneDNN's matrix product", type == DataType.BFLOAT16, rate)));
        }
        return rates;
    }

    private static void multiplyAdd(float[] values) {
        for (int i = 0; i < values.length; i++) {
            float x = values[i];
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            x = Math.fma(x, FACTOR, TERM);
            values[i] = x;
        }
    }

    /**
     * {@inheritDoc} Each thread has two halves: it copies one into the other, or compares them, which reads both and is the
     * only loop over off-heap memory that Java reads in vectors. What oneDNN overwrites in place counts as copied, too, if it is
     * faster.
     */
    @Override
    public Optional<Double> bandwidth(Traffic traffic, long bytes, double seconds, int threads) {
        if (traffic == Traffic.STREAM) return Optional.empty();
        long half = bytes / 2 / threads / 64 * 64;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment little = arena.allocate(2 * WARM_UP_VALUES);
            for (int i = 0; i < WARM_UP_CALLS; i++)
                move(traffic, little.asSlice(0, WARM_UP_VALUES), little.asSlice(WARM_UP_VALUES));
            double time = bestTime(seconds, threads, _ -> {
                MemorySegment memory = arena.allocate(2 * half, 4096);
                MemorySegment a = memory.asSlice(0, half);
                MemorySegment b = memory.asSlice(half);
                return amount -> {
                    for (long i = 0; i < amount; i++) move(traffic, a, b);
                };
            });
            double inJava = 2.0 * half * threads / time;
            if (traffic == Traffic.READ) return Optional.of(inJava);
            return Optional.of(
                    Math.max(inJava, OneDnnPeak.inPlace(bytes, seconds, threads).orElse(0.0)));
        }
    }

    private static void move(Traffic traffic, MemorySegment a, MemorySegment b) {
        if (traffic == Traffic.COPY) {
            b.copyFrom(a);
        } else if (a.mismatch(b) >= 0) {
            throw new IllegalStateException("memory changed by itself");
        }
    }

    @Override
    public Optional<Double> clock(double seconds) {
        return Optional.empty();
    }

    /** The shortest time that one unit of work took, all threads doing one each. Rounds grow until they are long enough to count. */
    static double bestTime(double seconds, int threads, IntFunction<Work> workers) {
        Rounds rounds = new Rounds(threads, workers);
        try {
            long amount = 1;
            double best = Double.POSITIVE_INFINITY;
            long begin = System.nanoTime();
            do {
                double took = rounds.run(amount);
                if (took < ROUND_SECONDS / 2) {
                    amount *= took < ROUND_SECONDS / 16 ? 8 : 2;
                } else {
                    best = Math.min(best, took / amount);
                }
            } while (1e-9 * (System.nanoTime() - begin) < COMPILATION * seconds || Double.isInfinite(best));
            return best;
        } finally {
            rounds.stop();
        }
    }

    /** Threads that begin each round together. */
    private static final class Rounds {
        private final Phaser phaser;
        private final long[] begins;
        private final long[] ends;
        private final Thread[] others;
        private final Work own;
        private volatile long amount;
        private volatile Throwable failure;

        Rounds(int threads, IntFunction<Work> workers) {
            own = workers.apply(0);
            phaser = new Phaser(threads);
            begins = new long[threads];
            ends = new long[threads];
            others = new Thread[threads - 1];
            for (int i = 1; i < threads; i++) {
                int index = i;
                others[i - 1] = Thread.ofPlatform().daemon().name("peak-" + i).start(() -> serve(index, workers));
            }
        }

        private void serve(int index, IntFunction<Work> workers) {
            try {
                Work work = workers.apply(index);
                while (phaser.arriveAndAwaitAdvance() >= 0) {
                    time(index, work);
                    phaser.arriveAndAwaitAdvance();
                }
            } catch (Throwable e) {
                failure = e;
                phaser.forceTermination();
            }
        }

        private void time(int index, Work work) {
            begins[index] = System.nanoTime();
            work.run(amount);
            ends[index] = System.nanoTime();
        }

        /** Seconds from the first thread's beginning to the last one's end. */
        double run(long work) {
            amount = work;
            phaser.arriveAndAwaitAdvance();
            time(0, own);
            if (phaser.arriveAndAwaitAdvance() < 0) {
                if (failure instanceof Error error) throw error;
                throw new IllegalStateException("a measuring thread failed", failure);
            }
            long begin = begins[0];
            long end = ends[0];
            for (int i = 1; i < begins.length; i++) {
                if (begins[i] - begin < 0) begin = begins[i];
                if (ends[i] - end > 0) end = ends[i];
            }
            return 1e-9 * (end - begin);
        }

        /** Lets the threads end and waits for them: the memory that they use is freed next. */
        void stop() {
            phaser.forceTermination();
            boolean interrupted = false;
            for (Thread thread : others) {
                while (thread.isAlive()) {
                    try {
                        thread.join();
                    } catch (InterruptedException _) {
                        interrupted = true;
                    }
                }
            }
            if (interrupted) Thread.currentThread().interrupt();
        }
    }
}
