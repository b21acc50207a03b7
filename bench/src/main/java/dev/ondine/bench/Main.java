package dev.ondine.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * JMH with other defaults: results as JSON and, made from that, as a table and a chart beside it, in a folder named by date and time in
 * {@code -Dondine.bench.results} (default: the working directory); a benchmark that fails ends the run; {@link PlanProfiler} is on;
 * sides that cannot run here are left out.
 */
public final class Main {
    private static final String CHART = "chart.svg";

    private Main() {}

    /**
     * Runs benchmarks.
     *
     * @param args JMH's; with {@code -rff} the results go to that file instead, with another {@code -rf} than json there is neither table nor chart
     */
    public static void main(String[] args) throws IOException {
        List<String> given = List.of(args);
        List<String> all = new ArrayList<>(given);
        Path json = results(given);
        if (!given.contains("-rff")) all.addAll(List.of("-rff", json.toString()));
        if (!given.contains("-rf")) all.addAll(List.of("-rf", "json"));
        if (!given.contains("-foe")) all.addAll(List.of("-foe", "true"));
        all.addAll(List.of("-prof", PlanProfiler.class.getName()));
        if (given.stream().noneMatch(a -> a.startsWith("side="))) all.addAll(List.of("-p", "side=" + sides()));
        Files.createDirectories(json.toAbsolutePath().getParent());
        long start = System.currentTimeMillis();
        // JMH opens the file before it runs anything, and ends the process if a benchmark fails.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> deleteIfEmpty(json)));
        org.openjdk.jmh.Main.main(all.toArray(String[]::new));

        // None was run if the arguments asked for help or a list; then an older file is not ours.
        int format = given.indexOf("-rf");
        if (format >= 0 && !given.subList(format, given.size()).contains("json")) return;
        if (!Files.exists(json) || Files.getLastModifiedTime(json).toMillis() < start) return;
        String command = given.stream().map(Main::quoted).collect(Collectors.joining(" ", "bench/run.sh ", ""));
        List<Result> measured = Result.read(json);
        Optional<String> chart = Chart.render(Pair.of(measured), LocalDate.now());
        String report = Report.render(measured, LocalDate.now(), command.strip(), chart.map(_ -> CHART));
        Files.writeString(json.resolveSibling("table.md"), report);
        if (chart.isPresent()) Files.writeString(json.resolveSibling(CHART), chart.get());
        System.out.println(
                "\n" + report + "\nWritten to " + json.toAbsolutePath().getParent());
    }

    /** The sides that can run here; says why others cannot. */
    private static String sides() {
        List<Side> available = new ArrayList<>();
        for (Side side : Side.values()) {
            side.refusal()
                    .ifPresentOrElse(
                            why -> System.out.println("# " + side.label() + " is left out: " + why),
                            () -> available.add(side));
        }
        return String.join(",", Side.labels(available));
    }

    /** An argument as a shell wants it. */
    private static String quoted(String argument) {
        return argument.matches("[\\w=.,/:+-]+") ? argument : "'" + argument + "'";
    }

    private static void deleteIfEmpty(Path file) {
        try {
            if (!Files.exists(file) || Files.size(file) > 0) return;
            Files.delete(file);
            try (Stream<Path> others = Files.list(file.toAbsolutePath().getParent())) {
                if (others.findAny().isPresent()) return;
            }
            Files.delete(file.toAbsolutePath().getParent());
        } catch (IOException e) {
            System.err.println("cannot delete " + file + ", which is empty: " + e.getMessage());
        }
    }

    private static Path results(List<String> args) {
        int option = args.indexOf("-rff");
        if (option >= 0 && option + 1 < args.size()) return Path.of(args.get(option + 1));
        String folder = LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd-HHmmss"));
        return Path.of(System.getProperty("ondine.bench.results", "."), folder, "jmh.json");
    }
}
