package dev.ondine.train;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The parts of the parameters' blocks that an update covers, each with up to three coefficients of its own, which are set anew before
 * each update. In order and apart; what lies between them is left alone. A table in memory, {@code ondine_range} of the native
 * kernels, and the same in arrays.
 */
final class Ranges {
    private static final long BYTES = 2 * Long.BYTES + 4 * Float.BYTES;
    private static final long COEFFICIENTS = 2 * Long.BYTES;

    private final long[] from;
    private final long[] to;
    private final float[] a;
    private final float[] b;
    private final float[] c;
    private final MemorySegment table;

    /** Values {@code [from, to)} of a block. */
    record Range(long from, long to) {
        Range {
            if (from < 0 || to <= from) throw new IllegalArgumentException("there is no range " + from + " to " + to);
        }
    }

    /** @param arena owns the table */
    Ranges(Arena arena, List<Range> ranges) {
        int n = ranges.size();
        from = new long[n];
        to = new long[n];
        a = new float[n];
        b = new float[n];
        c = new float[n];
        table = arena.allocate(Math.max(1, n) * BYTES, Long.BYTES);
        for (int i = 0; i < n; i++) {
            from[i] = ranges.get(i).from();
            to[i] = ranges.get(i).to();
            if (i > 0 && from[i] < to[i - 1]) {
                throw new IllegalArgumentException(ranges.get(i - 1) + " does not end before " + ranges.get(i));
            }
            table.set(ValueLayout.JAVA_LONG, i * BYTES, from[i]);
            table.set(ValueLayout.JAVA_LONG, i * BYTES + Long.BYTES, to[i]);
        }
    }

    /** One range, of the first {@code n} values. */
    static Ranges all(Arena arena, long n) {
        return new Ranges(arena, List.of(new Range(0, n)));
    }

    void set(int range, double a, double b, double c) {
        this.a[range] = (float) a;
        this.b[range] = (float) b;
        this.c[range] = (float) c;
        long at = range * BYTES + COEFFICIENTS;
        table.set(ValueLayout.JAVA_FLOAT, at, (float) a);
        table.set(ValueLayout.JAVA_FLOAT, at + Float.BYTES, (float) b);
        table.set(ValueLayout.JAVA_FLOAT, at + 2 * Float.BYTES, (float) c);
    }

    int count() {
        return from.length;
    }

    /** Where the last range ends; 0 if there is none. */
    long end() {
        return to.length == 0 ? 0 : to[to.length - 1];
    }

    long from(int range) {
        return from[range];
    }

    long to(int range) {
        return to[range];
    }

    float a(int range) {
        return a[range];
    }

    float b(int range) {
        return b[range];
    }

    float c(int range) {
        return c[range];
    }

    MemorySegment table() {
        return table;
    }
}
