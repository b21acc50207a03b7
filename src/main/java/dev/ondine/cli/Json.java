package dev.ondine.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;

/** One JSON value as text. */
final class Json {
    private static final JsonFactory FACTORY = new JsonFactory();

    private Json() {}

    /** Writes the value. */
    @FunctionalInterface
    interface Body {
        void write(JsonGenerator json) throws IOException;
    }

    static String write(Body body) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = FACTORY.createGenerator(text)) {
            body.write(json);
        }
        return text.toString();
    }

    /** A number; null where JSON has none, for NaN and infinities. */
    static void number(JsonGenerator json, String name, double value) throws IOException {
        if (Double.isFinite(value)) json.writeNumberField(name, value);
        else json.writeNullField(name);
    }
}
