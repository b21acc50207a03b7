package dev.ondine.bench.crossing;

import dev.ondine.backend.Backends;
import dev.ondine.bench.Json;
import dev.ondine.bench.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** What it costs to drive oneDNN from Java instead of from C. */
@CommandLine.Command(
        name = "bench/crossing.sh",
        sortOptions = false,
        mixinStandardHelpOptions = true,
        description = {
            "Times (a) one sequence of primitives made and run by a C program and by Java, and (b) the plan of a"
                    + " training step, its primitives called from Java and from a loop in C.",
            ""
        })
public final class CrossingMain implements Callable<Integer> {
    private static final List<Extent> EXTENTS =
            List.of(new Extent(1, 16, 8), new Extent(8, 32, 28), new Extent(32, 64, 56));

    @Option(
            names = "--seconds",
            description = "How long to time each run of (a), and each plan. Default: ${DEFAULT-VALUE}.")
    private double seconds = 5;

    @Option(names = "--rounds", description = "Of (a): runs of both sides in turns. Default: ${DEFAULT-VALUE}.")
    private int rounds = 5;

    @Option(names = "--threads", description = "Default: one for each available processor.")
    private int threads = Backends.defaultThreads();

    @Option(names = "--out", description = "The folder for table and data. Default: bench/results/DATE-TIME-crossing.")
    private Path out;

    private final List<Map<String, Object>> sequences = new ArrayList<>();
    private final List<Map<String, Object>> plans = new ArrayList<>();
    private final StringBuilder table = new StringBuilder();

    private CrossingMain() {}

    /** Runs it; the properties {@code ondine.bench.root} and {@code ondine.native.path} are set by the script. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new CrossingMain())
                .setExecutionExceptionHandler((e, command, _) -> {
                    command.getErr().println("bench/crossing.sh: " + e.getMessage());
                    return 1;
                })
                .execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        Path root = Path.of(System.getProperty("ondine.bench.root", ".")).toAbsolutePath();
        Path library = Path.of(System.getProperty("ondine.native.path", "none"));
        if (!Files.exists(library)) throw new IOException("there is no libondine: build-native.sh must succeed first");
        NativeProgram program = NativeProgram.build(root);
        LocalDateTime now = LocalDateTime.now();
        Map<String, Object> head = new LinkedHashMap<>();
        head.put("date", now.truncatedTo(ChronoUnit.MINUTES).toString());
        head.put("machine", Machine.describe());
        head.put("jdk", System.getProperty("java.vendor") + " " + Runtime.version());
        head.put("onednn", Machine.oneDnn());
        head.put("threads", threads);
        head.put("seconds", seconds);
        head.put("rounds", rounds);

        table.append("# From C and from Java\n\n");
        head.forEach(
                (k, v) -> table.append("- ").append(k).append(": ").append(v).append('\n'));
        table.append("""

            A convolution 3x3, batch norm with ReLU and their gradients, in a C program and in Java, in turns; medians of the runs' medians. \
            Both compute the same bits.

            | tensor | primitives | C | Java | C is faster by |
            | --- | ---: | ---: | ---: | ---: |
            """);
        for (Extent extent : EXTENTS) sequence(program, extent);
        table.append("""

            The plan of a training step (forward, loss, backward) as it runs, and with its primitives called from a loop in C; Java kernels run in \
            Java both times. One process, in turns; the median of the differences of neighbours, its quartiles, and, which other work on the \
            machine disturbs least, the difference of the fastest runs. Both compute the same bits.

            | plan | primitives | downcalls from C's side | Java kernels | Java | C | C is faster by | quartiles | fastest runs |
            | --- | ---: | ---: | --- | ---: | ---: | ---: | --- | ---: |
            """);
        for (PlanPair.Network network : PlanPair.Network.values()) plan(network, library);

        if (out == null) {
            String name = now.format(DateTimeFormatter.ofPattern("yyyy-MM-dd-HHmmss")) + "-crossing";
            out = root.resolve("bench/results").resolve(name);
        }
        Files.createDirectories(out);
        head.put("sequences", sequences);
        head.put("plans", plans);
        Files.writeString(out.resolve("crossing.md"), table.toString());
        Files.writeString(out.resolve("crossing.json"), Json.print(head));
        System.out.println(table + "\nWritten to " + out);
        return 0;
    }

    private void sequence(NativeProgram program, Extent extent) throws IOException, InterruptedException {
        double[] c = new double[rounds];
        double[] java = new double[rounds];
        int primitives;
        try (JavaSequence sequence = new JavaSequence(extent, threads)) {
            primitives = sequence.primitives();
            for (int round = 0; round < rounds; round++) {
                Map<?, ?> result = program.run(extent, threads, seconds / 5, seconds);
                c[round] = (double) result.get("median_ns");
                java[round] = sequence.time(seconds / 5, seconds).median();
                if (!sequence.checksum().equals(result.get("checksum"))) {
                    throw new IOException(
                            extent + ": Java computes " + sequence.checksum() + ", C " + result.get("checksum"));
                }
            }
        }
        double fromC = median(c);
        double fromJava = median(java);
        table.append("| %s | %d | %s | %s | %s |\n"
                .formatted(extent, primitives, time(fromC), time(fromJava), percent(1 - fromC / fromJava)));
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("tensor", extent.toString());
        line.put("primitives", primitives);
        line.put("c_ns", fromC);
        line.put("java_ns", fromJava);
        line.put("c_faster_by", 1 - fromC / fromJava);
        sequences.add(line);
    }

    private void plan(PlanPair.Network network, Path library) {
        PlanPair.Result r = PlanPair.measure(network, threads, library, seconds / 2, 2 * seconds);
        table.append("| %s | %d | %d | %s | %s | %s | %s | %s to %s | %s |\n"
                .formatted(
                        network,
                        r.primitives(),
                        r.stretches(),
                        r.kernels(),
                        time(r.java().median()),
                        time(r.c().median()),
                        percent(r.gain()),
                        percent(r.lowest()),
                        percent(r.highest()),
                        percent(1 - r.c().fastest() / r.java().fastest())));
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("plan", network.toString());
        line.put("primitives", r.primitives());
        line.put("stretches", r.stretches());
        line.put("kernels", r.kernels());
        line.put("java_ns", r.java().median());
        line.put("c_ns", r.c().median());
        line.put("fastest_java_ns", r.java().fastest());
        line.put("fastest_c_ns", r.c().fastest());
        line.put("pairs", r.java().count());
        line.put("c_faster_by", r.gain());
        line.put("quartiles", List.of(r.lowest(), r.highest()));
        plans.add(line);
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        return (sorted[n / 2] + sorted[(n - 1) / 2]) / 2;
    }

    private static String time(double nanos) {
        return nanos < 1e6
                ? String.format(Locale.ROOT, "%.2f µs", nanos / 1e3)
                : String.format(Locale.ROOT, "%.3f ms", nanos / 1e6);
    }

    private static String percent(double part) {
        return String.format(Locale.ROOT, "%.2f %%", 100 * part);
    }
}
