package dev.ondine.bench.compare;

import dev.ondine.bench.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** One of those that are compared: a command that prints a line of JSON, in an environment of its own. */
final class Side {
    /** For what a run does besides its seconds: start, compile, warm up, on a slow machine. */
    private static final long PATIENCE_SECONDS = 900;

    /** What glibc's allocator needs so as not to give large tensors back to the system at every free. */
    private static final Map<String, String> TUNED = Map.of(
            "MALLOC_ARENA_MAX", "1",
            "MALLOC_MMAP_MAX_", "0",
            "MALLOC_TRIM_THRESHOLD_", "17179869184",
            "THP_MEM_ALLOC_ENABLE", "1");

    private final Map<String, String> labels;
    private final List<String> command;
    private final Map<String, String> environment;
    private final List<Map<String, Object>> lines = new ArrayList<>();
    private String refusal = "";

    private Side(Map<String, String> labels, List<String> command, Map<String, String> environment) {
        this.labels = labels;
        this.command = List.copyOf(command);
        this.environment = environment;
    }

    /** Ondine, by its launcher. */
    static Side ondine(Path launcher, Workload workload, List<String> more) {
        List<String> command = new ArrayList<>(List.of(launcher.toString(), "bench", "--json"));
        command.addAll(workload.ondine());
        command.addAll(more);
        return new Side(Map.of("side", "ondine"), command, Map.of());
    }

    /** PyTorch, by our script. */
    static Side pytorch(
            String python, Path script, Workload workload, String layout, String allocator, List<String> more) {
        List<String> command =
                new ArrayList<>(List.of(python, script.toString(), workload.toString(), "--json", "--layout", layout));
        command.addAll(more);
        Map<String, String> labels = new LinkedHashMap<>();
        labels.put("side", "pytorch");
        labels.put("layout", layout);
        labels.put("allocator", allocator);
        return new Side(labels, command, allocator.equals("tuned") ? TUNED : Map.of());
    }

    /** One run more; a side that has failed once is not tried again. */
    void run(double seconds) throws IOException, InterruptedException {
        if (!refusal.isEmpty()) return;
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(environment);
        Path errors = Files.createTempFile("compare", ".err");
        try {
            Process process = builder.redirectError(errors.toFile()).start();
            process.getOutputStream().close();
            // The output is one line, which fits into any pipe: it can be read when the process has ended.
            if (!process.waitFor(PATIENCE_SECONDS + (long) (3 * seconds), TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                refusal = "did not end";
                return;
            }
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            String complaint = Files.readString(errors).strip();
            if (process.exitValue() != 0 || output.isEmpty()) {
                refusal = complaint.isEmpty() ? "exit code " + process.exitValue() : gist(complaint);
                return;
            }
            Map<String, Object> line = new LinkedHashMap<>(labels);
            Json.map(Json.parse(lastLine(output))).forEach((k, v) -> line.put((String) k, v));
            if (!(line.get("ms_per_step") instanceof Double)) {
                refusal = "printed no ms_per_step but: " + lastLine(output);
                return;
            }
            lines.add(line);
        } finally {
            Files.delete(errors);
        }
    }

    /** A command's error begins with what is wrong; a Python trace ends with it. */
    private static String gist(String complaint) {
        return complaint.startsWith("Traceback")
                ? lastLine(complaint)
                : complaint.lines().findFirst().orElseThrow();
    }

    private static String lastLine(String text) {
        return text.substring(text.lastIndexOf('\n') + 1);
    }

    String label(String name) {
        return labels.get(name);
    }

    /** Why it has no results; empty if it has. */
    String refusal() {
        return refusal;
    }

    /** All that it printed. */
    List<Map<String, Object>> lines() {
        return lines;
    }

    /** The median of a number over the runs; NaN if none has it. */
    double median(String field) {
        double[] sorted = sorted(field);
        int n = sorted.length;
        return n == 0 ? Double.NaN : (sorted[n / 2] + sorted[(n - 1) / 2]) / 2;
    }

    /** Half of the distance between the fastest and the slowest run, relative to the median. */
    double spread(String field) {
        double[] sorted = sorted(field);
        return sorted.length == 0 ? Double.NaN : (sorted[sorted.length - 1] - sorted[0]) / 2 / median(field);
    }

    private double[] sorted(String field) {
        return lines.stream()
                .map(line -> line.get(field))
                .filter(Double.class::isInstance)
                .mapToDouble(v -> (Double) v)
                .sorted()
                .toArray();
    }

    /** {@code PyTorch nhwc, tuned allocator}. */
    @Override
    public String toString() {
        if (label("side").equals("ondine")) return "Ondine";
        return "PyTorch " + label("layout") + ", " + label("allocator") + " allocator";
    }
}
