package dev.ondine.profile;

import dev.ondine.backend.PlanReport;
import dev.ondine.backend.PlanReport.Kind;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/** A profile as a page of its own, without scripts: a bar by kind, a flame chart by layer in the order of the run, the table of steps. */
public final class ProfilePage {
    private static final double WIDTH = 1500;
    private static final double BAR = 46;
    private static final double ROW = 22;

    /** A word is written where this much room is for each of its letters. */
    private static final double LETTER = 6.6;

    private static final String STYLE = """
        body { font: 14px/1.45 system-ui, sans-serif; color: #202124; background: #fff; margin: 24px auto; max-width: 1540px; }
        h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 26px 0 8px; }
        p { margin: 0 0 6px; color: #5f6368; } svg { width: 100%; height: auto; display: block; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { padding: 2px 12px 2px 0; text-align: right; white-space: nowrap; }
        th { color: #5f6368; font-weight: 500; border-bottom: 1px solid #dadce0; }
        .l { text-align: left; } .k { display: inline-block; width: 11px; height: 11px; margin-right: 7px; }
        .slow { color: #b3261e; }
        """;

    private final Profile profile;
    private final StringBuilder html = new StringBuilder();

    private ProfilePage(Profile profile) {
        this.profile = profile;
    }

    /**
     * The page, complete in one file.
     *
     * @param title what was profiled: {@code resnet20, batch 128, training}
     * @param machine on what, in one line
     */
    public static String of(Profile profile, String title, String machine) {
        return new ProfilePage(profile).page(title, machine);
    }

    private String page(String title, String machine) {
        html.append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
                .append(Svg.escape(title))
                .append("</title><style>\n")
                .append(STYLE)
                .append("</style></head><body>\n<h1>")
                .append(Svg.escape(title))
                .append("</h1>\n");
        paragraph(machine);
        paragraph("Medians of " + profile.runs() + " runs: " + Svg.millis(profile.whole())
                + " undisturbed; the parts together " + Svg.millis(profile.total()) + ".");
        if (profile.peak().isEmpty()) paragraph("The machine's peak is not known: run ondine peak, and profile again.");
        html.append("<h2>By kind</h2>\n");
        kindBar();
        kindTable();
        html.append("<h2>By layer, in the order of the run</h2>\n");
        flames();
        html.append("<h2>Steps, longest first</h2>\n");
        stepTable();
        return html.append("</body></html>\n").toString();
    }

    private void paragraph(String text) {
        html.append("<p>").append(Svg.escape(text)).append("</p>\n");
    }

    private void openSvg(double height) {
        html.append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ")
                .append(Svg.number(WIDTH))
                .append(' ')
                .append(Svg.number(height))
                .append("\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n");
    }

    /** A box with its name, where that fits. */
    private void box(double x, double y, double width, double height, String color, String name, String tooltip) {
        html.append("<g stroke=\"#ffffff\" stroke-width=\"")
                .append(width > 3 ? "0.8" : "0.1")
                .append("\">")
                .append(Svg.rectangle(x, y, width, height, color, tooltip))
                .append("</g>");
        int letters = (int) ((width - 8) / LETTER);
        if (letters < 3) return;
        String text = name.length() <= letters ? name : name.substring(0, letters - 1) + "…";
        String fill = Svg.isLight(color) ? "#202124" : "#ffffff";
        html.append(Svg.text(x + 4, y + height / 2 + 4, "fill=\"" + fill + "\" pointer-events=\"none\"", text));
    }

    private void kindBar() {
        openSvg(BAR);
        double x = 0;
        for (Profile.Sum sum : profile.byKind()) {
            double width = WIDTH * sum.seconds() / profile.total();
            String share = percent(sum.seconds() / profile.total());
            box(x, 0, width, BAR, Svg.color(sum.kind()), sum.name() + " " + share, sum.name() + ": " + share);
            x += width;
        }
        html.append("</svg>\n");
    }

    private void kindTable() {
        html.append("<table><tr><th class=\"l\">kind</th><th>steps</th><th>time</th><th>share</th><th>GFLOP/s</th>"
                + "<th>of the roofline</th></tr>\n");
        for (Profile.Sum sum : profile.byKind()) {
            OptionalDouble least = sum.leastSeconds();
            html.append("<tr><td class=\"l\"><span class=\"k\" style=\"background:")
                    .append(Svg.color(sum.kind()))
                    .append("\"></span>")
                    .append(Svg.escape(sum.name()))
                    .append("</td>");
            cells(
                    Integer.toString(sum.steps()),
                    Svg.millis(sum.seconds()),
                    percent(sum.seconds() / profile.total()),
                    sum.flops() > 0 ? fixed(1e-9 * sum.flops() / sum.seconds()) : "",
                    least.isPresent() ? percent(least.getAsDouble() / sum.seconds()) : "");
            html.append("</tr>\n");
        }
        html.append("</table>\n");
    }

    private void flames() {
        List<Frames.Frame> frames = Frames.of(profile);
        int deepest = frames.stream().mapToInt(Frames.Frame::depth).max().orElse(0);
        openSvg((deepest + 1) * ROW);
        double perSecond = WIDTH / profile.total();
        for (Frames.Frame frame : frames) {
            Optional<Kind> kind = frame.step().map(PlanReport.Step::kind);
            String color =
                    frame.category().equals("layer") ? "#e8eaed" : frame.depth() == 0 ? "#d2d6db" : Svg.color(kind);
            box(
                    frame.begin() * perSecond,
                    frame.depth() * ROW,
                    frame.seconds() * perSecond,
                    ROW,
                    color,
                    frame.name(),
                    tooltip(frame));
        }
        html.append("</svg>\n");
    }

    private String tooltip(Frames.Frame frame) {
        String text =
                frame.name() + ", " + Svg.millis(frame.seconds()) + ", " + percent(frame.seconds() / profile.total());
        if (frame.step().isEmpty()) return text;
        PlanReport.Step step = frame.step().get();
        OptionalDouble roofline = profile.roofline(step);
        return step.path() + " " + text + "; " + step.implementation() + ", " + step.layouts()
                + (roofline.isPresent() ? ", " + percent(roofline.getAsDouble()) + " of the roofline" : "");
    }

    private void stepTable() {
        html.append("<table><tr><th>#</th><th class=\"l\">layer</th><th class=\"l\">operation</th>"
                + "<th class=\"l\">implementation</th><th class=\"l\">layout</th><th>time</th><th>share</th>"
                + "<th>GFLOP/s</th><th>GB/s</th><th>of the roofline</th></tr>\n");
        List<PlanReport.Step> longest = profile.plan().steps().stream()
                .sorted(Comparator.comparingDouble(s -> -profile.seconds().get(s.index())))
                .toList();
        for (PlanReport.Step step : longest) {
            double seconds = profile.seconds().get(step.index());
            OptionalDouble roofline = profile.roofline(step);
            boolean slow = profile.plan().slow().stream().anyMatch(s -> s.step() == step.index());
            html.append(slow ? "<tr class=\"slow\">" : "<tr>");
            cells(Integer.toString(step.index()));
            for (String text : List.of(step.path(), step.operation(), step.implementation(), step.layouts())) {
                html.append("<td class=\"l\">").append(Svg.escape(text)).append("</td>");
            }
            cells(
                    Svg.millis(seconds),
                    percent(seconds / profile.total()),
                    step.flops() > 0 ? fixed(1e-9 * step.flops() / seconds) : "",
                    fixed(1e-9 * step.bytes() / seconds),
                    roofline.isPresent() ? percent(roofline.getAsDouble()) : "");
            html.append("</tr>\n");
        }
        html.append("</table>\n");
    }

    private void cells(String... texts) {
        for (String text : texts) html.append("<td>").append(Svg.escape(text)).append("</td>");
    }

    private static String percent(double share) {
        return fixed(100 * share) + " %";
    }

    private static String fixed(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }
}
