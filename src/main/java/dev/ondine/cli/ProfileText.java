package dev.ondine.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.ondine.backend.PlanReport;
import dev.ondine.profile.Peak;
import dev.ondine.profile.Profile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalDouble;

/** Prints a profile: for people, or as JSON for programs. */
final class ProfileText {
    private final PrintWriter out;
    private final Profile profile;

    ProfileText(PrintWriter out, Profile profile) {
        this.out = out;
        this.profile = profile;
    }

    /** @param input how batches are prepared; empty if none are */
    void print(String title, String machine, String input) {
        out.println(Text.left("Network", 13) + title);
        out.println(Text.left("Machine", 13) + machine);
        if (profile.peak().isPresent()) {
            Peak peak = profile.peak().get();
            out.println(Text.left("Peak", 13) + Text.fixed(1e-9 * peak.float32().flops(), 1) + " GFLOP/s, "
                    + Text.fixed(1e-9 * peak.bandwidth(), 1) + " GB/s from memory, "
                    + Text.fixed(1e-9 * peak.levels().getFirst().best(), 1) + " GB/s in the caches");
        }
        if (!input.isEmpty()) out.println(Text.left("Input", 13) + input);
        out.println(Text.left("Time", 13) + millis(profile.whole()) + " ms undisturbed, the parts together "
                + millis(profile.total()) + " ms (medians of " + profile.runs() + " runs)");
        kinds();
        steps(
                "Steps, longest first",
                Comparator.comparingDouble(s -> -profile.seconds().get(s.index())));
        steps("Steps, in order", Comparator.comparingInt(PlanReport.Step::index));
        out.flush();
    }

    private void kinds() {
        out.println();
        out.println("== By kind");
        out.println(Text.left("kind", 32)
                + Text.right("steps", 6)
                + Text.right("ms", 11)
                + Text.right("share", 9)
                + Text.right("GFLOP/s", 10)
                + Text.right("roofline", 11));
        for (Profile.Sum sum : profile.byKind()) {
            OptionalDouble least = sum.leastSeconds();
            out.println(Text.left(sum.name(), 32)
                    + Text.right(Integer.toString(sum.steps()), 6)
                    + Text.right(millis(sum.seconds()), 11)
                    + Text.right(percent(sum.seconds() / profile.total()), 9)
                    + Text.right(sum.flops() > 0 ? Text.fixed(1e-9 * sum.flops() / sum.seconds(), 1) : "", 10)
                    + Text.right(least.isPresent() ? percent(least.getAsDouble() / sum.seconds()) : "", 11));
        }
    }

    private void steps(String title, Comparator<PlanReport.Step> order) {
        out.println();
        out.println("== " + title);
        out.println(
                line("#", "layer", "operation", "implementation", "layout", "ms", "share", "GFLOP/s", "GB/s", "roof"));
        List<PlanReport.Step> sorted =
                profile.plan().steps().stream().sorted(order).toList();
        for (PlanReport.Step step : sorted) {
            double seconds = profile.seconds().get(step.index());
            OptionalDouble roofline = profile.roofline(step);
            out.println(line(
                    Integer.toString(step.index()),
                    step.path(),
                    ExplainText.shortName(step.operation()),
                    step.implementation(),
                    step.layouts(),
                    millis(seconds),
                    percent(seconds / profile.total()),
                    step.flops() > 0 ? Text.fixed(1e-9 * step.flops() / seconds, 1) : "",
                    Text.fixed(1e-9 * step.bytes() / seconds, 1),
                    roofline.isPresent() ? Text.fixed(100 * roofline.getAsDouble(), 0) + " %" : ""));
        }
    }

    private static String line(
            String index,
            String layer,
            String operation,
            String implementation,
            String layout,
            String ms,
            String share,
            String gflops,
            String gbs,
            String roofline) {
        return Text.right(index, 4) + " " + ExplainText.column(layer, 18) + ExplainText.column(operation, 24)
                + ExplainText.column(implementation, 18) + ExplainText.column(layout, 15) + Text.right(ms, 8)
                + Text.right(share, 8) + Text.right(gflops, 8) + Text.right(gbs, 7) + Text.right(roofline, 7);
    }

    private static String millis(double seconds) {
        double ms = 1e3 * seconds;
        return Text.fixed(ms, ms < 10 ? 3 : 2);
    }

    private static String percent(double share) {
        return Text.fixed(100 * share, 1) + " %";
    }

    /** One object. */
    static String json(Profile profile, String title) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            json.writeStartObject();
            json.writeStringField("network", title);
            json.writeStringField("backend", profile.plan().backend());
            json.writeNumberField("threads", profile.plan().threads());
            json.writeNumberField("runs", profile.runs());
            json.writeNumberField("undisturbed_ms", 1e3 * profile.whole());
            json.writeNumberField("total_ms", 1e3 * profile.total());
            if (profile.peak().isPresent()) {
                Peak peak = profile.peak().get();
                json.writeNumberField("peak_f32_flops", peak.float32().flops());
                json.writeNumberField("peak_memory_bytes_per_s", peak.bandwidth());
            }
            json.writeArrayFieldStart("kinds");
            for (Profile.Sum sum : profile.byKind()) {
                json.writeStartObject();
                json.writeStringField("kind", sum.name());
                json.writeNumberField("steps", sum.steps());
                numbers(json, profile, sum.seconds(), sum.leastSeconds());
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeArrayFieldStart("steps");
            for (PlanReport.Step step : profile.plan().steps()) {
                json.writeStartObject();
                ExplainJson.step(json, step);
                numbers(json, profile, profile.seconds().get(step.index()), profile.leastSeconds(step));
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        return text.toString();
    }

    private static void numbers(JsonGenerator json, Profile profile, double seconds, OptionalDouble least)
            throws IOException {
        json.writeNumberField("ms", 1e3 * seconds);
        json.writeNumberField("share", seconds / profile.total());
        if (least.isPresent()) json.writeNumberField("roofline", least.getAsDouble() / seconds);
    }
}
