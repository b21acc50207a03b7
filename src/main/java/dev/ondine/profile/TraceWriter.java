package dev.ondine.profile;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.ondine.backend.PlanReport;
import java.io.IOException;
import java.io.Writer;
import java.util.OptionalDouble;

/**
 * A profile as a trace that Perfetto (ui.perfetto.dev) and Chrome (chrome://tracing) show: complete events of the Trace Event Format,
 * layers around their steps.
 */
public final class TraceWriter {
    private static final double MICROS = 1e6;

    private TraceWriter() {}

    /** Writes one JSON object; does not close the writer. */
    public static void write(Profile profile, String title, Writer out) throws IOException {
        try (JsonGenerator json =
                new JsonFactory().createGenerator(out).disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)) {
            json.writeStartObject();
            json.writeStringField("displayTimeUnit", "ms");
            json.writeArrayFieldStart("traceEvents");
            name(json, "process_name", title);
            name(
                    json,
                    "thread_name",
                    profile.plan().backend() + ", " + profile.plan().threads() + " threads");
            for (Frames.Frame frame : Frames.of(profile)) {
                json.writeRaw('\n');
                json.writeStartObject();
                json.writeStringField("name", frame.name());
                json.writeStringField("cat", frame.category());
                json.writeStringField("ph", "X");
                json.writeNumberField("ts", MICROS * frame.begin());
                json.writeNumberField("dur", MICROS * frame.seconds());
                json.writeNumberField("pid", 1);
                json.writeNumberField("tid", 1);
                if (frame.step().isPresent()) {
                    json.writeObjectFieldStart("args");
                    arguments(json, profile, frame.step().get());
                    json.writeEndObject();
                }
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
    }

    private static void name(JsonGenerator json, String what, String name) throws IOException {
        json.writeStartObject();
        json.writeStringField("name", what);
        json.writeStringField("ph", "M");
        json.writeNumberField("pid", 1);
        json.writeNumberField("tid", 1);
        json.writeObjectFieldStart("args");
        json.writeStringField("name", name);
        json.writeEndObject();
        json.writeEndObject();
    }

    private static void arguments(JsonGenerator json, Profile profile, PlanReport.Step step) throws IOException {
        json.writeNumberField("step", step.index());
        json.writeStringField("layer", step.path());
        json.writeStringField("implementation", step.implementation());
        json.writeStringField("layouts", step.layouts());
        json.writeNumberField("flops", step.flops());
        json.writeNumberField("bytes", step.bytes());
        OptionalDouble roofline = profile.roofline(step);
        if (roofline.isPresent()) json.writeNumberField("roofline", roofline.getAsDouble());
    }
}
