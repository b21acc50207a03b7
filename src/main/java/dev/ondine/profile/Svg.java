package dev.ondine.profile;

import dev.ondine.backend.PlanReport.Kind;
import java.util.Locale;
import java.util.Optional;

/** Pieces of SVG and HTML, and the colours of the kinds of steps. Written by hand: rectangles and words need no library. */
final class Svg {
    /** Of what is around a plan, and of memory that the caller uses. */
    static final String NEUTRAL = "#9aa0a6";

    private Svg() {}

    static String color(Optional<Kind> kind) {
        if (kind.isEmpty()) return NEUTRAL;
        return switch (kind.get()) {
            case CONVOLUTION_FORWARD -> "#1b4f8f";
            case CONVOLUTION_BACKWARD_DATA -> "#4a8fd6";
            case CONVOLUTION_BACKWARD_WEIGHTS -> "#93c1ee";
            case LINEAR -> "#1f7a6b";
            case BATCH_NORMALIZATION -> "#dd8327";
            case LAYER_NORMALIZATION -> "#e8ac6b";
            case POOLING -> "#8a63b3";
            case ELEMENTWISE -> "#5da646";
            case SOFTMAX_AND_LOSS -> "#c0495c";
            case STRUCTURE -> "#7d7466";
            case REORDER -> "#d1b62c";
            case JAVA -> "#74482c";
        };
    }

    /** Whether black words are easier to read on a colour than white ones: by its luminance (ITU-R BT.601). */
    static boolean isLight(String color) {
        int rgb = Integer.parseInt(color.substring(1), 16);
        return 0.299 * (rgb >> 16) + 0.587 * (rgb >> 8 & 255) + 0.114 * (rgb & 255) > 150;
    }

    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }

    static String number(double value) {
        String text = String.format(Locale.ROOT, "%.2f", value);
        return text.endsWith(".00") ? text.substring(0, text.length() - 3) : text;
    }

    /** A rectangle with a tooltip. */
    static String rectangle(double x, double y, double width, double height, String color, String tooltip) {
        return "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(width) + "\" height=\""
                + number(height) + "\" fill=\"" + color + "\"><title>" + escape(tooltip) + "</title></rect>\n";
    }

    static String text(double x, double y, String attributes, String text) {
        return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\"" + (attributes.isEmpty() ? "" : " " + attributes)
                + ">" + escape(text) + "</text>\n";
    }

    /** {@code 12.3 MB}, of 2²⁰ bytes. */
    static String megabytes(long bytes) {
        double mb = bytes / 1048576.0;
        return String.format(Locale.ROOT, mb < 10 ? "%.2f MB" : "%.1f MB", mb);
    }

    static String millis(double seconds) {
        double ms = 1e3 * seconds;
        return String.format(Locale.ROOT, ms < 1 ? "%.3f ms" : "%.2f ms", ms);
    }
}
