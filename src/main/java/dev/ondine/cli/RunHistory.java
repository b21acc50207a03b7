package dev.ondine.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;

/**
 * What a run's folder tells of its course.
 *
 * @param settings the log's first line, as text by name
 * @param epochs what each came to, by number; of an epoch that was trained twice, because the process was killed in it, the second
 * @param ended how it ended; empty if it did not say
 * @param last what it said at its end, by name: what averaged weights measured, for one
 * @param layers quantiles ({@link LayerLog#SHARES}) of γ, β and the running statistics by layer, by tensor, by epoch
 */
record RunHistory(
        Path folder,
        Map<String, String> settings,
        SequencedMap<Integer, Map<String, Double>> epochs,
        String ended,
        Map<String, Double> last,
        Map<String, Map<String, SequencedMap<Integer, double[]>>> layers) {
    private static final JsonFactory JSON = new JsonFactory();

    /** @throws IOException naming the file and line, if there is no log or it is damaged */
    static RunHistory read(Path folder) throws IOException {
        Path log = folder.resolve("log.jsonl");
        if (!Files.exists(log)) {
            throw new IOException(folder + " is not the folder of a run: it has no log.jsonl");
        }
        Map<String, String> settings = new LinkedHashMap<>();
        SequencedMap<Integer, Map<String, Double>> epochs = new TreeMap<>();
        String ended = "";
        Map<String, Double> last = new LinkedHashMap<>();
        for (Map<String, Object> line : lines(log)) {
            switch (String.valueOf(line.get("event"))) {
                case "start", "resume" -> {
                    settings.clear();
                    // A folder may have been used again: what counts is the last run.
                    if (line.get("event").equals("start")) epochs.clear();
                    line.forEach((name, value) ->
                            settings.put(name, value instanceof Double d ? Text.plain(d) : String.valueOf(value)));
                    ended = "";
                    last.clear();
                }
                case "epoch" -> epochs.put((int) number(log, line, "epoch"), numbers(line));
                case "end" -> {
                    ended = String.valueOf(line.get("how"));
                    last.putAll(numbers(line));
                }
                default -> {
                    // A later version's.
                }
            }
        }
        return new RunHistory(folder, settings, epochs, ended, last, layers(folder.resolve(LayerLog.FILE), epochs));
    }

    private static Map<String, Double> numbers(Map<String, Object> line) {
        Map<String, Double> numbers = new LinkedHashMap<>();
        line.forEach((name, value) -> {
            if (value instanceof Double d) numbers.put(name, d);
        });
        return numbers;
    }

    private static Map<String, Map<String, SequencedMap<Integer, double[]>>> layers(
            Path file, SequencedMap<Integer, Map<String, Double>> epochs) throws IOException {
        Map<String, Map<String, SequencedMap<Integer, double[]>>> layers = new LinkedHashMap<>();
        if (!Files.exists(file)) return layers;
        for (Map<String, Object> line : lines(file)) {
            int epoch = (int) number(file, line, "epoch");
            // Cut off in the log when the run went on.
            if (!epochs.containsKey(epoch)) continue;
            Map<String, SequencedMap<Integer, double[]>> tensors =
                    layers.computeIfAbsent(String.valueOf(line.get("layer")), _ -> new LinkedHashMap<>());
            line.forEach((name, value) -> {
                if (value instanceof double[] quantiles) {
                    tensors.computeIfAbsent(name, _ -> new TreeMap<>()).put(epoch, quantiles);
                }
            });
        }
        return layers;
    }

    private static double number(Path file, Map<String, Object> line, String name) throws IOException {
        if (line.get(name) instanceof Double d) return d;
        throw new IOException(file + ": a line has no number '" + name + "'");
    }

    /** The share of the training part that was held back to measure on; 0 if none was. */
    double validation() {
        try {
            return Double.parseDouble(settings.getOrDefault("validation", "0"));
        } catch (NumberFormatException _) {
            return 0;
        }
    }

    /** What the folder is called. */
    String name() {
        Path name = folder.toAbsolutePath().normalize().getFileName();
        return name == null ? folder.toString() : name.toString();
    }

    double[] numbers() {
        return epochs.keySet().stream().mapToDouble(Integer::doubleValue).toArray();
    }

    /** A number of every epoch; NaN where it is missing. */
    double[] values(String name, double factor) {
        return epochs.values().stream()
                .mapToDouble(line -> factor * line.getOrDefault(name, Double.NaN))
                .toArray();
    }

    /** Whether any epoch has this number. */
    boolean has(String name) {
        return epochs.values().stream().anyMatch(line -> line.containsKey(name));
    }

    /** Of each line strings, booleans as such, numbers as Double, arrays as double[]; nulls are left out. Lines that were cut, too. */
    private static List<Map<String, Object>> lines(Path file) throws IOException {
        List<Map<String, Object>> lines = new ArrayList<>();
        List<String> texts = Files.readAllLines(file);
        for (int i = 0; i < texts.size(); i++) {
            if (texts.get(i).isBlank()) continue;
            try {
                lines.add(line(texts.get(i)));
            } catch (JsonProcessingException | IllegalArgumentException e) {
                // Half a line of a process that was killed; one that went on with the run has written behind it.
                if (i == texts.size() - 1 || !texts.get(i).endsWith("}")) continue;
                throw new IOException(file + ", line " + (i + 1) + ": is damaged: " + e.getMessage(), e);
            }
        }
        return lines;
    }

    private static Map<String, Object> line(String text) throws IOException {
        Map<String, Object> line = new LinkedHashMap<>();
        try (JsonParser json = JSON.createParser(text)) {
            if (json.nextToken() != JsonToken.START_OBJECT) throw new IllegalArgumentException("it is no JSON object");
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String name = json.currentName();
                switch (json.nextToken()) {
                    case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> line.put(name, json.getDoubleValue());
                    case VALUE_STRING -> line.put(name, json.getText());
                    case VALUE_TRUE, VALUE_FALSE -> line.put(name, json.getBooleanValue());
                    case START_ARRAY -> line.put(name, array(json));
                    case VALUE_NULL -> {
                        // As if it were not there.
                    }
                    default -> throw new IllegalArgumentException("'" + name + "' is of an unexpected kind");
                }
            }
        }
        return line;
    }

    private static double[] array(JsonParser json) throws IOException {
        List<Double> values = new ArrayList<>();
        while (json.nextToken() != JsonToken.END_ARRAY) {
            if (json.currentToken() == JsonToken.VALUE_NULL) values.add(Double.NaN);
            else values.add(json.getDoubleValue());
        }
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
