package dev.ondine.report;

import java.util.ArrayList;
import java.util.List;

/**
 * Curves over a common axis.
 *
 * @param title above it
 * @param x what the horizontal axis shows
 * @param y what the vertical axis shows
 * @param logX whether the horizontal axis is logarithmic
 * @param logY whether the vertical axis is logarithmic; what is not above 0 is then left out
 */
public record Chart(String title, String x, String y, boolean logX, boolean logY, List<Series> series) {
    /** How a series is drawn. */
    public enum Style {
        LINE,
        DASHED,
        DOTTED,
        /** Points without a line. */
        POINTS,
        /** Circles without a line, around what is drawn before. */
        RINGS,
        /** A line with the area between it and the series before it filled. */
        BAND
    }

    /**
     * One curve.
     *
     * @param color which of the page's colours; series of one color belong together
     * @param xs where it has values
     * @param ys the values; NaN leaves a gap
     */
    public record Series(String name, int color, Style style, double[] xs, double[] ys) {
        public Series {
            if (xs.length != ys.length) {
                throw new IllegalArgumentException(
                        "the series '" + name + "' has " + xs.length + " places and " + ys.length + " values");
            }
            xs = xs.clone();
            ys = ys.clone();
        }
    }

    public Chart {
        series = List.copyOf(series);
    }

    /** A chart without curves yet, both axes linear. */
    public static Chart of(String title, String x, String y) {
        return new Chart(title, x, y, false, false, List.of());
    }

    public Chart logarithmicX() {
        return new Chart(title, x, y, true, logY, series);
    }

    public Chart logarithmicY() {
        return new Chart(title, x, y, logX, true, series);
    }

    /** This chart with another curve. */
    public Chart with(Series added) {
        List<Series> more = new ArrayList<>(series);
        more.add(added);
        return new Chart(title, x, y, logX, logY, more);
    }

    /** This chart with another line. */
    public Chart line(String name, int color, double[] xs, double[] ys) {
        return with(new Series(name, color, Style.LINE, xs, ys));
    }
}
