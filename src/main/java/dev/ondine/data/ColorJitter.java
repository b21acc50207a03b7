package dev.ondine.data;

import java.util.random.RandomGenerator;

/**
 * Changes brightness, contrast and saturation, in this order, each by a factor that is uniform in [1 − x, 1 + x] (at least 0), and cuts
 * values off at 0 and 1 after each (torchvision's {@code ColorJitter} without hue). Brightness is a factor of the values, contrast one of
 * their distances from the grey image's mean, saturation of their distances from the grey image; grey images have no saturation.
 */
public record ColorJitter(float brightness, float contrast, float saturation) implements ImageTransform {
    /** How much red, green and blue count for grey (ITU-R BT.601). */
    private static final float RED = 0.2989f;

    private static final float GREEN = 0.587f;
    private static final float BLUE = 0.114f;

    /** @throws IllegalArgumentException if one is below 0 or not finite */
    public ColorJitter {
        for (float x : new float[] {brightness, contrast, saturation}) {
            if (!(x >= 0 && x < Float.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("colours are changed by 0 or more, not by " + x);
            }
        }
    }

    /** All three by as much. */
    public ColorJitter(float all) {
        this(all, all, all);
    }

    @Override
    public void apply(Image image, RandomGenerator random) {
        // Drawn whether they are used or not, so that a setting does not change what the others draw.
        float b = factor(brightness, random);
        float c = factor(contrast, random);
        float s = factor(saturation, random);
        float[] x = image.pixels();
        if (b != 1) for (int i = 0; i < x.length; i++) x[i] = cut(b * x[i]);
        if (c != 1) {
            float mean = meanGrey(image);
            for (int i = 0; i < x.length; i++) x[i] = cut(mean + c * (x[i] - mean));
        }
        if (s != 1 && image.channels() == 3) saturate(image, s);
    }

    private static float factor(float x, RandomGenerator random) {
        float factor = 1 + x * (2 * random.nextFloat() - 1);
        return Math.max(0, factor);
    }

    private static float cut(float x) {
        return Math.max(0, Math.min(1, x));
    }

    private static float meanGrey(Image image) {
        float[] x = image.pixels();
        int plane = image.height() * image.width();
        double sum = 0;
        if (image.channels() == 3) {
            for (int i = 0; i < plane; i++) sum += grey(x, i, plane);
            return (float) (sum / plane);
        }
        for (float v : x) sum += v;
        return (float) (sum / x.length);
    }

    private static float grey(float[] x, int i, int plane) {
        return RED * x[i] + GREEN * x[i + plane] + BLUE * x[i + 2 * plane];
    }

    private static void saturate(Image image, float s) {
        float[] x = image.pixels();
        int plane = image.height() * image.width();
        for (int i = 0; i < plane; i++) {
            float grey = grey(x, i, plane);
            for (int at = i; at < x.length; at += plane) x[at] = cut(grey + s * (x[at] - grey));
        }
    }

    @Override
    public String toString() {
        return "brightness, contrast and saturation by up to " + brightness
                + (brightness == contrast && contrast == saturation ? "" : ", " + contrast + " and " + saturation);
    }
}
