package dev.ondine.profile;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/** What the system says about the processor. Only Linux says it in files; elsewhere little is known. */
public final class Processor {
    private static final Path CPUINFO = Path.of("/proc/cpuinfo");
    private static final Path CPUS = Path.of("/sys/devices/system/cpu");

    private Processor() {}

    /** Its name; its architecture if none is to be found. */
    public static String name() {
        return firstEntry(CPUINFO).getOrDefault("model name", System.getProperty("os.arch"));
    }

    /**
     * Tells processors apart whose measurements must not be mixed up: the name, for which a hypervisor may put anything, with family,
     * model and the instruction sets that are switched on. As a piece of a file's name: letters, digits and hyphens.
     */
    public static String key() {
        return key(firstEntry(CPUINFO), System.getProperty("os.arch"));
    }

    static String key(Map<String, String> cpuinfo, String architecture) {
        String name = cpuinfo.getOrDefault("model name", architecture);
        String rest = cpuinfo.get("vendor_id")
                + cpuinfo.get("cpu family")
                + cpuinfo.get("model")
                + cpuinfo.get("stepping")
                + cpuinfo.get("flags")
                + cpuinfo.get("Features");
        String slug =
                name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-").replaceAll("^-|-$", "");
        return slug + "-" + Integer.toHexString((name + rest).hashCode());
    }

    /**
     * The size of all last-level caches together, in bytes: the largest working set that is not in memory. Nothing if the system
     * does not say.
     */
    public static OptionalLong lastLevelCache() {
        return lastLevelCache(CPUS);
    }

    static OptionalLong lastLevelCache(Path cpus) {
        int level = 0;
        long bytes = 0;
        Set<String> counted = new HashSet<>();
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(cpus, "cpu[0-9]*")) {
            for (Path cpu : folders) {
                if (!Files.isDirectory(cpu.resolve("cache"))) continue;
                try (DirectoryStream<Path> caches = Files.newDirectoryStream(cpu.resolve("cache"), "index[0-9]*")) {
                    for (Path cache : caches) {
                        int itsLevel = Integer.parseInt(text(cache.resolve("level")));
                        if (itsLevel < level) continue;
                        if (itsLevel > level) {
                            level = itsLevel;
                            bytes = 0;
                            counted.clear();
                        }
                        if (counted.add(text(cache.resolve("shared_cpu_list")))) bytes += size(cache.resolve("size"));
                    }
                }
            }
        } catch (IOException | NumberFormatException _) {
            return OptionalLong.empty();
        }
        return bytes > 0 ? OptionalLong.of(bytes) : OptionalLong.empty();
    }

    /** {@code 32768K} in bytes. */
    private static long size(Path file) throws IOException {
        String text = text(file);
        int shift = "KMG".indexOf(text.charAt(text.length() - 1));
        if (shift < 0) return Long.parseLong(text);
        return Long.parseLong(text.substring(0, text.length() - 1)) << (10 * (shift + 1));
    }

    private static String text(Path file) throws IOException {
        String text = Files.readString(file).strip();
        if (text.isEmpty()) throw new IOException(file + " is empty");
        return text;
    }

    /** The lines of the first processor, by what stands before the colon; none if there is no such file. */
    private static Map<String, String> firstEntry(Path cpuinfo) {
        Map<String, String> entry = new LinkedHashMap<>();
        if (!Files.isReadable(cpuinfo)) return entry;
        try {
            for (String line : Files.readAllLines(cpuinfo)) {
                int colon = line.indexOf(':');
                if (colon < 0) break;
                entry.put(
                        line.substring(0, colon).strip(),
                        line.substring(colon + 1).strip());
            }
        } catch (IOException _) {
            // It is only information.
        }
        return entry;
    }
}
