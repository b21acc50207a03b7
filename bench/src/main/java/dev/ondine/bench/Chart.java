package dev.ondine.bench;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Pairs as a picture (SVG): how many times as fast as the slowest kind of Java each side is, on a logarithmic axis. */
final class Chart {
    private static final int ROW = 17;
    private static final int LABEL = 330;
    private static final int PLOT = 520;
    private static final int RIGHT = 70;
    private static final int TOP = 78;

    /** Colours that the colour-blind tell apart as well (Okabe and Ito), and a shape for each side. */
    private static final Map<String, String> COLOURS = Map.of(
            Side.ONEDNN.label(),
            "#0072b2",
            Side.ONEDNN_BF16.label(),
            "#56b4e9",
            Side.VECTOR.label(),
            "#e69f00",
            Side.REFERENCE.label(),
            "#777777");

    private static final String OTHER_COLOUR = "#009e73";

    /** A row: a pair that was measured on a Java side, and with what the others are compared. */
    private record Row(Pair pair, String base) {}

    private Chart() {}

    /** The picture; nothing if no pair has both a Java side and another. */
    static Optional<String> render(Collection<Pair> pairs, LocalDate date) {
        List<Row> rows = new ArrayList<>();
        for (Pair pair : pairs) {
            if (pair.sides().size() < 2) continue;
            // The last Java side is the slowest one: the reference, or plain Java.
            pair.sides().keySet().stream()
                    .filter(Pair::isJava)
                    .reduce((_, last) -> last)
                    .ifPresent(base -> rows.add(new Row(pair, base)));
        }
        if (rows.isEmpty()) return Optional.empty();
        double least = 1;
        double most = 1;
        for (Row row : rows) {
            for (String side : row.pair.sides().keySet()) {
                double ratio = row.pair.ratio(side, row.base).orElseThrow();
                least = Math.min(least, ratio);
                most = Math.max(most, ratio);
            }
        }
        int from = (int) Math.floor(Math.log10(least));
        int to = Math.max(from + 1, (int) Math.ceil(Math.log10(most)));
        return Optional.of(draw(rows, date, from, to));
    }

    private static String draw(List<Row> rows, LocalDate date, int from, int to) {
        long headings = rows.stream().map(r -> r.pair.benchmark()).distinct().count();
        int height = (int) (TOP + ROW * (rows.size() + headings) + 20);
        int width = LABEL + PLOT + RIGHT;
        StringBuilder svg = new StringBuilder();
        svg.append("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                .formatted(width, height, width, height));
        svg.append("font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\">\n");
        svg.append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
        text(
                svg,
                8,
                20,
                "start",
                "font-size=\"15\" font-weight=\"bold\"",
                "Times as fast as Java's reference (one thread)");
        text(
                svg,
                8,
                37,
                "start",
                "fill=\"#555555\"",
                Machine.describe() + "; oneDNN " + Machine.oneDnn() + "; JDK " + Runtime.version() + "; " + date);
        legend(svg, rows);
        for (int decade = from; decade <= to; decade++) {
            double x = x(decade, from, to);
            svg.append(line(x, TOP - 6, x, height - 16, decade == 0 ? "#777777" : "#dddddd"));
            String label =
                    decade < 0 ? "1/" + Math.round(Math.pow(10, -decade)) : "" + Math.round(Math.pow(10, decade));
            text(svg, x, height - 4, "middle", "fill=\"#555555\"", label);
        }
        int y = TOP;
        String benchmark = "";
        for (Row row : rows) {
            if (!row.pair.benchmark().equals(benchmark)) {
                benchmark = row.pair.benchmark();
                text(svg, 8, y + 12, "start", "font-weight=\"bold\"", benchmark);
                y += ROW;
            }
            text(svg, LABEL - 10, y + 12, "end", "", row.pair.describe());
            svg.append(line(LABEL, y + 8, LABEL + PLOT, y + 8, "#eeeeee"));
            int middle = y + 8;
            row.pair.sides().forEach((side, result) -> {
                double ratio = row.pair.ratio(side, row.base).orElseThrow();
                double x = x(Math.log10(ratio), from, to);
                String tip = "%s: %.3g µs, %.3g times as fast".formatted(side, result.nanos() / 1e3, ratio);
                svg.append(mark(side, x, middle, tip));
            });
            y += ROW;
        }
        return svg.append("</svg>\n").toString();
    }

    private static void legend(StringBuilder svg, List<Row> rows) {
        int x = LABEL;
        for (String side : rows.stream()
                .flatMap(r -> r.pair.sides().keySet().stream())
                .distinct()
                .toList()) {
            svg.append(mark(side, x, 54, side));
            text(svg, x + 10, 58, "start", "", side);
            x += 32 + 7 * side.length();
        }
    }

    private static double x(double decade, int from, int to) {
        return LABEL + PLOT * (decade - from) / (to - from);
    }

    /** A circle for native sides, a square for tuned Java, a stroke for what is compared with. */
    private static String mark(String side, double x, double y, String tip) {
        String colour = COLOURS.getOrDefault(side, OTHER_COLOUR);
        String inside = " fill=\"" + colour + "\"><title>" + escape(tip) + "</title>";
        if (!Pair.isJava(side)) {
            return String.format(Locale.ROOT, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\"%s</circle>%n", x, y, inside);
        }
        double width = side.equals(Side.VECTOR.label()) ? 9 : 3;
        double height = side.equals(Side.VECTOR.label()) ? 9 : 11;
        return String.format(
                Locale.ROOT,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" height=\"%.0f\"%s</rect>%n",
                x - width / 2,
                y - height / 2,
                width,
                height,
                inside);
    }

    private static String line(double x1, double y1, double x2, double y2, String colour) {
        return String.format(
                Locale.ROOT,
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>%n",
                x1,
                y1,
                x2,
                y2,
                colour);
    }

    private static void text(StringBuilder svg, double x, double y, String anchor, String style, String content) {
        svg.append(String.format(
                Locale.ROOT,
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>%s</text>%n",
                x,
                y,
                anchor,
                style,
                escape(content)));
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
