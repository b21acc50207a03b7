package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.util.List;

/**
 * Images in memory, one byte a value, one array an image (so that their sum may pass 2 GB). Byte v reads as v / 255.
 * What the readers of this package return.
 */
public final class ByteImages implements Dataset {
    private static final float[] UNIT = new float[256];

    static {
        for (int v = 0; v < 256; v++) UNIT[v] = v / 255f;
    }

    private final String name;
    private final Shape shape;
    private final int elements;
    private final byte[][] images;
    private final int[] labels;
    private final List<String> classes;

    /**
     * Wraps the arrays without copying them; they must not change afterwards.
     *
     * @param name what messages call it
     * @param shape {@code (channels, height, width)} of each image
     * @param images one array of {@code shape.elements()} unsigned bytes an image, channels first
     * @param labels one an image, each an index into {@code classes}
     * @param classes the names of the classes
     * @throws IllegalArgumentException if there are no images, lengths do not agree with the shape or each other, or a
     *     label is out of range
     */
    public ByteImages(String name, Shape shape, byte[][] images, int[] labels, List<String> classes) {
        this.name = name;
        this.shape = shape;
        this.elements = Checks.sampleElements(name, shape);
        this.images = images;
        this.labels = labels;
        this.classes = List.copyOf(classes);
        Checks.labels(name, images.length, labels, this.classes);
        for (int i = 0; i < images.length; i++) {
            if (images[i].length != elements) {
                throw new IllegalArgumentException("data set '" + name + "': image " + i + " has " + images[i].length
                        + " values; the shape " + shape + " has " + elements);
            }
        }
    }

    @Override
    public int size() {
        return images.length;
    }

    @Override
    public Shape sampleShape() {
        return shape;
    }

    @Override
    public List<String> classes() {
        return classes;
    }

    @Override
    public int label(int index) {
        return labels[Checks.index(this, index, images.length)];
    }

    @Override
    public void read(int index, float[] into, int offset) {
        byte[] image = images[Checks.index(this, index, images.length)];
        Checks.room(this, elements, into, offset);
        unit(image, into, offset);
    }

    /** Writes what bytes read as. */
    static void unit(byte[] image, float[] into, int offset) {
        for (int i = 0; i < image.length; i++) into[offset + i] = UNIT[image[i] & 0xff];
    }

    @Override
    public String name() {
        return name;
    }

    /** What each byte of each channel becomes: a table of 256 entries a channel. */
    float[][] lookup(Normalization normalization) {
        float[][] tables = new float[normalization.channels()][];
        for (int c = 0; c < tables.length; c++) {
            tables[c] = UNIT.clone();
            normalization.apply(tables[c], 0, 256, c);
        }
        return tables;
    }

    /**
     * One image through the tables of {@link #lookup}. No index check, as {@link BatchLoader} made the order itself.
     */
    void read(int index, float[][] tables, float[] into) {
        byte[] image = images[index];
        int plane = elements / tables.length;
        for (int c = 0; c < tables.length; c++) {
            float[] table = tables[c];
            for (int i = c * plane; i < (c + 1) * plane; i++) into[i] = table[image[i] & 0xff];
        }
    }

    /** These images only, in this order; the bytes are shared. */
    ByteImages select(int[] indices) {
        byte[][] chosen = new byte[indices.length][];
        int[] theirs = new int[indices.length];
        for (int i = 0; i < indices.length; i++) {
            chosen[i] = images[indices[i]];
            theirs[i] = labels[indices[i]];
        }
        return new ByteImages(name, shape, chosen, theirs, classes);
    }
}
