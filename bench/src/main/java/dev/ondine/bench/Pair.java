package dev.ondine.bench;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.Set;

/**
 * What was measured on several sides that differ in nothing else.
 *
 * @param benchmark the class, without {@code Benchmark}
 * @param method the benchmark's method
 * @param params what the sides have in common
 * @param sides the results by side; by {@link #ONLY} if there are no sides
 */
record Pair(String benchmark, String method, SequencedMap<String, String> params, SequencedMap<String, Result> sides) {
    /** The name of the side of a benchmark that has no others. */
    static final String ONLY = "";

    /** The parameters that tell sides apart. */
    private static final List<String> PARAMETERS = List.of("side", "kernels");

    /** The sides that others are compared with: Java. */
    private static final Set<String> JAVA = Set.of(Side.VECTOR.label(), Side.REFERENCE.label(), "java-all", "java-1");

    /** Results, put together, in the order of the first of each pair. */
    static Collection<Pair> of(List<Result> results) {
        SequencedMap<String, Pair> pairs = new LinkedHashMap<>();
        for (Result r : results) {
            SequencedMap<String, String> common = new LinkedHashMap<>(r.params());
            String side = ONLY;
            for (String s : PARAMETERS) if (common.containsKey(s)) side = common.remove(s);
            int dot = r.benchmark().indexOf('.');
            String name = r.benchmark().substring(0, dot).replaceFirst("Benchmark$", "");
            String method = r.benchmark().substring(dot + 1);
            pairs.computeIfAbsent(r.benchmark() + common, _ -> new Pair(name, method, common, new LinkedHashMap<>()))
                    .sides()
                    .put(side, r);
        }
        return pairs.values();
    }

    /** Whether others are compared with this side. */
    static boolean isJava(String side) {
        return JAVA.contains(side);
    }

    /** How many times as fast one side is as another, if both were measured. */
    OptionalDouble ratio(String fast, String slow) {
        Result a = sides.get(fast);
        Result b = sides.get(slow);
        return a == null || b == null ? OptionalDouble.empty() : OptionalDouble.of(b.nanos() / a.nanos());
    }

    /** Shapes and the like, without the number of threads if that is all processors. */
    String describe() {
        StringBuilder text = new StringBuilder(method);
        for (Map.Entry<String, String> e : params.entrySet()) {
            if (!e.getKey().equals("threads")) {
                text.append(' ').append(e.getValue());
            } else if (!e.getValue().equals("0")) {
                text.append(" threads=").append(e.getValue());
            }
        }
        return text.toString();
    }
}
