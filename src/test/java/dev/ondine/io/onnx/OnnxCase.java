package dev.ondine.io.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.io.onnx.proto.TensorProto;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/**
 * Tiny models as text, a line each: {@code name | version of the operators | operands | nodes}.
 *
 * <p>Operands: {@code x[2,3]} an input of random numbers, {@code x[+2,3]} of positive ones, {@code t[#9:2,3]} of whole numbers below 9;
 * {@code w(2,3)} a weight of random numbers, {@code w(+2,3)} of positive ones; {@code s={1,2}} a list and {@code s=1} a single number,
 * of float32 if there is a dot in it, else of INT64. Nodes, separated by {@code &}: {@code Conv x w -> y group=2 pads=1,1}, a dash for an
 * operand that is left out; a list of one has a comma behind it, a tensor stands in braces.
 */
final class OnnxCase {
    /** Of the largest output: float32 in another order of summation, and approximations of exp and erf on either side. */
    private static final float TOLERANCE = 1e-5f;

    private OnnxCase() {}

    /** Arguments (name, model) for each line. */
    static Stream<Arguments> all(String lines) {
        return lines.lines().filter(line -> !line.isBlank()).map(line -> {
            String[] parts = line.split("\\|", -1);
            return Arguments.of(parts[0].trim() + " of " + parts[1].trim(), of(line));
        });
    }

    /** The model of one line. */
    static TinyModel of(String line) {
        String[] parts = line.split("\\|", -1);
        TinyModel model = new TinyModel(Integer.parseInt(parts[1].trim()));
        for (String operand : parts[2].trim().split(" +")) operand(model, operand);
        for (String node : parts[3].trim().split(" & ")) node(model, node.trim());
        return model;
    }

    private static void operand(TinyModel model, String text) {
        int at = 0;
        while (Character.isLetterOrDigit(text.charAt(at))) at++;
        String name = text.substring(0, at);
        String rest = text.substring(at + 1);
        boolean positive = rest.startsWith("+");
        switch (text.charAt(at)) {
            case '[' -> {
                int below = rest.startsWith("#") ? Integer.parseInt(rest.substring(1, rest.indexOf(':'))) : 0;
                String dims = rest.substring(rest.indexOf(':') + 1, rest.length() - 1);
                if (below > 0) model.wholes(name, below, longs(dims));
                else if (positive) model.positive(name, longs(dims.substring(1)));
                else model.input(name, longs(dims));
            }
            case '(' -> {
                String dims = rest.substring(positive ? 1 : 0, rest.length() - 1);
                if (positive) model.positiveWeight(name, longs(dims));
                else model.weight(name, longs(dims));
            }
            case '=' -> model.tensor(tensor(rest).toBuilder().setName(name).build());
            default -> throw new IllegalArgumentException(text);
        }
    }

    private static TensorProto tensor(String text) {
        boolean list = text.startsWith("{");
        String values = list ? text.substring(1, text.length() - 1) : text;
        TensorProto.Builder t;
        if (values.contains(".") || list && values.isEmpty()) {
            t = TensorProto.newBuilder().setDataType(TensorProto.DataType.FLOAT_VALUE);
            for (float f : floats(values)) t.addFloatData(f);
            if (list) t.addDims(t.getFloatDataCount());
        } else {
            t = ModelBuilder.tensor(longs(values)).toBuilder();
            if (!list) t.clearDims();
        }
        return t.build();
    }

    private static void node(TinyModel model, String text) {
        String[] words = text.split(" +");
        int arrow = Arrays.asList(words).indexOf("->");
        List<String> outputs = new ArrayList<>();
        List<Object> attributes = new ArrayList<>();
        for (String word : Arrays.asList(words).subList(arrow + 1, words.length)) {
            int equals = word.indexOf('=');
            if (equals < 0) {
                outputs.add(word);
            } else {
                attributes.add(word.substring(0, equals));
                attributes.add(attribute(word.substring(equals + 1)));
            }
        }
        String names = String.join(" ", Arrays.asList(words).subList(1, arrow)) + " -> " + String.join(" ", outputs);
        model.node(words[0], names, attributes.toArray());
    }

    private static Object attribute(String text) {
        if (text.startsWith("{")) return tensor(text);
        if (Character.isLetter(text.charAt(0))) return text;
        if (!text.contains(",")) return text.contains(".") ? (Object) Float.valueOf(text) : (Object) Long.valueOf(text);
        List<Object> list = new ArrayList<>();
        for (String s : text.split(","))
            list.add(text.contains(".") ? (Object) Float.valueOf(s) : (Object) Long.valueOf(s));
        return list;
    }

    private static long[] longs(String text) {
        return text.isEmpty()
                ? new long[0]
                : Arrays.stream(text.split(",")).mapToLong(Long::parseLong).toArray();
    }

    private static float[] floats(String text) {
        String[] words = text.isEmpty() ? new String[0] : text.split(",");
        float[] values = new float[words.length];
        for (int i = 0; i < values.length; i++) values[i] = Float.parseFloat(words[i]);
        return values;
    }

    /** Both backends compute y as ONNX Runtime does. */
    static void check(TinyModel model, Path folder) throws IOException {
        Map<String, Object> data = model.data();
        check(model, OnnxRuntime.run(model.write(folder), data, model.dims()).get("y"), data, folder);
    }

    /** Both backends compute y as expected. */
    static void check(TinyModel model, OnnxRuntime.Values expected, Map<String, Object> data, Path folder)
            throws IOException {
        Path file = model.write(folder);
        for (String backend : List.of("reference", "onednn")) {
            OnnxRuntime.Values actual = model.run(file, backend, data).get("y");
            assertEquals(expected.shape(), actual.shape(), backend);
            Closeness.check(expected.values(), actual.values(), TOLERANCE);
        }
    }
}
