package dev.ondine.bench;

import dev.ondine.backend.Backends;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.OneDnnUnavailableException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** What results depend on besides the code: the processor and the library. */
public final class Machine {
    private Machine() {}

    /** Name of the processor, its number of threads, system. */
    public static String describe() {
        return "%s, %d processors, %s %s"
                .formatted(
                        processor().orElse(System.getProperty("os.arch")),
                        Backends.defaultThreads(),
                        System.getProperty("os.name"),
                        System.getProperty("os.version"));
    }

    /** Version of oneDNN and the instruction set that it uses. */
    public static String oneDnn() {
        try {
            return OneDnn.version() + ", " + OneDnn.effectiveIsa();
        } catch (OneDnnUnavailableException e) {
            return "none: " + e.getMessage();
        }
    }

    /** As the system calls it: Linux in a file, macOS by a command, Windows in the environment. */
    private static Optional<String> processor() {
        Path cpuinfo = Path.of("/proc/cpuinfo");
        try {
            if (Files.exists(cpuinfo)) {
                try (Stream<String> lines = Files.lines(cpuinfo)) {
                    return lines.filter(l -> l.startsWith("model name"))
                            .findFirst()
                            .map(l -> l.substring(l.indexOf(':') + 1).strip());
                }
            }
            if (System.getProperty("os.name").startsWith("Mac")) {
                Process sysctl = new ProcessBuilder("sysctl", "-n", "machdep.cpu.brand_string").start();
                return Optional.of(new String(sysctl.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip());
            }
        } catch (IOException _) {
            // The architecture must do.
        }
        return Optional.ofNullable(System.getenv("PROCESSOR_IDENTIFIER"));
    }
}
