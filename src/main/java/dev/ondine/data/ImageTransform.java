package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.util.random.RandomGenerator;

/**
 * A change of a training image, drawn anew for each image and epoch. Implementations keep no state: what happens is a pure function
 * of the image and of what {@code random} gives, and several threads may use one at once.
 *
 * <p>There are {@link RandomCrop}, {@link HorizontalFlip}, {@link RandomRotation}, {@link ColorJitter} and {@link Cutout}; one of
 * your own goes between them:
 *
 * <pre>{@code
 * ImageTransform invert = (image, random) -> {
 *     if (random.nextBoolean()) for (int i = 0; i < image.elements(); i++) image.pixels()[i] = 1 - image.pixels()[i];
 * };
 * Augmentation augmentation = Augmentation.of(new RandomCrop(4), new HorizontalFlip(), invert);
 * }</pre>
 */
@FunctionalInterface
public interface ImageTransform {
    /**
     * Changes an image.
     *
     * @param image values in [0, 1], not normalized yet
     * @param random where all chance comes from; as much of it may be taken as is needed
     */
    void apply(Image image, RandomGenerator random);

    /** @throws IllegalArgumentException if images of this shape, (channels, height, width), cannot be changed so; says why */
    default void requireFits(Shape shape) {}
}
