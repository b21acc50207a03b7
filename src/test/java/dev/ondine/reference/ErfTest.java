package dev.ondine.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ErfTest {
    /** A few units in the last place: the approximations are good to 6e-17, evaluating them rounds some ten times. */
    private static final double RELATIVE = 1e-15;

    /** Values of Python's math.erf and math.erfc (glibc), in each of the three ranges and at their borders. */
    @ParameterizedTest
    @CsvSource({
        "1e-300, 1.1283791670955126e-300, 1.0",
        "1e-08, 1.1283791670955126e-08, 0.9999999887162083",
        "0.1, 0.1124629160182849, 0.8875370839817152",
        "0.25, 0.2763263901682369, 0.7236736098317631",
        "0.46875, 0.49261347321793797, 0.507386526782062",
        "0.469, 0.4928398949625797, 0.5071601050374204",
        "0.5, 0.5204998778130465, 0.4795001221869535",
        "1, 0.8427007929497149, 0.15729920705028513",
        "1.5, 0.9661051464753108, 0.033894853524689274",
        "2, 0.9953222650189527, 0.004677734981047265",
        "3, 0.9999779095030014, 2.2090496998585438e-05",
        "3.9999, 0.9999999845700388, 1.5429961215558176e-08",
        "4, 0.9999999845827421, 1.541725790028002e-08",
        "4.0001, 0.9999999845954353, 1.5404564743590145e-08",
        "5, 0.9999999999984626, 1.5374597944280351e-12",
        "6.5, 1.0, 3.8421483271206475e-20",
        "10, 1.0, 2.088487583762545e-45",
        "20, 1.0, 5.3958656116079005e-176",
        "26, 1.0, 5.663192408856143e-296"
    })
    void matchesKnownValues(double x, double erf, double erfc) {
        assertEquals(erf, Erf.erf(x), Math.abs(erf) * RELATIVE);
        assertEquals(-erf, Erf.erf(-x), Math.abs(erf) * RELATIVE);
        assertEquals(erfc, Erf.erfc(x), erfc * RELATIVE);
        assertEquals(2 - erfc, Erf.erfc(-x), 2 * RELATIVE);
    }

    @Test
    void limits() {
        assertEquals(0.0, Erf.erf(0));
        assertEquals(1.0, Erf.erf(Double.POSITIVE_INFINITY));
        assertEquals(-1.0, Erf.erf(Double.NEGATIVE_INFINITY));
        assertEquals(0.0, Erf.erfc(Double.POSITIVE_INFINITY));
        assertEquals(2.0, Erf.erfc(Double.NEGATIVE_INFINITY));
        assertEquals(Double.NaN, Erf.erf(Double.NaN));
        assertEquals(Double.NaN, Erf.erfc(Double.NaN));
    }
}
