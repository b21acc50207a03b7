package dev.ondine.data;

import dev.ondine.tensor.Shape;

/**
 * An image while it is augmented: (channels, height, width), row-major, in an array with a second one beside it to write another
 * version into. One thread's, used for one image after the other.
 */
public final class Image {
    private final int channels;
    private final int height;
    private final int width;
    private final float[] neutral;
    private float[] pixels;
    private float[] spare;

    /** @param neutral what a network sees as 0, a channel each */
    Image(Shape shape, float[] neutral) {
        this.channels = (int) shape.dim(0);
        this.height = (int) shape.dim(1);
        this.width = (int) shape.dim(2);
        this.neutral = neutral;
        this.pixels = new float[channels * height * width];
        this.spare = new float[pixels.length];
    }

    /** 1 for grey, 3 for red, green and blue. */
    public int channels() {
        return channels;
    }

    /** Rows of pixels. */
    public int height() {
        return height;
    }

    /** Pixels of a row. */
    public int width() {
        return width;
    }

    /** How many values it has. */
    public int elements() {
        return pixels.length;
    }

    /** The values as they are now, to read and to change; another array after {@link #swap}. */
    public float[] pixels() {
        return pixels;
    }

    /** Room for another version, with anything in it. */
    public float[] spare() {
        return spare;
    }

    /** Makes what was written into {@link #spare} the image. */
    public void swap() {
        float[] p = pixels;
        pixels = spare;
        spare = p;
    }

    /** The value of a channel that is 0 when it is normalized: what says least. */
    public float neutral(int channel) {
        return neutral[channel];
    }
}
