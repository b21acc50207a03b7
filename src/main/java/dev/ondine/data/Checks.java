package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.util.List;

/** The checks that several data sets share, with one wording. */
final class Checks {
    private Checks() {}

    static int index(Dataset set, int index, int size) {
        if (index < 0 || index >= size) {
            throw new IndexOutOfBoundsException("sample " + index + " was asked of the data set '" + set.name()
                    + "', which has the samples 0 to " + (size - 1));
        }
        return index;
    }

    static void room(Dataset set, int elements, float[] into, int offset) {
        if (offset < 0 || offset > into.length - elements) {
            throw new IndexOutOfBoundsException("a sample of the data set '" + set.name() + "' takes " + elements
                    + " values, which do not fit at offset " + offset + " of an array of " + into.length);
        }
    }

    /** The elements of one sample, which must be of rank 3 and fit into a Java array. */
    static int sampleElements(String name, Shape shape) {
        if (shape.rank() != 3) {
            throw new IllegalArgumentException(
                    "data set '" + name + "': the sample shape " + shape + " must be (channels, height, width)");
        }
        if (shape.elements() > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException(
                    "data set '" + name + "': one sample of the shape " + shape + " does not fit into an array");
        }
        return (int) shape.elements();
    }

    static void labels(String name, int samples, int[] labels, List<String> classes) {
        if (samples == 0) throw new IllegalArgumentException("data set '" + name + "' has no samples");
        if (samples != labels.length) {
            throw new IllegalArgumentException(
                    "data set '" + name + "' has " + samples + " samples, but " + labels.length + " labels");
        }
        for (int i = 0; i < labels.length; i++) label(name, i, labels[i], classes.size());
    }

    static int label(String name, int sample, int label, int classes) {
        if (label < 0 || label >= classes) {
            throw new IllegalArgumentException("data set '" + name + "': sample " + sample + " has the label " + label
                    + "; with " + classes + " classes, labels go from 0 to " + (classes - 1));
        }
        return label;
    }

    /**
     * Refuses what would not leave a quarter of the heap for the rest of the program.
     *
     * @throws DataException that says how much there is, how much it would take, and the cure
     */
    static void memory(String what, long bytes) {
        long limit = Runtime.getRuntime().maxMemory() / 4 * 3;
        if (bytes > limit) {
            throw new DataException(what + " would take " + megabytes(bytes) + " MB decoded; with this JVM's heap of "
                    + megabytes(Runtime.getRuntime().maxMemory()) + " MB at most " + megabytes(limit)
                    + " MB are allowed: give it a larger heap (-Xmx), or use fewer or smaller images");
        }
    }

    private static long megabytes(long bytes) {
        return bytes / 1_000_000;
    }
}
