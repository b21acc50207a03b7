package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.util.Arrays;

/**
 * What happens to the images of a training set, at random and anew in each epoch: they are shifted (which is cropping them out of a
 * frame of black) and mirrored. What happens to an image is a pure function of seed, epoch and the image's index.
 *
 * @param shift how many pixels at most, to each side and up and down; 4 is usual for 32x32 photographs
 * @param mirror whether left and right are exchanged in every other image; not for digits or text
 */
public record Augmentation(int shift, boolean mirror) {
    /** Images as they are. */
    public static final Augmentation NONE = new Augmentation(0, false);

    /**
     * Checks the shift.
     *
     * @throws IllegalArgumentException if it is negative
     */
    public Augmentation {
        if (shift < 0) throw new IllegalArgumentException("a shift is at least 0 pixels, not " + shift);
    }

    /** Whether nothing happens. */
    public boolean isNone() {
        return shift == 0 && !mirror;
    }

    /** @throws IllegalArgumentException if samples of this shape cannot be shifted or mirrored so */
    void requireFits(String name, Shape shape) {
        if (isNone()) return;
        if (shape.rank() != 3) {
            throw new IllegalArgumentException("data set '" + name + "' has samples of the shape " + shape
                    + "; only images (channels, height, width) can be shifted and mirrored");
        }
        if (shift >= Math.min(shape.dim(1), shape.dim(2))) {
            throw new IllegalArgumentException("a shift of " + shift + " pixels leaves nothing of images of the shape "
                    + shape + " of the data set '" + name + "'");
        }
    }

    /**
     * One image as this augmentation makes it.
     *
     * @param from (channels, height, width)
     * @param frame the value outside the image, a channel each
     * @param random bits that decide what happens
     */
    void apply(float[] from, float[] to, int height, int width, float[] frame, long random) {
        int side = 2 * shift + 1;
        int down = (int) ((random & 0xFFFF) * side >>> 16) - shift;
        int right = (int) ((random >>> 16 & 0xFFFF) * side >>> 16) - shift;
        boolean mirrored = mirror && random < 0;
        for (int c = 0; c < frame.length; c++) {
            for (int y = 0; y < height; y++) {
                int source = y + down;
                int row = (c * height + y) * width;
                if (source < 0 || source >= height) {
                    Arrays.fill(to, row, row + width, frame[c]);
                    continue;
                }
                int origin = (c * height + source) * width;
                for (int x = 0; x < width; x++) {
                    int column = (mirrored ? width - 1 - x : x) + right;
                    to[row + x] = column < 0 || column >= width ? frame[c] : from[origin + column];
                }
            }
        }
    }
}
