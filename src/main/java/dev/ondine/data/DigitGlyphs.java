package dev.ondine.data;

import java.util.ArrayList;
import java.util.List;

/**
 * How people write the ten digits: several ways each, as strokes through points in a box of 100 by 100, y downwards. A stroke is
 * a smooth curve through its points, except at those marked with {@code !}, where it has a corner; {@code ;} lifts the pen.
 */
final class DigitGlyphs {
    /** A stroke: the coordinates of its points, and where its corners are. */
    record Stroke(float[] x, float[] y, boolean[] corner) {}

    private static final String[][] WAYS = {
        {
            "50,8 28,22 20,50 28,80 50,92 72,80 80,50 72,22 49,8",
            "66,14 44,9 25,28 21,55 31,84 52,92 73,78 79,48 70,20 52,10 40,15",
            "58,8 40,22 32,50 36,80 48,92 63,78 69,48 66,20 56,9",
            "40,14 24,40 24,66 40,90 62,88 78,62 76,34 60,12 38,12",
        },
        {
            "51,8 50,50 50,92",
            "30,30 53,8! 53,50 52,92",
            "32,27 52,8! 52,91; 30,92 74,91",
            "58,8 52,50 44,92",
            "51,9 51,91; 32,92 70,91",
            "38,20 53,8! 52,50 50,92",
        },
        {
            "24,28 36,11 56,8 74,22 70,44 48,68 22,91! 52,90 80,90",
            "24,26 38,10 60,9 74,26 66,50 44,76 28,90 20,80 34,74 54,85 68,92 84,84",
            "24,20 45,9 70,16 72,36 50,62 24,90! 80,88",
            "22,32 32,12 56,8 72,24 62,50 24,90! 42,83 60,91 82,86",
            "26,18 50,8 70,20 66,44 42,72 20,88 24,78 40,80 60,92 82,90",
        },
        {
            "24,18 44,8 68,16 68,36 44,47! 70,54 76,74 58,91 34,90 20,78",
            "24,10 74,10! 46,42! 70,50 78,70 62,90 36,92 20,80",
            "26,18 48,8 70,20 62,40 44,48 40,44 52,46 74,60 72,82 48,92 24,84",
            "25,16 50,8 70,24 60,42 46,48! 66,52 78,68 66,88 42,93 22,84",
            "28,12 54,9 68,22 56,42 40,46! 62,50 72,66 62,86 30,93",
        },
        {
            "30,10 26,36 22,58! 80,58; 62,10 62,50 60,92",
            "64,92 64,8! 20,64! 84,62",
            "28,12 24,34 34,52 56,50 72,40; 74,10 70,50 64,92",
            "60,92 62,8! 24,56! 80,56",
            "34,8 18,52! 52,56 82,50; 66,34 58,92",
            "26,14 26,48 44,54 72,46; 76,8! 72,50 72,92",
        },
        {
            "74,10 34,10! 30,44! 50,38 72,50 76,70 60,90 36,92 20,82",
            "34,12 30,44! 54,38 74,52 74,76 54,92 24,86; 34,11 76,9",
            "74,12 44,10 32,24 38,44 62,50 74,68 62,90 36,92 22,82",
            "76,8 40,12! 34,42! 56,42 74,58 68,82 46,93 24,88",
            "38,14 34,42! 58,42 70,60 64,82 40,92 20,86; 38,14 58,16 82,10",
        },
        {
            "68,10 44,24 26,52 26,78 44,92 66,86 72,66 58,52 38,56 27,70",
            "56,8 36,36 24,66 34,90 58,92 72,74 60,56 40,58 28,72",
            "72,16 54,8 34,24 24,56 30,84 50,93 70,82 70,60 52,50 32,60 26,72",
            "50,8 34,40 28,72 40,91 60,88 66,70 54,60 38,68 32,80",
        },
        {
            "22,12 78,12! 58,46 44,92",
            "22,13 77,12! 56,50 46,92; 36,50 72,48",
            "22,26 24,12! 78,11! 54,52 46,92",
            "22,12 76,12! 40,92",
            "20,20 34,10 56,16 78,10! 60,44 48,92",
            "24,14 70,10 72,24 52,60 44,92",
        },
        {
            "66,18 48,8 30,20 36,40 62,56 74,74 58,92 36,90 26,74 40,54 64,40 70,22 58,9",
            "50,48 30,34 32,14 50,8 68,14 70,34 50,48! 26,64 28,84 50,92 72,84 74,64 50,48",
            "72,20 54,8 32,16 34,38 60,52 74,72 60,91 38,91 26,74 40,54 62,38 76,12",
            "68,14 44,9 32,26 50,46 70,66 62,90 38,91 32,70 50,48 66,28 60,10",
        },
        {
            "70,30 54,46 34,42 28,24 44,9 64,12 72,28! 70,60 66,92",
            "70,26 56,46 34,44 27,26 42,9 64,12 72,34 68,66 50,90 28,88",
            "68,14 46,8 28,24 36,46 58,46 70,20! 68,60 66,92",
            "66,18 44,10 28,30 42,46 64,34 70,14! 62,60 52,92",
            "70,24 52,44 34,40 32,20 50,8 68,16 70,40 60,70 44,92",
        },
    };

    private static final Stroke[][][] PARSED = parse();

    private DigitGlyphs() {}

    /** How many ways there are to write this digit. */
    static int ways(int digit) {
        return PARSED[digit].length;
    }

    static Stroke[] strokes(int digit, int way) {
        return PARSED[digit][way];
    }

    private static Stroke[][][] parse() {
        Stroke[][][] parsed = new Stroke[WAYS.length][][];
        for (int digit = 0; digit < WAYS.length; digit++) {
            parsed[digit] = new Stroke[WAYS[digit].length][];
            for (int way = 0; way < WAYS[digit].length; way++) {
                List<Stroke> strokes = new ArrayList<>();
                for (String stroke : WAYS[digit][way].split("; ")) strokes.add(stroke(stroke.split(" ")));
                parsed[digit][way] = strokes.toArray(Stroke[]::new);
            }
        }
        return parsed;
    }

    private static Stroke stroke(String[] points) {
        Stroke stroke = new Stroke(new float[points.length], new float[points.length], new boolean[points.length]);
        for (int i = 0; i < points.length; i++) {
            stroke.corner[i] = points[i].endsWith("!");
            String[] xy = points[i].replace("!", "").split(",");
            stroke.x[i] = Integer.parseInt(xy[0]);
            stroke.y[i] = Integer.parseInt(xy[1]);
        }
        return stroke;
    }
}
