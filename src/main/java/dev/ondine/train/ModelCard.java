package dev.ondine.train;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
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
 * What a model's file says of it besides the numbers, so that it can be built and used again: it stands in the metadata of checkpoints
 * and of exported ONNX files, under keys that begin with {@code ondine.}
 *
 * <p>{@code Checkpoint.save(file, model, ModelCard.of("resnet20", model, classes, normalization).metadata(0))} writes a file that
 * {@link Predictor#open} takes as it is.
 *
 * @param model one of {@link Models#names}, or {@code onnx:FILE}; empty for a network of one's own, which whoever opens the file must give
 * @param sample the shape of one sample
 * @param classes the names of what the outputs stand for
 * @param normalization what samples were normalized with when the model was trained
 * @param crop the share of an image's shorter side that samples are made of, in (0, 1]: see {@link dev.ondine.data.ImageFile}
 * @param data what it was trained on, if that has a name
 */
public record ModelCard(
        Optional<String> model,
        Shape sample,
        List<String> classes,
        Normalization normalization,
        double crop,
        Optional<Data> data) {
    /**
     * A data set by the text that {@link dev.ondine.data.Datasets#open} takes.
     *
     * @param seed of a data set that is made on the spot
     */
    public record Data(String name, long seed) {}

    private static final JsonFactory JSON = new JsonFactory();

    private static final String MODEL = "ondine.model";
    private static final String SAMPLE = "ondine.sample_shape";
    private static final String CLASSES = "ondine.classes";
    private static final String MEAN = "ondine.mean";
    private static final String STD = "ondine.std";
    private static final String CROP = "ondine.crop";
    private static final String DATA = "ondine.data";
    private static final String SEED = "ondine.seed";
    private static final String EPOCHS = "ondine.epochs";

    /**
     * @throws IllegalArgumentException if there are no classes, the normalization is for another number of channels than samples have, or
     *     the crop is not in (0, 1]
     */
    public ModelCard {
        classes = List.copyOf(classes);
        if (classes.isEmpty()) throw new IllegalArgumentException("there are no classes");
        if (sample.rank() == 0 || normalization.channels() != sample.dim(0)) {
            throw new IllegalArgumentException("samples of the shape " + sample + " are normalized by "
                    + normalization.channels() + " means, one for each channel is needed");
        }
        if (!(crop > 0 && crop <= 1)) throw new IllegalArgumentException("the crop must be in (0, 1], not " + crop);
    }

    /** Of a model by its name in the zoo; images are used as far as the proportions of a sample allow. */
    public static ModelCard of(String name, Model model, List<String> classes, Normalization normalization) {
        return new ModelCard(Optional.of(name), model.sampleShape(), classes, normalization, 1, Optional.empty());
    }

    /** Of a model of one's own network. */
    public static ModelCard of(Model model, List<String> classes, Normalization normalization) {
        return new ModelCard(Optional.empty(), model.sampleShape(), classes, normalization, 1, Optional.empty());
    }

    /** This card with another crop. */
    public ModelCard crop(double crop) {
        return new ModelCard(model, sample, classes, normalization, crop, data);
    }

    /** What messages call the network. */
    public String modelName() {
        return model.orElse("a network of one's own");
    }

    /**
     * Metadata for a checkpoint.
     *
     * @param epochs how many were completed
     */
    public Map<String, String> metadata(int epochs) {
        Map<String, String> text = new LinkedHashMap<>();
        model.ifPresent(name -> text.put(MODEL, name));
        text.put(SAMPLE, numbers(sample.dims()));
        text.put(CLASSES, strings(classes));
        text.put(MEAN, numbers(normalization.mean()));
        text.put(STD, numbers(normalization.std()));
        text.put(CROP, Double.toString(crop));
        data.ifPresent(d -> {
            text.put(DATA, d.name());
            text.put(SEED, Long.toString(d.seed()));
        });
        text.put(EPOCHS, Integer.toString(epochs));
        return text;
    }

    /**
     * What a checkpoint says; nothing if it was written by somebody else.
     *
     * @throws IOException naming file and entry, if it cannot be read or what it says makes no sense
     */
    public static Optional<ModelCard> read(Path checkpoint) throws IOException {
        return read(checkpoint, Checkpoint.metadata(checkpoint));
    }

    /** As {@link #read(Path)}, from the metadata of a file of any kind. */
    public static Optional<ModelCard> read(Path file, Map<String, String> text) throws IOException {
        if (!text.containsKey(MODEL) && !text.containsKey(SAMPLE)) return Optional.empty();
        try {
            List<String> sample = list(text, SAMPLE);
            return Optional.of(new ModelCard(
                    Optional.ofNullable(text.get(MODEL)),
                    Shape.of(sample.stream().mapToLong(Long::parseLong).toArray()),
                    list(text, CLASSES),
                    new Normalization(floats(list(text, MEAN)), floats(list(text, STD))),
                    // Files of earlier versions lack it.
                    Double.parseDouble(text.getOrDefault(CROP, "1")),
                    text.containsKey(DATA)
                            ? Optional.of(new Data(text.get(DATA), Long.parseLong(entry(text, SEED))))
                            : Optional.empty()));
        } catch (IllegalArgumentException | IOException e) {
            throw new IOException(file + ": its metadata are damaged: " + e.getMessage(), e);
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
