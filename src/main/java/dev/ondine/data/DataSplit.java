package dev.ondine.data;

import java.util.ArrayList;
import java.util.List;
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

    /**
     * Holds a part of the training samples back to measure on in place of the test part, which then is untouched when the choices are
     * made. Of each class the share is held back, rounded to whole samples; which ones depends on the seed alone. Both parts are in the
     * order of the data set.
     *
     * @param share above 0 and below 1
     * @throws IllegalArgumentException if the share is out of range, nothing would be held back or left, or a sample has a label that
     *     there is no class for
     */
    public DataSplit validation(double share, long seed) {
        if (!(share > 0 && share < 1)) {
            throw new IllegalArgumentException("a share to validate on lies between 0 and 1, not " + share);
        }
        List<List<Integer>> byClass = new ArrayList<>();
        for (int c = 0; c < train.classes().size(); c++) byClass.add(new ArrayList<>());
        for (int index : Seeds.permutation(train.size(), Seeds.stream(seed, 'V', 0))) {
            int label = Checks.label(train.name(), index, train.label(index), byClass.size());
            byClass.get(label).add(index);
        }
        boolean[] held = new boolean[train.size()];
        int count = 0;
        for (List<Integer> samples : byClass) {
            int own = (int) Math.round(share * samples.size());
            for (int index : samples.subList(0, own)) held[index] = true;
            count += own;
        }
        if (count == 0 || count == train.size()) {
            throw new IllegalArgumentException("a share of " + share + " of the " + train.size() + " samples of "
                    + train.name() + " leaves " + (count == 0 ? "none to validate on" : "none to train on"));
        }
        int[] rest = new int[train.size() - count];
        int[] validation = new int[count];
        int r = 0;
        int v = 0;
        for (int i = 0; i < held.length; i++) {
            if (held[i]) validation[v++] = i;
            else rest[r++] = i;
        }
        return new DataSplit(name, Datasets.select(train, rest), Datasets.select(train, validation));
    }
}
