package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class TextTest {
    @Test
    void numbers() {
        assertEquals("0.0312", Text.fixed(0.03123, 4));
        assertEquals("12", Text.fixed(12.4, 0));
        assertEquals("NaN", Text.fixed(Double.NaN, 2));
        assertEquals("97.55 %", Text.percent(0.9755));
        assertEquals("100.00 %", Text.percent(1));
        assertEquals("0.0005", Text.plain(5e-4));
        assertEquals("20", Text.plain(20));
        assertEquals("272,474", Text.grouped(272474));
        assertEquals("1,000,000", Text.grouped(1_000_000));
        assertEquals("-123", Text.grouped(-123));
        assertEquals("-1,234", Text.grouped(-1234));
        assertEquals("7", Text.grouped(7));
    }

    @Test
    void durations() {
        assertEquals("0:00", Text.duration(0.2));
        assertEquals("0:07", Text.duration(7.2));
        assertEquals("1:00", Text.duration(59.7));
        assertEquals("59:59", Text.duration(3599));
        assertEquals("1:02:07", Text.duration(3727));
    }

    @Test
    void columns() {
        assertEquals("ab  ", Text.left("ab", 4));
        assertEquals("  ab", Text.right("ab", 4));
        assertEquals("abcde", Text.right("abcde", 4));
    }
}
