package dev.ondine.bench.crossing;

import java.util.Arrays;

/** Times of many runs in nanoseconds, sorted. */
record Times(double median, double fastest, int count) {
    private static final int FIRST_CAPACITY = 1 << 16;

    /** Runs it for so many seconds, at least once, and times each run. */
    static Times of(Runnable run, double seconds) {
        long[] nanos = new long[FIRST_CAPACITY];
        int n = 0;
        long before = System.nanoTime();
        long end = before + (long) (seconds * 1e9);
        do {
            run.run();
            long now = System.nanoTime();
            if (n == nanos.length) nanos = Arrays.copyOf(nanos, 2 * n);
            nanos[n++] = now - before;
            before = now;
        } while (before < end);
        return of(nanos, n);
    }

    /** Of the first n. */
    static Times of(long[] nanos, int n) {
        long[] sorted = Arrays.copyOf(nanos, n);
        Arrays.sort(sorted);
        return new Times((sorted[n / 2] + sorted[(n - 1) / 2]) / 2.0, sorted[0], n);
    }
}
