package dev.ondine.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON as maps, lists, numbers and strings. */
public final class Json {
    private static final JsonFactory FACTORY = new JsonFactory();

    private Json() {}

    /**
     * The value that a text holds: a map, a list, a double, a string, a boolean, or null. JMH writes what JSON has no number for as the
     * string NaN, which becomes that number.
     *
     * @throws IOException if it is not JSON
     */
    public static Object parse(String text) throws IOException {
        try (JsonParser parser = FACTORY.createParser(text)) {
            parser.nextToken();
            Object value = value(parser);
            if (parser.nextToken() != null) throw new IOException("more than one value in '" + text + "'");
            return value;
        }
    }

    /** A list, or a {@link ClassCastException}. */
    public static List<?> list(Object value) {
        return (List<?>) value;
    }

    /** A map, or a {@link ClassCastException}. */
    public static Map<?, ?> map(Object value) {
        return (Map<?, ?>) value;
    }

    /** Maps, lists, numbers, strings, booleans and null as JSON, a line for each entry of the outer levels. */
    public static String print(Object value) {
        StringWriter text = new StringWriter();
        try (JsonGenerator generator = FACTORY.createGenerator(text).useDefaultPrettyPrinter()) {
            write(generator, value);
        } catch (IOException e) {
            throw new AssertionError("a StringWriter does not fail", e);
        }
        return text + "\n";
    }

    private static void write(JsonGenerator generator, Object value) throws IOException {
        switch (value) {
            case null -> generator.writeNull();
            case Map<?, ?> map -> {
                generator.writeStartObject();
                for (Map.Entry<?, ?> e : map.entrySet()) {
                    generator.writeFieldName((String) e.getKey());
                    write(generator, e.getValue());
                }
                generator.writeEndObject();
            }
            case Iterable<?> list -> {
                generator.writeStartArray();
                for (Object o : list) write(generator, o);
                generator.writeEndArray();
            }
            case Boolean b -> generator.writeBoolean(b);
            case Integer i -> generator.writeNumber(i);
            case Long l -> generator.writeNumber(l);
            case Number n when Double.isFinite(n.doubleValue()) -> generator.writeNumber(n.doubleValue());
            case Number _ -> generator.writeNull();
            default -> generator.writeString(value.toString());
        }
    }

    private static Object value(JsonParser parser) throws IOException {
        return switch (parser.currentToken()) {
            case START_OBJECT -> {
                Map<String, Object> object = new LinkedHashMap<>();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String name = parser.currentName();
                    parser.nextToken();
                    object.put(name, value(parser));
                }
                yield object;
            }
            case START_ARRAY -> {
                List<Object> array = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) array.add(value(parser));
                yield array;
            }
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
            case VALUE_STRING -> parser.getText().equals("NaN") ? (Object) Double.NaN : parser.getText();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            case null, default -> throw new IOException("no JSON at " + parser.currentLocation());
        };
    }
}
