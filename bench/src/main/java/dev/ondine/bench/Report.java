package dev.ondine.bench;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.SequencedSet;

/** Results as markdown: a table for each benchmark class, the sides of a pair next to each other. */
final class Report {
    private static final String SLOW_MARK = " †";

    private Report() {}

    /**
     * The whole report.
     *
     * @param command what was run
     * @param chart the name of a picture beside it
     */
    static String render(List<Result> results, LocalDate date, String command, Optional<String> chart) {
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
            OneDnn: the native backend; OneDnnBf16: in bfloat16. Vector: Java's Vector API, tuned, on as many threads. Reference: scalar Java in double \
            precision on one thread, written to be read; it is what the others are checked against, and **no measure of what Java can \
            do**. Before the timing each side has given the reference's results within named tolerances.

            Time of one operation: mean of the iterations, ± the farthest of them. ×: how many times as fast. Threads: 0 is one a \
            processor. Conversions: what part of the native plan's time goes into row-major inputs and outputs, which a network has only at its ends. Memory: what the plan holds, outside and inside of Java's heap. †: oneDNN has \
            nothing but its slow reference loop for a step.
            """);
        chart.ifPresent(file -> text.append("\n![times as fast](").append(file).append(")\n"));
        SequencedMap<String, List<Pair>> classes = new LinkedHashMap<>();
        for (Pair pair : Pair.of(results)) {
            classes.computeIfAbsent(pair.benchmark(), _ -> new ArrayList<>()).add(pair);
        }
        classes.forEach((name, pairs) -> {
            text.append("\n## ").append(name).append("\n\n");
            table(text, pairs);
        });
        return text.toString();
    }

    private static void table(StringBuilder text, List<Pair> pairs) {
        SequencedSet<String> sides = new LinkedHashSet<>();
        for (Pair pair : pairs) sides.addAll(pair.sides().keySet());
        List<Result> results =
                pairs.stream().flatMap(p -> p.sides().values().stream()).toList();
        boolean conversions = has(results, PlanProfiler.CONVERSIONS);
        boolean memory = has(results, PlanProfiler.MEMORY);

        List<String> head = new ArrayList<>(List.of("method"));
        head.addAll(pairs.getFirst().params().sequencedKeySet());
        int left = head.size();
        for (String s : sides) head.add(s.equals(Pair.ONLY) ? "time" : s);
        List<String[]> compared = new ArrayList<>();
        for (String fast : sides) {
            for (String slow : sides) {
                if (!Pair.isJava(fast) && Pair.isJava(slow)) compared.add(new String[] {fast, slow});
            }
        }
        for (String[] c : compared) head.add(c[0] + " × " + c[1]);
        if (conversions) head.add("conversions");
        if (memory) for (String s : sides) head.add(("memory " + s).strip());
        row(text, head);
        List<String> rule = new ArrayList<>();
        for (int i = 0; i < head.size(); i++) rule.add(i < left ? "---" : "---:");
        row(text, rule);

        for (Pair pair : pairs) {
            List<String> cells = new ArrayList<>(List.of(pair.method()));
            cells.addAll(pair.params().sequencedValues());
            for (String s : sides) cells.add(time(pair.sides().get(s)));
            for (String[] c : compared) {
                OptionalDouble ratio = pair.ratio(c[0], c[1]);
                cells.add(ratio.isPresent() ? digits(ratio.getAsDouble()) : "");
            }
            if (conversions) {
                cells.add(pair.sides().values().stream()
                        .map(r -> r.extra(PlanProfiler.CONVERSIONS))
                        .filter(OptionalDouble::isPresent)
                        .findFirst()
                        .map(c -> Math.round(c.getAsDouble()) + " %")
                        .orElse(""));
            }
            if (memory) for (String s : sides) cells.add(memory(pair.sides().get(s)));
            row(text, cells);
        }
    }

    private static boolean has(List<Result> results, String extra) {
        return results.stream().anyMatch(r -> r.extra(extra).isPresent());
    }

    private static void row(StringBuilder text, List<String> cells) {
        text.append("| ").append(String.join(" | ", cells)).append(" |\n");
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
