package dev.ondine.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.ondine.data.Normalization;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import dev.ondine.train.Checkpoint;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a checkpoint says of its model besides the numbers, so that it can be built and used again.
 *
 * @param model one of {@link Models#names}
 * @param sample the shape of one sample
 * @param data the data set, as {@code --data} took it
 * @param seed the data set's, if it is made on the spot
 */
record ModelCard(
        String model, Shape sample, List<String> classes, Normalization normalization, String data, long seed) {
    private static final JsonFactory JSON = new JsonFactory();

    private static final String MODEL = "ondine.model";
    private static final String SAMPLE = "ondine.sample_shape";
    private static final String CLASSES = "ondine.classes";
    private static final String MEAN = "ondine.mean";
    private static final String STD = "ondine.std";
    private static final String DATA = "ondine.data";
    private static final String SEED = "ondine.seed";
    private static final String EPOCHS = "ondine.epochs";

    /**
     * Metadata for a checkpoint.
     *
     * @param epochs how many were completed
     */
    Map<String, String> metadata(int epochs) {
        Map<String, String> text = new LinkedHashMap<>();
        text.put(MODEL, model);
        text.put(SAMPLE, numbers(sample.dims()));
        text.put(CLASSES, strings(classes));
        text.put(MEAN, numbers(normalization.mean()));
        text.put(STD, numbers(normalization.std()));
        text.put(DATA, data);
        text.put(SEED, Long.toString(seed));
        text.put(EPOCHS, Integer.toString(epochs));
        return text;
    }

    /**
     * What a checkpoint says; nothing if it was written by somebody else.
     *
     * @throws IOException naming file and entry, if it cannot be read or what it says makes no sense
     */
    static Optional<ModelCard> read(Path checkpoint) throws IOException {
        return read(checkpoint, Checkpoint.metadata(checkpoint));
    }

    /** As {@link #read(Path)}, from the metadata of a file of any kind. */
    static Optional<ModelCard> read(Path checkpoint, Map<String, String> text) throws IOException {
        if (!text.containsKey(MODEL)) return Optional.empty();
        try {
            List<String> sample = list(text, SAMPLE);
            return Optional.of(new ModelCard(
                    entry(text, MODEL),
                    Shape.of(sample.stream().mapToLong(Long::parseLong).toArray()),
                    list(text, CLASSES),
                    new Normalization(floats(list(text, MEAN)), floats(list(text, STD))),
                    entry(text, DATA),
                    Long.parseLong(entry(text, SEED))));
        } catch (IllegalArgumentException | IOException e) {
            throw new IOException(checkpoint + ": its metadata are damaged: " + e.getMessage(), e);
        }
    }

    private static String entry(Map<String, String> text, String key) {
        String value = text.get(key);
        if (value == null) throw new IllegalArgumentException("'" + key + "' is missing");
        return value;
    }

    private static float[] floats(List<String> numbers) {
        float[] values = new float[numbers.size()];
        for (int i = 0; i < values.length; i++) values[i] = Float.parseFloat(numbers.get(i));
        return values;
    }

    private static List<String> list(Map<String, String> text, String key) throws IOException {
        List<String> values = new ArrayList<>();
        try (JsonParser json = JSON.createParser(entry(text, key))) {
            if (json.nextToken() == JsonToken.START_ARRAY) {
                while (json.nextToken() != null && json.currentToken().isScalarValue()) values.add(json.getText());
            }
            if (json.currentToken() != JsonToken.END_ARRAY || json.nextToken() != null) {
                throw new IllegalArgumentException("'" + key + "' is not a JSON list");
            }
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("'" + key + "' is not a JSON list: " + e.getOriginalMessage(), e);
        }
        return values;
    }

    private static String strings(List<String> values) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartArray();
            for (String value : values) json.writeString(value);
            json.writeEndArray();
        } catch (IOException e) {
            throw new AssertionError("a writer into memory does not fail", e);
        }
        return text.toString();
    }

    private static String numbers(long[] values) {
        return Arrays.toString(values);
    }

    private static String numbers(float[] values) {
        return Arrays.toString(values);
    }
}
