package dev.ondine.data;

import java.util.random.RandomGenerator;

/** Exchanges left and right in every other image; not for digits or text. */
public record HorizontalFlip() implements ImageTransform {
    @Override
    public void apply(Image image, RandomGenerator random) {
        if (random.nextBoolean()) return;
        float[] pixels = image.pixels();
        int width = image.width();
        for (int row = 0; row < pixels.length; row += width) {
            for (int x = 0; x < width / 2; x++) {
                float left = pixels[row + x];
                pixels[row + x] = pixels[row + width - 1 - x];
                pixels[row + width - 1 - x] = left;
            }
        }
    }

    @Override
    public String toString() {
        return "mirrored";
    }
}
