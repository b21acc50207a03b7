package dev.ondine.cli;

import dev.ondine.data.Augmentation;
import dev.ondine.data.BatchAhead;
import dev.ondine.data.BatchLoader;
import dev.ondine.data.ByteImages;
import dev.ondine.data.Normalization;
import dev.ondine.tensor.Shape;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Random images of a network's shape, prepared as train prepares its own, to see whether a step waits for them. */
final class ProfileInput {
    /** An epoch: so many that its beginning, of which a step waits for the first batch, is rare. */
    private static final int BATCHES = 64;

    /** Bytes of different images, about: more than the caches hold. */
    private static final int BYTES = 64 << 20;

    private ProfileInput() {}

    /**
     * Batches on threads of their own.
     *
     * @param soft whether targets are probabilities
     */
    static BatchAhead open(Shape sample, int classes, int batch, InputOptions options, boolean soft) {
        SplittableRandom random = new SplittableRandom(1);
        byte[][] images = new byte[BATCHES * batch][];
        int elements = (int) sample.elements();
        int different = Math.clamp(BYTES / elements, 1, images.length);
        for (int i = 0; i < images.length; i++) {
            images[i] = i < different ? new byte[elements] : images[i % different];
            if (i < different) random.nextBytes(images[i]);
        }
        int[] labels = random.ints(images.length, 0, classes).toArray();
        List<String> names =
                IntStream.range(0, classes).mapToObj(Integer::toString).toList();
        // Whatever the network takes is given to it as the values that it is made of.
        Shape image = sample.rank() == 3 ? sample : Shape.of(1, 1, elements);
        ByteImages set = new ByteImages("random images", image, images, labels, names);
        Augmentation augmentation = options.augmentation("");
        Normalization normalization = Normalization.identity((int) image.dim(0));
        BatchLoader loader = new BatchLoader(set, batch, true, 1, true, normalization, augmentation);
        return new BatchAhead(soft ? loader.softTargets(classes) : loader, options.workers());
    }
}
