package dev.ondine.bench.compare;

import dev.ondine.backend.Backends;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Ondine and PyTorch in turns on this machine, each run a process of its own. */
@CommandLine.Command(
        name = "bench/compare.sh",
        sortOptions = false,
        mixinStandardHelpOptions = true,
        description = {
            "Runs Ondine and PyTorch in turns and writes a table of ratios, in medians over the rounds.",
            "PyTorch runs channels-first and channels-last, of which the better one counts, each with the C library's"
                    + " allocator as it is and tuned. Without PyTorch only Ondine is measured.",
            ""
        })
public final class Compare implements Callable<Integer> {
    @Option(names = "--workloads", split = ",", paramLabel = "NAME", description = "Default: all, see bench/README.md.")
    private List<String> workloads =
            Arrays.stream(Workload.values()).map(Workload::toString).toList();

    @Option(names = "--seconds", description = "How long to time each run. Default: ${DEFAULT-VALUE}.")
    private double seconds = 10;

    @Option(names = "--rounds", description = "Runs of each side, in turns. Default: ${DEFAULT-VALUE}.")
    private int rounds = 3;

    @Option(names = "--dtype", description = "f32 or bf16. Default: ${DEFAULT-VALUE}.")
    private String dtype = "f32";

    @Option(names = "--threads", description = "Of both sides. Default: one for each available processor.")
    private int threads = Backends.defaultThreads();

    @Option(names = "--layouts", split = ",", description = "PyTorch's. Default: nchw,nhwc.")
    private List<String> layouts = List.of("nchw", "nhwc");

    @Option(names = "--allocators", split = ",", description = "PyTorch's. Default: default,tuned.")
    private List<String> allocators = List.of("default", "tuned");

    @Option(
            names = "--python",
            description = "The Python that has PyTorch (PYTHONPATH is passed on). Default: $ONDINE_PYTHON, or python3.")
    private String python = Optional.ofNullable(System.getenv("ONDINE_PYTHON")).orElse("python3");

    @Option(names = "--out", description = "The folder for table and data. Default: bench/results/DATE-TIME-compare.")
    private Path out;

    @Parameters(paramLabel = "-- ARGUMENTS", description = "More arguments for 'ondine bench', after '--'.")
    private List<String> arguments = new ArrayList<>();

    private Compare() {}

    /** Runs the comparison; the property {@code ondine.bench.root} is the folder that holds the launcher. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Compare())
                .setExecutionExceptionHandler((e, command, _) -> {
                    command.getErr().println("bench/compare.sh: " + e.getMessage());
                    return 1;
                })
                .execute(args));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        List<Workload> chosen = workloads.stream().map(Workload::of).toList();
        if (rounds < 1) throw new IllegalArgumentException("--rounds must be at least 1, not " + rounds);
        if (!(seconds > 0)) throw new IllegalArgumentException("--seconds must be above 0, not " + seconds);
        requireAmong("--dtype", List.of(dtype), List.of("f32", "bf16"));
        requireAmong("--layouts", layouts, List.of("nchw", "nhwc"));
        requireAmong("--allocators", allocators, List.of("default", "tuned"));
        Path root = Path.of(System.getProperty("ondine.bench.root", ".")).toAbsolutePath();
        LocalDateTime now = LocalDateTime.now();
        if (out == null) {
            String name = now.format(DateTimeFormatter.ofPattern("yyyy-MM-dd-HHmmss")) + "-compare";
            out = root.resolve("bench/results").resolve(name);
        }

        Optional<String> torch = torchVersion();
        if (torch.isEmpty()) {
            System.out.println("PyTorch is not compared: '" + python
                    + "' cannot import torch. Install it, or name another Python by --python or ONDINE_PYTHON.");
        }
        CompareReport report = new CompareReport(now, settings(torch));
        // Results so far are written after each workload: a long run that is interrupted has not been for nothing.
        for (Workload workload : chosen) {
            List<Side> sides = sides(root, workload, torch.isPresent());
            for (int round = 0; round < rounds; round++) {
                // To and fro, so that a machine that slows down or speeds up favours nobody.
                for (Side side : round % 2 == 0 ? sides : sides.reversed()) {
                    side.run(seconds);
                    String result = side.refusal().isEmpty()
                            ? "%.3f ms".formatted(side.lines().getLast().get("ms_per_step"))
                            : side.refusal();
                    System.out.printf("%s, round %d of %d, %s: %s%n", workload, round + 1, rounds, side, result);
                }
            }
            report.add(workload, sides);
            write(report);
        }
        System.out.println("\n" + report.markdown() + "\nWritten to " + out);
        return 0;
    }

    private static void requireAmong(String option, List<String> given, List<String> allowed) {
        for (String value : given) {
            if (!allowed.contains(value)) {
                throw new IllegalArgumentException(option + " is '" + value + "'; it may be " + allowed);
            }
        }
    }

    private Map<String, Object> settings(Optional<String> torch) {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put("pytorch", torch.orElse("none"));
        settings.put("dtype", dtype);
        settings.put("threads", threads);
        settings.put("seconds", seconds);
        settings.put("rounds", rounds);
        settings.put("arguments", String.join(" ", arguments));
        return settings;
    }

    private List<Side> sides(Path root, Workload workload, boolean torch) {
        List<String> common =
                new ArrayList<>(List.of("--seconds", Double.toString(seconds), "--threads", Integer.toString(threads)));
        if (!dtype.equals("f32")) common.addAll(List.of("--dtype", dtype));
        List<String> ondine = new ArrayList<>(common);
        ondine.addAll(arguments);
        List<Side> sides = new ArrayList<>();
        sides.add(Side.ondine(root.resolve("ondine"), workload, ondine));
        if (!torch) return sides;
        Path script = root.resolve("bench/peers/pytorch/torch_bench.py");
        for (String layout : workload.images() ? layouts : layouts.subList(0, 1)) {
            for (String allocator : allocators) {
                sides.add(Side.pytorch(python, script, workload, layout, allocator, common));
            }
        }
        return sides;
    }

    private Optional<String> torchVersion() throws InterruptedException {
        try {
            Process process = new ProcessBuilder(python, "-c", "import torch; print(torch.__version__)")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String version = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return process.waitFor() == 0 ? Optional.of(version) : Optional.empty();
        } catch (IOException _) {
            // No such command: no PyTorch either.
            return Optional.empty();
        }
    }

    private void write(CompareReport report) throws IOException {
        Files.createDirectories(out);
        Files.writeString(out.resolve("compare.md"), report.markdown());
        Files.writeString(out.resolve("compare.json"), report.json());
    }
}
