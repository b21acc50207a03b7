package dev.ondine.onednn;

import java.util.List;

/** Attributes of windows as oneDNN takes them. */
final class Windows {
    private Windows() {}

    static long[] longs(List<Integer> values, int add) {
        return values.stream().mapToLong(v -> v + add).toArray();
    }
}
