package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Crops an image out of itself with a frame of black around it, every place equally likely: it is shifted.
 *
 * @param padding pixels of the frame on each side, which is the largest shift; 4 is usual for 32x32 photographs
 */
public record RandomCrop(int padding) implements ImageTransform {
    /** @throws IllegalArgumentException if the padding is below 0 */
    public RandomCrop {
        if (padding < 0) throw new IllegalArgumentException("a shift is at least 0 pixels, not " + padding);
    }

    @Override
    public void requireFits(Shape shape) {
        if (padding >= Math.min(shape.dim(1), shape.dim(2))) {
            throw new IllegalArgumentException(
                    "a shift of " + padding + " pixels leaves nothing of images of the shape " + shape);
        }
    }

    @Override
    public void apply(Image image, RandomGenerator random) {
        int side = 2 * padding + 1;
        int down = random.nextInt(side) - padding;
        int right = random.nextInt(side) - padding;
        if (down == 0 && right == 0) return;
        float[] from = image.pixels();
        float[] to = image.spare();
        int height = image.height();
        int width = image.width();
        // What remains of a row: columns left to end of the new image, from left + right on of the old.
        int left = Math.max(0, -right);
        int end = Math.min(width, width - right);
        for (int c = 0; c < image.channels(); c++) {
            for (int y = 0; y < height; y++) {
                int row = (c * height + y) * width;
                int source = y + down;
                if (source < 0 || source >= height) {
                    Arrays.fill(to, row, row + width, 0);
                    continue;
                }
                Arrays.fill(to, row, row + left, 0);
                System.arraycopy(from, (c * height + source) * width + left + right, to, row + left, end - left);
                Arrays.fill(to, row + end, row + width, 0);
            }
        }
        image.swap();
    }

    @Override
    public String toString() {
        return "shifted by up to " + padding + " pixels";
    }
}
