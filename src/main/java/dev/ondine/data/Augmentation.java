package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What happens to the images of a training set, at random and anew in each epoch: some transforms, one after the other, to each image
 * alone, then the mixing of pairs. It is a pure function of seed, epoch, the image's index and, for mixing, its place in the order.
 */
public record Augmentation(List<ImageTransform> transforms, Mixing mixing) {
    /** Images as they are. */
    public static final Augmentation NONE = new Augmentation(List.of(), Mixing.NONE);

    /** Keeps copies of what could be changed. */
    public Augmentation {
        transforms = List.copyOf(transforms);
    }

    /**
     * Shifted, mirrored, or both.
     *
     * @param shift how many pixels at most, to each side and up and down; 4 is usual for 32x32 photographs
     * @param mirror whether left and right are exchanged in every other image; not for digits or text
     * @throws IllegalArgumentException if the shift is negative
     */
    public Augmentation(int shift, boolean mirror) {
        this(usual(shift, mirror), Mixing.NONE);
    }

    private static List<ImageTransform> usual(int shift, boolean mirror) {
        List<ImageTransform> transforms = new ArrayList<>();
        if (shift != 0) transforms.add(new RandomCrop(shift));
        if (mirror) transforms.add(new HorizontalFlip());
        return transforms;
    }

    /** These, one after the other, without mixing. */
    public static Augmentation of(ImageTransform... transforms) {
        return new Augmentation(List.of(transforms), Mixing.NONE);
    }

    /** With pairs of images mixed, too. */
    public Augmentation mixing(Mixing mixing) {
        return new Augmentation(transforms, mixing);
    }

    /** Whether nothing happens. */
    public boolean isNone() {
        return transforms.isEmpty() && mixing.isNone();
    }

    /** @throws IllegalArgumentException if samples of this shape cannot be changed so */
    void requireFits(String name, Shape shape) {
        for (ImageTransform transform : transforms) {
            try {
                transform.requireFits(shape);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("data set '" + name + "': " + e.getMessage(), e);
            }
        }
    }

    /** {@code shifted by up to 4 pixels, mirrored}. */
    public String describe() {
        String text = transforms.stream().map(Augmentation::text).collect(Collectors.joining(", "));
        if (mixing.isNone()) return text;
        return text.isEmpty() ? mixing.toString() : text + ", " + mixing;
    }

    /** The same in every process that augments in this way: a run that goes on is known by it. */
    @Override
    public String toString() {
        return "Augmentation[transforms="
                + transforms.stream().map(Augmentation::text).toList() + ", mixing=" + mixing + "]";
    }

    /** What a transform says of itself; of one that says nothing, a lambda say, its class, without what is another in each process. */
    private static String text(ImageTransform transform) {
        String name = transform.getClass().getName();
        String text = transform.toString();
        if (!text.equals(name + "@" + Integer.toHexString(transform.hashCode()))) return text;
        int lambda = name.indexOf("$$Lambda");
        return lambda < 0 ? name : "a function of " + name.substring(0, lambda);
    }
}
