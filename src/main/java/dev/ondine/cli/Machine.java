package dev.ondine.cli;

import dev.ondine.profile.Processor;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** What the system says about processor and process. Only Linux says it in files; elsewhere it is unknown. */
final class Machine {
    private Machine() {}

    /** The processor's name; its architecture if there is none to be found. */
    static String cpu() {
        return Processor.name();
    }

    /** The most memory that this process ever had in RAM, in megabytes of 2²⁰ bytes. */
    static OptionalLong peakMegabytes() {
        String line = lineOf(Path.of("/proc/self/status"), "VmHWM");
        if (line == null || !line.endsWith(" kB")) return OptionalLong.empty();
        return OptionalLong.of(Math.round(Long.parseLong(line.substring(0, line.length() - 3)) / 1024.0));
    }

    /** Seconds since the Java virtual machine began. */
    static double uptime() {
        return (System.currentTimeMillis()
                        - ManagementFactory.getRuntimeMXBean().getStartTime())
                * 1e-3;
    }

    private static String lineOf(Path file, String key) {
        if (!Files.isReadable(file)) return null;
        try {
            for (String line : Files.readAllLines(file)) {
                int colon = line.indexOf(':');
                if (colon > 0 && line.substring(0, colon).strip().equals(key)) {
                    return line.substring(colon + 1).strip();
                }
            }
        } catch (IOException _) {
            // It is only information.
        }
        return null;
    }
}
