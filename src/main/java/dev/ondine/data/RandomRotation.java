package dev.ondine.data;

import java.util.random.RandomGenerator;

/**
 * Turns an image around its centre by an angle that is uniform in [−degrees, degrees], with bilinear interpolation; what comes from
 * outside of it is black.
 *
 * @param degrees from 0 to 180
 */
public record RandomRotation(float degrees) implements ImageTransform {
    /** @throws IllegalArgumentException if the angle is not from 0 to 180 */
    public RandomRotation {
        if (!(degrees >= 0 && degrees <= 180)) {
            throw new IllegalArgumentException("a rotation goes from 0 to 180 degrees, not " + degrees);
        }
    }

    @Override
    public void apply(Image image, RandomGenerator random) {
        double angle = Math.toRadians(degrees) * (2 * random.nextDouble() - 1);
        rotate(image, (float) Math.cos(angle), (float) Math.sin(angle));
    }

    /** Turns counter-clockwise as one sees it, rows going down. */
    static void rotate(Image image, float cos, float sin) {
        float[] from = image.pixels();
        float[] to = image.spare();
        int height = image.height();
        int width = image.width();
        int plane = height * width;
        float middleX = (width - 1) / 2f;
        float middleY = (height - 1) / 2f;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                // Where this pixel comes from: turned back.
                float u = cos * (x - middleX) - sin * (y - middleY) + middleX;
                float v = sin * (x - middleX) + cos * (y - middleY) + middleY;
                int left = (int) Math.floor(u);
                int top = (int) Math.floor(v);
                float right = u - left;
                float down = v - top;
                boolean inside = left >= 0 && top >= 0 && left < width - 1 && top < height - 1;
                for (int at = 0; at < to.length; at += plane) {
                    to[at + y * width + x] = inside
                            ? blend(from, at + top * width + left, width, right, down)
                            : atTheEdge(from, at, height, width, left, top, right, down);
                }
            }
        }
        image.swap();
    }

    private static float blend(float[] from, int at, int width, float right, float down) {
        float upper = from[at] + right * (from[at + 1] - from[at]);
        float lower = from[at + width] + right * (from[at + width + 1] - from[at + width]);
        return upper + down * (lower - upper);
    }

    private static float atTheEdge(
            float[] from, int plane, int height, int width, int left, int top, float right, float down) {
        float sum = 0;
        for (int j = 0; j < 2; j++) {
            for (int i = 0; i < 2; i++) {
                int x = left + i;
                int y = top + j;
                if (x < 0 || y < 0 || x >= width || y >= height) continue;
                sum += (i == 0 ? 1 - right : right) * (j == 0 ? 1 - down : down) * from[plane + y * width + x];
            }
        }
        return sum;
    }

    @Override
    public String toString() {
        return "turned by up to " + degrees + " degrees";
    }
}
