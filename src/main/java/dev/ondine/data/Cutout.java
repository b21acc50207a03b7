package dev.ondine.data;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Covers a square with what the network sees as 0 (DeVries and Taylor 2017). Its centre is any pixel, so that a part of it may lie
 * outside of the image.
 *
 * @param size pixels of a side; 16 is usual for CIFAR-10
 */
public record Cutout(int size) implements ImageTransform {
    /** @throws IllegalArgumentException if the size is below 1 */
    public Cutout {
        if (size < 1) throw new IllegalArgumentException("a cutout is at least 1 pixel large, not " + size);
    }

    @Override
    public void apply(Image image, RandomGenerator random) {
        int height = image.height();
        int width = image.width();
        int y = random.nextInt(height) - size / 2;
        int x = random.nextInt(width) - size / 2;
        int top = Math.max(0, y);
        int bottom = (int) Math.min(height, (long) y + size);
        int left = Math.max(0, x);
        int right = (int) Math.min(width, (long) x + size);
        for (int c = 0; c < image.channels(); c++) {
            for (int row = c * height + top; row < c * height + bottom; row++) {
                Arrays.fill(image.pixels(), row * width + left, row * width + right, image.neutral(c));
            }
        }
    }

    @Override
    public String toString() {
        return "a square of " + size + " pixels covered";
    }
}
