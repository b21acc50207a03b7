package dev.ondine.onednn;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.ondine.io.AtomicFile;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.System.Logger.Level;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a {@link Tuner} found, in a JSON file for one processor, build of oneDNN and number of threads: an object of operations and the
 * kernels chosen for them. The file is a cache: if it cannot be read it is measured anew, and if it cannot be written the next
 * process measures again.
 */
final class TuningCache {
    private static final System.Logger LOG = System.getLogger(TuningCache.class.getName());

    private final Path file;
    private final Map<String, String> choices = new TreeMap<>();

    private TuningCache(Path file) {
        this.file = file;
    }

    /** What the file holds; nothing if there is none. */
    static TuningCache open(Path file) {
        TuningCache cache = new TuningCache(file);
        cache.read();
        return cache;
    }

    /** The name of the file for a machine: {@code amd-epyc-avx2-3.13.0-2-threads.json}. */
    static String fileName(String processor, String isa, String version, int threads) {
        String name = processor + "-" + isa + "-" + version + "-" + threads + "-threads";
        return name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9.]+", "-") + ".json";
    }

    /** The kernel that was chosen for an operation; {@code null} if it was never measured. */
    String get(String operation) {
        return choices.get(operation);
    }

    void put(String operation, String kernel) {
        choices.put(operation, kernel);
    }

    private void read() {
        if (!Files.isRegularFile(file)) return;
        Map<String, String> found = new TreeMap<>();
        try (JsonParser json = new JsonFactory().createParser(Files.readAllBytes(file))) {
            if (json.nextToken() != JsonToken.START_OBJECT) throw new IOException("it is no JSON object");
            for (String operation = json.nextFieldName(); operation != null; operation = json.nextFieldName()) {
                String kernel = json.nextTextValue();
                if (kernel == null) throw new IOException("'" + operation + "' is no text");
                found.put(operation, kernel);
            }
            if (json.currentToken() != JsonToken.END_OBJECT) throw new IOException("it is cut off");
        } catch (IOException e) {
            String reason = e instanceof JsonProcessingException j ? j.getOriginalMessage() : e.getMessage();
            LOG.log(Level.WARNING, "the tuning cache " + file + " cannot be read and is made anew: " + reason);
            return;
        }
        // Choices of this process stay: plans were made with them.
        found.forEach(choices::putIfAbsent);
    }

    /** Writes all choices, with those that another process has added meanwhile. */
    void save() {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            read();
            AtomicFile.write(file, this::write);
        } catch (IOException e) {
            LOG.log(
                    Level.WARNING,
                    "the tuning cache " + file + " cannot be written: " + e
                            + "; another start measures again. -Dondine.cache=DIR names another folder");
        }
    }

    private void write(FileChannel file) throws IOException {
        OutputStream out = Channels.newOutputStream(file);
        try (JsonGenerator json = new JsonFactory().createGenerator(out).useDefaultPrettyPrinter()) {
            json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
            json.writeStartObject();
            for (Map.Entry<String, String> choice : choices.entrySet()) {
                json.writeStringField(choice.getKey(), choice.getValue());
            }
            json.writeEndObject();
        }
    }
}
