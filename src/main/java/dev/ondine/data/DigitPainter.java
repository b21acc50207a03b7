package dev.ondine.data;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Writes one digit the way a hand would: picks a way of writing it, moves its points, bends and tilts the whole, and
 * draws the curves by their signed distance, which gives thickness, anti-aliasing and blur in one formula. One object a
 * digit.
 */
final class DigitPainter {
    static final int SIDE = 28;
    private static final int CURVE_STEPS = 6;
    private static final float MARGIN = 2;
    private static final float FAR = -1e9f;

    private final SplittableRandom random;
    private float[] x = new float[128];
    private float[] y = new float[128];
    /** Whether a line goes from this point to the next. */
    private boolean[] joined = new boolean[128];

    private int points;

    DigitPainter(SplittableRandom random) {
        this.random = random;
    }

    /** The picture of a digit: {@code SIDE * SIDE} bytes, ink on 0. */
    byte[] paint(int digit) {
        // Now and then somebody writes badly: the spread is itself random, with a long tail.
        float hand = 0.55f + 0.75f * random.nextFloat() * random.nextFloat() + 0.6f * Math.max(0, bell() - 1);
        DigitGlyphs.Stroke[] strokes = DigitGlyphs.strokes(digit, random.nextInt(DigitGlyphs.ways(digit)));
        float[] bend = new float[8];
        for (int i = 0; i < bend.length; i++) bend[i] = 0.11f * hand * bell();
        for (DigitGlyphs.Stroke stroke : strokes) trace(stroke, hand, bend);
        place(hand);
        return ink();
    }

    /** Appends a stroke with its points moved by the hand and bent by a smooth field, as points close to each other. */
    private void trace(DigitGlyphs.Stroke stroke, float hand, float[] bend) {
        int n = stroke.x().length;
        float[] px = new float[n];
        float[] py = new float[n];
        for (int i = 0; i < n; i++) {
            float u = (stroke.x()[i] - 50) / 50 + 0.06f * hand * bell();
            float v = (stroke.y()[i] - 50) / 50 + 0.06f * hand * bell();
            px[i] = u + bend[0] * v * v + bend[1] * u * v + bend[2] * u * u + bend[3] * v * v * v;
            py[i] = v + bend[4] * u * u + bend[5] * u * v + bend[6] * v * v + bend[7] * u * u * u;
        }
        for (int i = 0; i + 1 < n; i++) {
            // Catmull-Rom: the neighbours give the tangents; at an end or a corner the point stands in for its
            // neighbour.
            int before = i == 0 || stroke.corner()[i] ? i : i - 1;
            int after = i + 2 == n || stroke.corner()[i + 1] ? i + 1 : i + 2;
            for (int s = 0; s < CURVE_STEPS; s++) {
                float t = (float) s / CURVE_STEPS;
                add(
                        spline(px[before], px[i], px[i + 1], px[after], t),
                        spline(py[before], py[i], py[i + 1], py[after], t),
                        true);
            }
        }
        add(px[n - 1], py[n - 1], false);
    }

    private void add(float px, float py, boolean goesOn) {
        if (points == x.length) {
            x = Arrays.copyOf(x, 2 * points);
            y = Arrays.copyOf(y, 2 * points);
            joined = Arrays.copyOf(joined, 2 * points);
        }
        x[points] = px;
        y[points] = py;
        joined[points++] = goesOn;
    }

    private static float spline(float a, float b, float c, float d, float t) {
        float m0 = (c - a) / 2;
        float m1 = (d - b) / 2;
        float t2 = t * t;
        float t3 = t2 * t;
        return (2 * t3 - 3 * t2 + 1) * b + (t3 - 2 * t2 + t) * m0 + (3 * t2 - 2 * t3) * c + (t3 - t2) * m1;
    }

    /** Sizes, slants, turns and shifts the points into the picture. */
    private void place(float hand) {
        float height = (19.5f + 1.3f * bell()) / 2;
        float width = height * (0.92f + 0.13f * bell());
        float slant = 0.12f + 0.2f * hand * bell();
        double angle = 0.15 * hand * bell();
        // StrictMath: the same pictures on every machine.
        float cos = (float) StrictMath.cos(angle);
        float sin = (float) StrictMath.sin(angle);
        for (int i = 0; i < points; i++) {
            float u = width * x[i] - slant * height * y[i];
            float v = height * y[i];
            x[i] = cos * u - sin * v;
            y[i] = sin * u + cos * v;
        }
        fit(x, 1.1f * bell());
        fit(y, 1.1f * bell());
    }

    /** Centres the points, shrinks them if they would not fit, and shifts them as far as there is room. */
    private void fit(float[] p, float shift) {
        float min = Float.MAX_VALUE;
        float max = -Float.MAX_VALUE;
        for (int i = 0; i < points; i++) {
            min = Math.min(min, p[i]);
            max = Math.max(max, p[i]);
        }
        float room = SIDE - 2 * MARGIN - (max - min);
        float scale = room < 0 ? (SIDE - 2 * MARGIN) / (max - min) : 1;
        float free = Math.max(0, room / 2);
        float centre = SIDE / 2f + Math.clamp(shift, -free, free);
        for (int i = 0; i < points; i++) p[i] = (p[i] - (min + max) / 2) * scale + centre;
    }

    private byte[] ink() {
        float radius = Math.clamp(1.15f + 0.3f * bell(), 0.55f, 2.1f);
        float pressure = 0.25f * bell() * radius / points;
        float edge = 0.8f + 1.2f * random.nextFloat() * random.nextFloat();
        float[] depth = new float[SIDE * SIDE];
        Arrays.fill(depth, FAR);
        for (int i = 0; i + 1 < points; i++) {
            if (joined[i]) line(depth, i, radius + pressure * (i - points / 2f), edge);
        }
        float strength = 255 * (1 - 0.3f * random.nextFloat() * random.nextFloat());
        float noise = 255 * 0.1f * random.nextFloat() * random.nextFloat();
        byte[] picture = new byte[SIDE * SIDE];
        for (int i = 0; i < picture.length; i++) {
            float cover = Math.clamp(0.5f + depth[i] / edge, 0, 1);
            float value = strength * cover * cover * (3 - 2 * cover) + noise * bell();
            picture[i] = (byte) Math.clamp(Math.round(value), 0, 255);
        }
        return picture;
    }

    /**
     * Raises each pixel's depth below the outline of the line from point i to the next: its radius less the distance.
     */
    private void line(float[] depth, int i, float radius, float edge) {
        float reach = radius + edge;
        float dx = x[i + 1] - x[i];
        float dy = y[i + 1] - y[i];
        float inverse = 1 / Math.max(dx * dx + dy * dy, 1e-6f);
        int left = Math.max(0, (int) (Math.min(x[i], x[i + 1]) - reach));
        int right = Math.min(SIDE - 1, (int) (Math.max(x[i], x[i + 1]) + reach));
        int top = Math.max(0, (int) (Math.min(y[i], y[i + 1]) - reach));
        int bottom = Math.min(SIDE - 1, (int) (Math.max(y[i], y[i + 1]) + reach));
        for (int row = top; row <= bottom; row++) {
            for (int column = left; column <= right; column++) {
                float ax = column + 0.5f - x[i];
                float ay = row + 0.5f - y[i];
                float t = Math.clamp((ax * dx + ay * dy) * inverse, 0f, 1f);
                float ex = ax - t * dx;
                float ey = ay - t * dy;
                float d = radius - (float) Math.sqrt(ex * ex + ey * ey);
                int pixel = row * SIDE + column;
                if (d > depth[pixel]) depth[pixel] = d;
            }
        }
    }

    /** Close to a normal variable of deviation 1, but never beyond 3.5: the sum of four 16-bit numbers. */
    private float bell() {
        long bits = random.nextLong();
        long sum = (bits & 0xffff) + (bits >>> 16 & 0xffff) + (bits >>> 32 & 0xffff) + (bits >>> 48);
        return (sum - 131070) / 37837f;
    }
}
