package dev.ondine.nn.models;

import dev.ondine.nn.Layer;
import dev.ondine.tensor.Shape;

/**
 * A network of the zoo.
 *
 * @param name as {@code --model} takes it: {@code resnet50}
 * @param description one line, without a full stop
 * @param sample the shape of one sample (channels, height, width) that it was made for; it takes others, too
 * @param classes how many it told apart where it was published; 0 if it tells none apart
 * @param task what its output is
 */
public record ModelEntry(String name, String description, Shape sample, int classes, Task task, Factory factory) {
    /** What a network's output is. */
    public enum Task {
        /** Logits (classes) of a sample. */
        CLASSIFICATION,
        /** Logits (classes, height, width): one set for each pixel of a sample. */
        SEGMENTATION,
        /** A sample again, to be held against the input. */
        RECONSTRUCTION
    }

    /** Makes a network for one shape of samples and a number of classes. */
    @FunctionalInterface
    public interface Factory {
        /** Makes the network for samples of this shape, without the batch axis, and so many classes. */
        Layer create(Shape sample, int classes);
    }

    /**
     * The network for samples of this shape.
     *
     * @param classes that it is to tell apart; without meaning for {@link Task#RECONSTRUCTION}
     * @throws IllegalArgumentException if it cannot take such samples
     */
    public Layer create(Shape sample, int classes) {
        if (task != Task.RECONSTRUCTION && classes < 1) {
            throw new IllegalArgumentException(name + " tells at least one class apart, not " + classes);
        }
        return factory.create(sample, classes);
    }

    /** The network as it was published: for {@link #sample} and {@link #classes}. */
    public Layer create() {
        return create(sample, classes);
    }
}
