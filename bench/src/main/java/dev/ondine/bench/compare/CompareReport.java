package dev.ondine.bench.compare;

import dev.ondine.bench.Json;
import dev.ondine.bench.Machine;
import java.time.LocalDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The results of both sides as a table and as data. */
final class CompareReport {
    private static final String TIME = "ms_per_step";
    private static final String MEMORY = "peak_rss_mb";

    private final Map<String, Object> head = new LinkedHashMap<>();
    private final Map<Workload, List<Side>> workloads = new LinkedHashMap<>();

    CompareReport(LocalDateTime start, Map<String, Object> settings) {
        head.put("date", start.truncatedTo(ChronoUnit.MINUTES).toString());
        head.put("machine", Machine.describe());
        head.put("jdk", System.getProperty("java.vendor") + " " + Runtime.version());
        head.put("onednn", Machine.oneDnn());
        head.putAll(settings);
    }

    void add(Workload workload, List<Side> sides) {
        workloads.put(workload, sides);
    }

    String markdown() {
        StringBuilder text = new StringBuilder("# Ondine and PyTorch\n\n");
        head.forEach((k, v) -> {
            if (!v.equals(""))
                text.append("- ").append(k).append(": ").append(v).append('\n');
        });
        text.append("""

            Median of a step in each run, median of the runs ± half of their range. PyTorch in the better of its layouts. Times: how many \
            times as fast Ondine is. Memory: peak resident memory of the process, and Ondine's part of PyTorch's.

            | workload | Ondine | PyTorch | times | tuned allocator | times | memory | PyTorch | part | tuned | part |
            | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
            """);
        workloads.forEach((workload, sides) -> text.append(row(workload, sides)));
        workloads.forEach((workload, sides) -> {
            for (Side s : sides) {
                if (!s.refusal().isEmpty())
                    text.append("\n- ")
                            .append(workload)
                            .append(", ")
                            .append(s)
                            .append(": ")
                            .append(s.refusal());
            }
        });
        return text.toString().stripTrailing() + "\n";
    }

    private static String row(Workload workload, List<Side> sides) {
        Side ondine = sides.getFirst();
        Optional<Side> plain = best(sides, "default");
        Optional<Side> tuned = best(sides, "tuned");
        List<String> cells = new ArrayList<>(List.of(workload.toString(), time(Optional.of(ondine))));
        for (Optional<Side> side : List.of(plain, tuned)) {
            cells.add(time(side));
            cells.add(quotient(side.map(s -> s.median(TIME) / ondine.median(TIME)), "%.2f"));
        }
        cells.add(megabytes(Optional.of(ondine)));
        for (Optional<Side> side : List.of(plain, tuned)) {
            cells.add(megabytes(side));
            cells.add(quotient(side.map(s -> 100 * ondine.median(MEMORY) / s.median(MEMORY)), "%.0f %%"));
        }
        return "| " + String.join(" | ", cells) + " |\n";
    }

    /** PyTorch's faster layout with this allocator. */
    private static Optional<Side> best(List<Side> sides, String allocator) {
        return sides.stream()
                .filter(s ->
                        allocator.equals(s.label("allocator")) && !s.lines().isEmpty())
                .min((a, b) -> Double.compare(a.median(TIME), b.median(TIME)));
    }

    private static String time(Optional<Side> side) {
        if (side.isEmpty() || side.get().lines().isEmpty()) return "–";
        double ms = side.get().median(TIME);
        String layout = side.get().label("layout");
        return String.format(Locale.ROOT, ms < 10 ? "%.3f ms" : "%.1f ms", ms)
                + String.format(Locale.ROOT, " ±%.0f %%", 100 * side.get().spread(TIME))
                + (layout == null ? "" : " " + layout);
    }

    private static String megabytes(Optional<Side> side) {
        return quotient(side.map(s -> s.median(MEMORY)), "%.0f MB");
    }

    private static String quotient(Optional<Double> value, String format) {
        return value.filter(Double::isFinite)
                .map(v -> String.format(Locale.ROOT, format, v))
                .orElse("–");
    }

    String json() {
        Map<String, Object> all = new LinkedHashMap<>(head);
        List<Object> results = new ArrayList<>();
        workloads.forEach((workload, sides) -> {
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("workload", workload.toString());
            Side ondine = sides.getFirst();
            for (String allocator : List.of("default", "tuned")) {
                Optional<Side> other = best(sides, allocator);
                result.put(
                        "times_pytorch_" + allocator,
                        other.map(s -> s.median(TIME) / ondine.median(TIME)).orElse(null));
                result.put(
                        "memory_of_pytorch_" + allocator,
                        other.map(s -> ondine.median(MEMORY) / s.median(MEMORY)).orElse(null));
            }
            List<Object> measured = new ArrayList<>();
            for (Side s : sides) {
                measured.add(Map.of("side", s.toString(), "refusal", s.refusal(), "runs", s.lines()));
            }
            result.put("sides", measured);
            results.add(result);
        });
        all.put("results", results);
        return Json.print(all);
    }
}
