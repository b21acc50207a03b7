package dev.ondine.bench;

import static dev.ondine.bench.Json.list;
import static dev.ondine.bench.Json.map;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SequencedMap;

/**
 * One line of JMH's JSON results.
 *
 * @param benchmark class and method, without the package: {@code BatchNormBenchmark.forward}
 * @param params by name, in JMH's order
 * @param nanos of one operation, the mean of all iterations
 * @param deviation of the iteration that is farthest from the mean, as a part of it
 * @param extras what profilers added, by name
 * @param run how it was measured: JDK, JVM, forks, iterations
 */
record Result(
        String benchmark,
        SequencedMap<String, String> params,
        double nanos,
        double deviation,
        Map<String, Double> extras,
        String run) {
    private static final Map<String, Double> NANOS = Map.of("ns/op", 1.0, "us/op", 1e3, "ms/op", 1e6, "s/op", 1e9);

    /**
     * Reads a file that JMH wrote with {@code -rf json}.
     *
     * @throws IOException if it cannot be read or is not such a file; names it
     */
    static List<Result> read(Path file) throws IOException {
        List<Result> results = new ArrayList<>();
        try {
            for (Object line : list(Json.parse(Files.readString(file)))) results.add(of(map(line)));
        } catch (ClassCastException | NullPointerException | IllegalArgumentException e) {
            throw new IOException(file + " is not what JMH writes with -rf json: " + e.getMessage(), e);
        }
        return results;
    }

    private static Result of(Map<?, ?> line) {
        String benchmark = (String) line.get("benchmark");
        int method = benchmark.lastIndexOf('.');
        SequencedMap<String, String> params = new LinkedHashMap<>();
        if (line.get("params") != null) map(line.get("params")).forEach((k, v) -> params.put((String) k, (String) v));

        Map<?, ?> metric = map(line.get("primaryMetric"));
        Double factor = NANOS.get((String) metric.get("scoreUnit"));
        if (factor == null) throw new IllegalArgumentException("a time per operation was expected, not " + metric);
        double score = (double) metric.get("score");
        double deviation = 0;
        for (Object fork : list(metric.get("rawData"))) {
            for (Object iteration : list(fork)) {
                deviation = Math.max(deviation, Math.abs((double) iteration - score) / score);
            }
        }
        Map<String, Double> extras = new LinkedHashMap<>();
        map(line.get("secondaryMetrics"))
                .forEach((name, extra) ->
                        extras.put((String) name, (Double) map(extra).get("score")));
        String run = "JDK %s (%s %s), forks %.0f, warm-up %.0f x %s, measurement %.0f x %s"
                .formatted(
                        line.get("jdkVersion"),
                        line.get("vmName"),
                        line.get("vmVersion"),
                        line.get("forks"),
                        line.get("warmupIterations"),
                        line.get("warmupTime"),
                        line.get("measurementIterations"),
                        line.get("measurementTime"));
        return new Result(
                benchmark.substring(benchmark.lastIndexOf('.', method - 1) + 1),
                params,
                score * factor,
                deviation,
                extras,
                run);
    }

    /** What a profiler added under this name, if it did. */
    OptionalDouble extra(String name) {
        Double value = extras.get(name);
        return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
    }
}
