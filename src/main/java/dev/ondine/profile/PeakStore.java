package dev.ondine.profile;

import dev.ondine.io.AtomicFile;
import dev.ondine.profile.Peak.Arithmetic;
import dev.ondine.profile.Peak.Level;
import java.io.IOException;
import java.io.Reader;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Properties;

/** Measured peaks in the cache folder, a file of properties each. A file that cannot be read counts as none. */
final class PeakStore {
    private static final System.Logger LOG = System.getLogger(PeakStore.class.getName());

    private final Path folder;

    PeakStore(Path cache) {
        folder = cache.resolve("peak");
    }

    private Path file(String key) {
        return folder.resolve(key + ".properties");
    }

    /** Keeps a result; a folder that cannot be written is only worth a warning. */
    void write(String key, Peak peak) {
        Properties p = new Properties();
        p.setProperty("processor", peak.processor());
        p.setProperty("threads", Integer.toString(peak.threads()));
        p.setProperty("kernels", peak.kernels());
        peak.clock().ifPresent(c -> p.setProperty("clock", Double.toString(c)));
        put(p, "float32", peak.float32());
        peak.bfloat16().ifPresent(b -> put(p, "bfloat16", b));
        for (int i = 0; i < peak.levels().size(); i++) {
            Level level = peak.levels().get(i);
            p.setProperty("level." + i + ".bytes", Long.toString(level.bytes()));
            p.setProperty("level." + i + ".read", Double.toString(level.read()));
            p.setProperty("level." + i + ".copy", Double.toString(level.copy()));
            int index = i;
            level.stream().ifPresent(s -> p.setProperty("level." + index + ".stream", Double.toString(s)));
        }
        StringWriter text = new StringWriter();
        try {
            p.store(text, "The machine's peak as ondine measured it; rates a second.");
            Files.createDirectories(folder);
            AtomicFile.write(
                    file(key),
                    channel -> channel.write(ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8))));
        } catch (IOException e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "the measured peak cannot be kept: " + e.getMessage()
                            + ". Name a writable folder with -Dondine.cache=DIR or ONDINE_CACHE");
        }
    }

    private static void put(Properties p, String name, Arithmetic rate) {
        p.setProperty(name + ".instructions", rate.instructions());
        p.setProperty(name + ".flops", Double.toString(rate.flops()));
    }

    Optional<Peak> read(String key) {
        Properties p = new Properties();
        try (Reader in = Files.newBufferedReader(file(key))) {
            p.load(in);
            List<Level> levels = new ArrayList<>();
            for (int i = 0; p.containsKey("level." + i + ".bytes"); i++) {
                levels.add(new Level(
                        Long.parseLong(get(p, "level." + i + ".bytes")),
                        rate(p, "level." + i + ".read"),
                        rate(p, "level." + i + ".copy"),
                        optional(p, "level." + i + ".stream")));
            }
            if (levels.isEmpty()) throw new IllegalArgumentException("no rate of memory");
            return Optional.of(new Peak(
                    get(p, "processor"),
                    Integer.parseInt(get(p, "threads")),
                    get(p, "kernels"),
                    optional(p, "clock"),
                    arithmetic(p, "float32"),
                    p.containsKey("bfloat16.flops") ? Optional.of(arithmetic(p, "bfloat16")) : Optional.empty(),
                    levels));
        } catch (IOException | IllegalArgumentException _) {
            // There is none yet, or it is damaged: it is measured again.
            return Optional.empty();
        }
    }

    private static Arithmetic arithmetic(Properties p, String name) {
        return new Arithmetic(get(p, name + ".instructions"), rate(p, name + ".flops"));
    }

    private static OptionalDouble optional(Properties p, String name) {
        return p.containsKey(name) ? OptionalDouble.of(rate(p, name)) : OptionalDouble.empty();
    }

    private static double rate(Properties p, String name) {
        double value = Double.parseDouble(get(p, name));
        if (!(value > 0) || Double.isInfinite(value)) throw new IllegalArgumentException(name + " is " + value);
        return value;
    }

    private static String get(Properties p, String name) {
        String value = p.getProperty(name);
        if (value == null) throw new IllegalArgumentException(name + " is missing");
        return value;
    }
}
