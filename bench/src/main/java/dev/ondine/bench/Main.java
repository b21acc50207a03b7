package dev.ondine.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * JMH with other defaults: results as JSON and, made from that, as markdown beside it, in the folder {@code -Dondine.bench.results}
 * (default: the working directory) under the date and time; a benchmark that fails ends the run; {@link PlanProfiler} is on.
 */
public final class Main {
    private Main() {}

    /**
     * Runs benchmarks.
     *
     * @param args JMH's; with {@code -rff} the results go to that file instead, with another {@code -rf} than json there is no markdown
     */
    public static void main(String[] args) throws IOException {
        List<String> given = List.of(args);
        List<String> all = new ArrayList<>(given);
        Path json = results(given);
        if (!given.contains("-rff")) all.addAll(List.of("-rff", json.toString()));
        if (!given.contains("-rf")) all.addAll(List.of("-rf", "json"));
        if (!given.contains("-foe")) all.addAll(List.of("-foe", "true"));
        all.addAll(List.of("-prof", PlanProfiler.class.getName()));
        Files.createDirectories(json.toAbsolutePath().getParent());
        long start = System.currentTimeMillis();
        // JMH opens the file before it runs anything, and ends the process if a benchmark fails.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> deleteIfEmpty(json)));
        org.openjdk.jmh.Main.main(all.toArray(String[]::new));

        // None was run if the arguments asked for help or a list; then an older file is not ours.
        int format = given.indexOf("-rf");
        if (format >= 0 && !given.subList(format, given.size()).contains("json")) return;
        if (!Files.exists(json) || Files.getLastModifiedTime(json).toMillis() < start) return;
        String name = json.getFileName().toString().replaceFirst("\\.json$", "");
        Path markdown = json.resolveSibling(name + ".md");
        String command = given.stream().map(Main::quoted).collect(Collectors.joining(" ", "bench/run.sh ", ""));
        String report = Report.render(Result.read(json), LocalDate.now(), command.strip());
        Files.writeString(markdown, report, StandardCharsets.UTF_8);
        System.out.println("\n" + report + "\nWritten to " + markdown + "; data: " + json);
    }

    /** An argument as a shell wants it. */
    private static String quoted(String argument) {
        return argument.matches("[\\w=.,/:+-]+") ? argument : "'" + argument + "'";
    }

    private static void deleteIfEmpty(Path file) {
        try {
            if (Files.exists(file) && Files.size(file) == 0) Files.delete(file);
        } catch (IOException e) {
            System.err.println("cannot delete " + file + ", which is empty: " + e.getMessage());
        }
    }

    private static Path results(List<String> args) {
        int option = args.indexOf("-rff");
        if (option >= 0 && option + 1 < args.size()) return Path.of(args.get(option + 1));
        String name = LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd-HHmmss")) + ".json";
        return Path.of(System.getProperty("ondine.bench.results", "."), name);
    }
}
