package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Samples from Java arrays: for data that the program has already, and for tests. */
public final class ArrayDataset implements Dataset {
    private final String name;
    private final Shape shape;
    private final int elements;
    private final float[][] samples;
    private final int[] labels;
    private final List<String> classes;

    /**
     * Wraps the arrays without copying them; they must not change afterwards.
     *
     * @param name what messages call it
     * @param shape {@code (channels, height, width)} of each sample
     * @param samples one array of {@code shape.elements()} values in [0, 1] a sample, channels first
     * @param labels one a sample, each an index into {@code classes}
     * @param classes the names of the classes
     * @throws IllegalArgumentException if there are no samples, lengths do not agree with the shape or each other, or a
     *     label is out of range
     */
    public ArrayDataset(String name, Shape shape, float[][] samples, int[] labels, List<String> classes) {
        this.name = name;
        this.shape = shape;
        this.elements = Checks.sampleElements(name, shape);
        this.samples = samples;
        this.labels = labels;
        this.classes = List.copyOf(classes);
        Checks.labels(name, samples.length, labels, this.classes);
        for (int i = 0; i < samples.length; i++) {
            if (samples[i].length != elements) {
                throw new IllegalArgumentException("data set '" + name + "': sample " + i + " has " + samples[i].length
                        + " values; the shape " + shape + " has " + elements);
            }
        }
    }

    /**
     * Samples that lie one after the other in one array, which is copied.
     *
     * @throws IllegalArgumentException as the other constructor, and if the array does not hold whole samples
     */
    public ArrayDataset(String name, Shape shape, float[] samples, int[] labels, List<String> classes) {
        this(name, shape, cut(name, samples, Checks.sampleElements(name, shape)), labels, classes);
    }

    /**
     * As the first constructor, with classes that are called by their labels, "0" and so on to the largest.
     *
     * @throws IllegalArgumentException as the constructor
     */
    public static ArrayDataset of(Shape shape, float[][] samples, int[] labels) {
        int classes = 1 + Arrays.stream(labels).max().orElse(0);
        List<String> names =
                IntStream.range(0, classes).mapToObj(Integer::toString).toList();
        return new ArrayDataset("arrays", shape, samples, labels, names);
    }

    private static float[][] cut(String name, float[] all, int elements) {
        if (all.length % elements != 0) {
            throw new IllegalArgumentException("data set '" + name + "': an array of " + all.length
                    + " values does not hold whole samples of " + elements);
        }
        float[][] samples = new float[all.length / elements][elements];
        for (int i = 0; i < samples.length; i++) System.arraycopy(all, i * elements, samples[i], 0, elements);
        return samples;
    }

    @Override
    public int size() {
        return samples.length;
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
        return labels[Checks.index(this, index, samples.length)];
    }

    @Override
    public void read(int index, float[] into, int offset) {
        Checks.index(this, index, samples.length);
        Checks.room(this, elements, into, offset);
        System.arraycopy(samples[index], 0, into, offset, elements);
    }

    @Override
    public String name() {
        return name;
    }
}
