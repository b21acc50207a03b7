package dev.ondine.report;

import java.util.List;

/**
 * A page that needs nothing but itself: charts, tables and pictures, one file of HTML. Without a network, and without fonts on the
 * machine that writes it: charts are drawn where the page is looked at.
 */
public final class Page {
    private static final String STYLE = """
        body { font: 14px/1.45 system-ui, sans-serif; color: #202124; background: #fff; margin: 24px auto; max-width: 1240px;
          padding: 0 16px; }
        h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 30px 0 8px; } h3 { font-size: 14px; margin: 18px 0 4px; }
        p { margin: 0 0 8px; max-width: 90em; } .q { color: #5f6368; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 4px 0 10px; }
        th, td { padding: 2px 14px 2px 0; text-align: right; vertical-align: top; }
        th { color: #5f6368; font-weight: 500; border-bottom: 1px solid #dadce0; }
        th:first-child, td:first-child, .l { text-align: left; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(430px, 1fr)); gap: 18px; }
        .chart { position: relative; height: 300px; min-width: 0; } .charts.small { grid-template-columns: repeat(5, 1fr); gap: 10px; }
        .small .chart { height: 190px; }
        .pictures { display: flex; flex-wrap: wrap; gap: 14px; } figure { margin: 0; }
        figure img { image-rendering: pixelated; display: block; } figcaption { font-size: 12px; color: #5f6368; }
        .bad { color: #b3261e; } .matrix td, .matrix th { padding: 3px 6px; text-align: center; min-width: 26px; border: none; }
        .scroll { overflow-x: auto; }
        """;

    private final String title;
    private final StringBuilder body = new StringBuilder();
    private int charts;

    public Page(String title) {
        this.title = title;
    }

    /** Text for HTML, in elements and in attributes. */
    public static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }

    public Page heading(String text) {
        return element("h2", text);
    }

    public Page subheading(String text) {
        return element("h3", text);
    }

    public Page paragraph(String text) {
        return element("p", text);
    }

    /** What is said in passing, in grey. */
    public Page remark(String text) {
        body.append("<p class=\"q\">").append(escape(text)).append("</p>\n");
        return this;
    }

    private Page element(String name, String text) {
        body.append('<')
                .append(name)
                .append('>')
                .append(escape(text))
                .append("</")
                .append(name)
                .append(">\n");
        return this;
    }

    /** A row of headings, then rows of cells; the first column is words, the others are numbers. */
    public Page table(List<String> headings, List<List<String>> rows) {
        body.append("<div class=\"scroll\"><table>\n<tr>");
        for (String heading : headings)
            body.append("<th>").append(escape(heading)).append("</th>");
        body.append("</tr>\n");
        for (List<String> row : rows) {
            body.append("<tr>");
            for (String cell : row) body.append("<td>").append(escape(cell)).append("</td>");
            body.append("</tr>\n");
        }
        body.append("</table></div>\n");
        return this;
    }

    /** Charts beside and below one another. */
    public Page charts(List<Chart> several) {
        return charts("charts", several);
    }

    /** Charts beside and below one another, five a row. */
    public Page smallCharts(List<Chart> several) {
        return charts("charts small", several);
    }

    private Page charts(String style, List<Chart> several) {
        body.append("<div class=\"").append(style).append("\">\n");
        for (Chart chart : several) {
            String id = "chart" + charts++;
            body.append("<div class=\"chart\"><canvas data-chart=\"")
                    .append(id)
                    .append("\" role=\"img\" aria-label=\"")
                    .append(escape(chart.title()))
                    .append("\"></canvas><script type=\"application/json\" id=\"")
                    .append(id)
                    .append("\">")
                    .append(ChartScript.json(chart))
                    .append("</script></div>\n");
        }
        body.append("</div>\n");
        return this;
    }

    /**
     * A picture with words under it.
     *
     * @param width on the page, in pixels
     */
    public record Captioned(Picture picture, String caption, int width) {}

    /** Pictures in rows. */
    public Page pictures(List<Captioned> several) {
        body.append("<div class=\"pictures\">\n");
        for (Captioned c : several) {
            body.append("<figure><img width=\"")
                    .append(c.width())
                    .append("\" alt=\"")
                    .append(escape(c.caption()))
                    .append("\" src=\"")
                    .append(c.picture().dataUri())
                    .append("\"><figcaption>")
                    .append(escape(c.caption()))
                    .append("</figcaption></figure>\n");
        }
        body.append("</div>\n");
        return this;
    }

    /** Counts of a pair of classes. */
    @FunctionalInterface
    public interface Counts {
        long of(int row, int column);
    }

    /** A square of counts: what lies on the diagonal in blue, the rest in red, the darker the larger its share of the row. */
    public Page matrix(List<String> names, Counts counts) {
        body.append("<div class=\"scroll\"><table class=\"matrix\">\n<tr><th></th>");
        for (String name : names) body.append("<th>").append(escape(name)).append("</th>");
        body.append("</tr>\n");
        for (int row = 0; row < names.size(); row++) {
            long all = 0;
            for (int column = 0; column < names.size(); column++) all += counts.of(row, column);
            body.append("<tr><th>").append(escape(names.get(row))).append("</th>");
            for (int column = 0; column < names.size(); column++) cell(counts.of(row, column), all, row == column);
            body.append("</tr>\n");
        }
        body.append("</table></div>\n");
        return this;
    }

    private void cell(long count, long all, boolean right) {
        if (count == 0) {
            body.append("<td></td>");
            return;
        }
        double share = (double) count / all;
        // Mistakes are rare: by the root of their share, so that they can be told apart.
        double depth = right ? share * 0.85 : 0.12 + 0.88 * Math.sqrt(share);
        body.append("<td style=\"background:rgba(")
                .append(right ? "27,79,143," : "192,40,50,")
                .append(Math.round(1000 * depth) / 1000.0)
                .append(depth > 0.55 ? ");color:#fff\">" : ")\">")
                .append(count)
                .append("</td>");
    }

    /** The page, complete in one file. */
    public String html() {
        StringBuilder html = new StringBuilder(
                        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
                .append(escape(title))
                .append("</title><style>\n")
                .append(STYLE)
                .append("</style></head><body>\n<h1>")
                .append(escape(title))
                .append("</h1>\n");
        if (charts > 0)
            html.append("<noscript><p class=\"bad\">The charts are drawn by a script, which is off.</p></noscript>\n");
        html.append(body);
        if (charts > 0) html.append("<script>\n").append(ChartScript.library()).append("</script>\n");
        return html.append("</body></html>\n").toString();
    }
}
