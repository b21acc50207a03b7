package dev.ondine.data;

import java.util.Objects;

/**
 * What is trained on and what is measured on.
 *
 * @param name what messages and logs call it: the text that {@link Datasets#open} was given, say
 * @param train the samples to learn from
 * @param test samples that are never learnt from, of the same shape and classes
 */
public record DataSplit(String name, Dataset train, Dataset test) {
    /**
     * @throws IllegalArgumentException if the two differ in sample shape or in classes
     */
    public DataSplit {
        Objects.requireNonNull(name, "name");
        if (!train.sampleShape().equals(test.sampleShape())) {
            throw new IllegalArgumentException(name + ": the samples to train on have the shape " + train.sampleShape()
                    + ", those to test on " + test.sampleShape() + "; they must agree");
        }
        if (!train.classes().equals(test.classes())) {
            throw new IllegalArgumentException(name + ": the classes to train on are " + train.classes()
                    + ", those to test on " + test.classes() + "; they must agree");
        }
    }
}
