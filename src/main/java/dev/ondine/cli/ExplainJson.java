package dev.ondine.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.ondine.backend.PlanReport;
import java.io.IOException;
import java.io.StringWriter;
import java.util.List;
import java.util.Locale;

/** What {@code ondine explain} found, for programs. */
final class ExplainJson {
    private ExplainJson() {}

    static String of(ExplainCommand.Explained explained) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            json.writeStartObject();
            json.writeStringField("network", explained.title());
            json.writeStringField("backend", explained.backend());
            json.writeArrayFieldStart("graphs");
            for (ExplainCommand.Stage stage : explained.stages()) {
                json.writeStartObject();
                json.writeStringField("pass", stage.pass());
                json.writeNumberField("operations", stage.graph().nodes().size());
                json.writeStringField("text", stage.graph().print());
                json.writeEndObject();
            }
            json.writeEndArray();
            if (explained.report().isPresent()) {
                PlanReport report = explained.report().get();
                memory(json, report, explained.state());
                steps(json, "prologue", report.prologue());
                steps(json, "steps", report.steps());
                buffers(json, report);
                slow(json, report);
            } else {
                json.writeNullField("steps");
            }
            json.writeEndObject();
        }
        return text.toString();
    }

    private static void memory(JsonGenerator json, PlanReport report, long state) throws IOException {
        json.writeObjectFieldStart("memory");
        json.writeNumberField("parameter_bytes", report.parameterBytes());
        json.writeNumberField("gradient_bytes", report.gradientBytes());
        json.writeNumberField("optimizer_bytes", state);
        json.writeNumberField("arena_bytes", report.arenaBytes());
        json.writeNumberField("unshared_bytes", report.unsharedBytes());
        json.writeNumberField("fullest_step", report.fullestStep());
        json.writeNumberField("live_bytes_at_fullest_step", report.liveBytes(report.fullestStep()));
        json.writeNumberField("total_bytes", report.totalBytes() + state);
        json.writeEndObject();
    }

    private static void steps(JsonGenerator json, String name, List<PlanReport.Step> steps) throws IOException {
        json.writeArrayFieldStart(name);
        for (PlanReport.Step step : steps) {
            json.writeStartObject();
            step(json, step);
            operands(json, "reads", step.reads());
            operands(json, "writes", step.writes());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    /** The fields of a step that do not depend on its buffers. */
    static void step(JsonGenerator json, PlanReport.Step step) throws IOException {
        json.writeNumberField("step", step.index());
        json.writeStringField("layer", step.path());
        json.writeStringField("kind", step.kind().toString());
        json.writeStringField("operation", step.operation());
        json.writeStringField("implementation", step.implementation());
        json.writeStringField("layouts", step.layouts());
        json.writeNumberField("flops", step.flops());
        json.writeNumberField("bytes", step.bytes());
    }

    private static void operands(JsonGenerator json, String name, List<PlanReport.Operand> operands)
            throws IOException {
        json.writeArrayFieldStart(name);
        for (PlanReport.Operand o : operands) {
            json.writeStartObject();
            json.writeStringField("role", o.role());
            json.writeNumberField("buffer", o.buffer());
            json.writeStringField("type", o.type());
            json.writeStringField("layout", o.layout());
            json.writeNumberField("bytes", o.bytes());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void buffers(JsonGenerator json, PlanReport report) throws IOException {
        json.writeArrayFieldStart("buffers");
        for (PlanReport.Buffer b : report.buffers()) {
            json.writeStartObject();
            json.writeNumberField("buffer", b.id());
            json.writeStringField("name", b.name());
            json.writeStringField("place", b.place().name().toLowerCase(Locale.ROOT));
            json.writeNumberField("bytes", b.bytes());
            json.writeNumberField("offset", b.offset());
            json.writeNumberField("first_step", b.first());
            json.writeNumberField("last_step", b.last());
            json.writeBooleanField("pinned", b.pinned());
            if (b.overwrites().isPresent())
                json.writeNumberField("overwrites", b.overwrites().getAsInt());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void slow(JsonGenerator json, PlanReport report) throws IOException {
        json.writeArrayFieldStart("slow");
        for (PlanReport.Slow s : report.slow()) {
            json.writeStartObject();
            json.writeNumberField("step", s.step());
            json.writeStringField("layer", s.path());
            json.writeArrayFieldStart("attempts");
            for (PlanReport.Attempt attempt : s.attempts()) {
                json.writeStartObject();
                json.writeStringField("request", attempt.request());
                json.writeStringField("answer", attempt.answer());
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeStringField("cure", s.cure());
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
