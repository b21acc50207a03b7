package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.util.List;

/**
 * Labelled samples with random access. Implement it to train on data of your own (or wrap arrays in an {@link ArrayDataset}): all
 * samples have one shape, and the index alone decides what a sample is. Implementations must be safe for concurrent reads: {@link
 * BatchAhead} reads, and so decodes, on threads of its own.
 *
 * <pre>{@code
 * record Stripes(int size) implements Dataset {
 *     public Shape sampleShape() { return Shape.of(1, 8, 8); }
 *     public List<String> classes() { return List.of("horizontal", "vertical"); }
 *     public int label(int index) { return index % 2; }
 *     public void read(int index, float[] into, int offset) {
 *         for (int i = 0; i < 64; i++) into[offset + i] = (label(index) == 0 ? i / 8 : i % 8) % 2;
 *     }
 * }
 * }</pre>
 */
public interface Dataset {
    /** The number of samples, at least 1. */
    int size();

    /** The shape of one sample, {@code (channels, height, width)}: no batch axis. */
    Shape sampleShape();

    /** The names of the classes; the index of a name is its label. */
    List<String> classes();

    /**
     * The label of a sample, from 0 to {@code classes().size() - 1}.
     *
     * @throws IndexOutOfBoundsException if there is no such sample
     */
    int label(int index);

    /**
     * Writes the {@code sampleShape().elements()} values of a sample, in [0, 1], channels first, from an offset on.
     *
     * @throws IndexOutOfBoundsException if there is no such sample, or the array has no room for it
     */
    void read(int index, float[] into, int offset);

    /** What messages call this data set. */
    default String name() {
        return getClass().getSimpleName();
    }
}
