package dev.ondine.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Properties;

/** Charts for a page's scripts: the data as JSON, the library that draws it, and how. */
final class ChartScript {
    private static final JsonFactory JSON = new JsonFactory();
    private static final String VERSION = "META-INF/maven/org.webjars.npm/chart.js/pom.properties";

    private ChartScript() {}

    /** Chart.js, and what makes charts of {@code <canvas data-chart="ID">} out of the JSON in the element of that id. */
    static String library() {
        try {
            Properties properties = new Properties();
            try (InputStream in = resource(VERSION)) {
                properties.load(in);
            }
            String library = text(resource("META-INF/resources/webjars/chart.js/" + properties.getProperty("version")
                    + "/dist/chart.umd.min.js"));
            int map = library.lastIndexOf("//# sourceMappingURL");
            return (map < 0 ? library : library.substring(0, map)) + "\n"
                    + text(ChartScript.class.getResourceAsStream("charts.js"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String text(InputStream resource) throws IOException {
        try (resource) {
            return new String(resource.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static InputStream resource(String name) throws IOException {
        // By the class loader: on the module path the library's jar lies on the class path beside it.
        InputStream in = ChartScript.class.getClassLoader().getResourceAsStream(name);
        if (in == null) {
            throw new IOException("the page needs " + name + ", which is not on the class path: put the jar of"
                    + " org.webjars.npm:chart.js there (target/lib holds it)");
        }
        return in;
    }

    static String json(Chart chart) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartObject();
            json.writeStringField("title", chart.title());
            json.writeStringField("x", chart.x());
            json.writeStringField("y", chart.y());
            json.writeBooleanField("logX", chart.logX());
            json.writeBooleanField("logY", chart.logY());
            json.writeArrayFieldStart("series");
            for (Chart.Series s : chart.series()) series(json, s, chart.logY());
            json.writeEndArray();
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        // So that no text can end the script that holds it.
        return text.toString().replace("<", "\\u003c");
    }

    private static void series(JsonGenerator json, Chart.Series s, boolean logarithmic) throws IOException {
        json.writeStartObject();
        json.writeStringField("name", s.name());
        json.writeNumberField("color", s.color());
        json.writeStringField("style", s.style().name());
        json.writeArrayFieldStart("points");
        for (int i = 0; i < s.xs().length; i++) {
            json.writeStartArray();
            json.writeNumber((float) s.xs()[i]);
            double y = s.ys()[i];
            if (!Double.isFinite(y) || logarithmic && y <= 0) json.writeNull();
            else json.writeNumber((float) y);
            json.writeEndArray();
        }
        json.writeEndArray();
        json.writeEndObject();
    }
}
