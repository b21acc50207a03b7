package dev.ondine.bench;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.Set;

/** Results as markdown: a table for each benchmark class, the sides of a pair next to each other. */
final class Report {
    /** The parameters that tell the sides of a pair apart. */
    private static final List<String> SIDES = List.of("backend", "kernels");

    /** The sides that the others are compared with: plain Java. */
    private static final Set<String> BASELINES = Set.of("reference", "java");

    private static final String ONLY = "";
    private static final String SLOW_MARK = " †";

    /** What the sides of a pair have in common, and their results by side. */
    private record Pair(String method, SequencedMap<String, String> params, Map<String, Result> sides) {}

    private Report() {}

    /**
     * The whole report.
     *
     * @param command what was run
     */
    static String render(List<Result> results, LocalDate date, String command) {
        StringBuilder text = new StringBuilder("# Benchmarks\n\n");
        text.append("- date: ").append(date).append('\n');
        text.append("- machine: ").append(Machine.describe()).append('\n');
        text.append("- oneDNN: ").append(Machine.oneDnn()).append('\n');
        results.stream()
                .map(Result::run)
                .distinct()
                .forEach(run -> text.append("- ").append(run).append('\n'));
        text.append("- command: `").append(command).append("`\n\n");
        text.append("""
            Time of one operation: mean of the iterations, ± the farthest of them. Ratio: how many times as fast as Java. \
            Threads: 0 is one a processor, for the native side; the Java side has one. Conversions: what part of the native plan's \
            time goes into row-major inputs and outputs, which a network has only at its ends. Memory: what the plan holds, outside \
            and inside of Java's heap. †: oneDNN has nothing but its slow reference loop for a step.
            """);
        SequencedMap<String, List<Result>> classes = new LinkedHashMap<>();
        for (Result r : results) {
            String name = r.benchmark().substring(0, r.benchmark().indexOf('.'));
            classes.computeIfAbsent(name, _ -> new ArrayList<>()).add(r);
        }
        classes.forEach((name, lines) -> {
            text.append("\n## ").append(name).append("\n\n");
            table(text, lines);
        });
        return text.toString();
    }

    private static void table(StringBuilder text, List<Result> results) {
        SequencedSet<String> sides = new LinkedHashSet<>();
        SequencedMap<String, Pair> pairs = new LinkedHashMap<>();
        for (Result r : results) {
            SequencedMap<String, String> common = new LinkedHashMap<>(r.params());
            String side = ONLY;
            for (String s : SIDES) if (common.containsKey(s)) side = common.remove(s);
            sides.add(side);
            String method = r.benchmark().substring(r.benchmark().indexOf('.') + 1);
            pairs.computeIfAbsent(method + common, _ -> new Pair(method, common, new LinkedHashMap<>()))
                    .sides()
                    .put(side, r);
        }
        List<String> compared =
                sides.stream().filter(s -> !BASELINES.contains(s)).toList();
        boolean paired = sides.stream().anyMatch(BASELINES::contains);
        boolean conversions = has(results, PlanProfiler.CONVERSIONS);
        boolean memory = has(results, PlanProfiler.MEMORY);

        List<String> head = new ArrayList<>(List.of("method"));
        head.addAll(pairs.firstEntry().getValue().params().sequencedKeySet());
        int left = head.size();
        for (String s : sides) head.add(s.equals(ONLY) ? "time" : s);
        if (paired) for (String s : compared) head.add(compared.size() == 1 ? "ratio" : "ratio " + s);
        if (conversions) head.add("conversions");
        if (memory) for (String s : sides) head.add(("memory " + s).strip());
        row(text, head);
        List<String> rule = new ArrayList<>();
        for (int i = 0; i < head.size(); i++) rule.add(i < left ? "---" : "---:");
        row(text, rule);

        for (Pair pair : pairs.values()) {
            List<String> cells = new ArrayList<>(List.of(pair.method));
            cells.addAll(pair.params.sequencedValues());
            for (String s : sides) cells.add(time(pair.sides.get(s)));
            if (paired) for (String s : compared) cells.add(ratio(pair, s));
            if (conversions) {
                cells.add(pair.sides.values().stream()
                        .map(r -> r.extra(PlanProfiler.CONVERSIONS))
                        .filter(OptionalDouble::isPresent)
                        .findFirst()
                        .map(c -> Math.round(c.getAsDouble()) + " %")
                        .orElse(""));
            }
            if (memory) for (String s : sides) cells.add(memory(pair.sides.get(s)));
            row(text, cells);
        }
    }

    private static boolean has(List<Result> results, String extra) {
        return results.stream().anyMatch(r -> r.extra(extra).isPresent());
    }

    private static void row(StringBuilder text, List<String> cells) {
        text.append("| ").append(String.join(" | ", cells)).append(" |\n");
    }

    private static String ratio(Pair pair, String side) {
        Result fast = pair.sides.get(side);
        return pair.sides.entrySet().stream()
                .filter(e -> fast != null && BASELINES.contains(e.getKey()))
                .findFirst()
                .map(e -> digits(e.getValue().nanos() / fast.nanos()))
                .orElse("");
    }

    private static String memory(Result r) {
        if (r == null || r.extra(PlanProfiler.MEMORY).isEmpty()) return "";
        return digits(r.extra(PlanProfiler.MEMORY).getAsDouble()) + " MiB";
    }

    /** In the unit that suits it. */
    private static String time(Result r) {
        if (r == null) return "";
        double nanos = r.nanos();
        String unit = nanos < 1e3 ? "ns" : nanos < 1e6 ? "µs" : nanos < 1e9 ? "ms" : "s";
        double value = nanos < 1e3 ? nanos : nanos < 1e6 ? nanos / 1e3 : nanos < 1e9 ? nanos / 1e6 : nanos / 1e9;
        return digits(value) + " " + unit + " ±" + Math.round(r.deviation() * 100) + " %"
                + (r.extra(PlanProfiler.SLOW).orElse(0) > 0 ? SLOW_MARK : "");
    }

    /** Three digits, without an exponent. */
    private static String digits(double value) {
        int magnitude = value == 0 ? 0 : (int) Math.floor(Math.log10(value));
        return String.format(Locale.ROOT, "%." + Math.clamp(2 - magnitude, 0, 9) + "f", value);
    }
}
