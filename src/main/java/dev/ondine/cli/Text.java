package dev.ondine.cli;

import java.math.BigDecimal;
import java.math.RoundingMode;

/** Numbers as people read them. Without {@code String.format}, whose classes take their time at the start. */
final class Text {
    private Text() {}

    /** {@code 0.0312}, with so many digits behind the point. */
    static String fixed(double value, int digits) {
        if (!Double.isFinite(value)) return Double.toString(value);
        return BigDecimal.valueOf(value)
                .setScale(digits, RoundingMode.HALF_EVEN)
                .toPlainString();
    }

    /** {@code 0.0005}, with the digits that it takes. */
    static String plain(double value) {
        return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
    }

    /** {@code 97.55 %} for 0.9755. */
    static String percent(double share) {
        return fixed(100 * share, 2) + " %";
    }

    /** {@code 272,474}. */
    static String grouped(long value) {
        StringBuilder text = new StringBuilder(Long.toString(value));
        int first = value < 0 ? 1 : 0;
        for (int i = text.length() - 3; i > first; i -= 3) text.insert(i, ',');
        return text.toString();
    }

    /** {@code 0:07} or {@code 1:02:07}. */
    static String duration(double seconds) {
        long s = Math.round(seconds);
        String minutesAndSeconds = (s / 60 % 60) + ":" + twoDigits(s % 60);
        return s < 3600 ? minutesAndSeconds : s / 3600 + ":" + twoDigits(s / 60 % 60) + ":" + twoDigits(s % 60);
    }

    static String twoDigits(long value) {
        return value < 10 ? "0" + value : Long.toString(value);
    }

    /** The text, with blanks behind it up to a width. */
    static String left(String text, int width) {
        return text + " ".repeat(Math.max(0, width - text.length()));
    }

    /** The text, with blanks before it up to a width. */
    static String right(String text, int width) {
        return " ".repeat(Math.max(0, width - text.length())) + text;
    }

    /** The text in lines of at most so many letters, broken between words. */
    static String wrapped(String text, int width) {
        StringBuilder lines = new StringBuilder();
        int length = 0;
        for (String word : text.split(" ")) {
            if (length > 0 && length + 1 + word.length() > width) {
                lines.append('\n');
                length = 0;
            }
            if (length > 0) lines.append(' ');
            lines.append(word);
            length += word.length() + (length > 0 ? 1 : 0);
        }
        return lines.toString();
    }
}
