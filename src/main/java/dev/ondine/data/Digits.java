package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Handwritten-looking digits, made on the spot from strokes: a data set that needs no download, about as hard as MNIST.
 * 28x28 grey, light on dark, equally many of each digit. Sample i of a part depends on (seed, part, i) only, so that
 * more samples begin with the same ones.
 */
public final class Digits {
    /** How many samples to train on by default. */
    public static final int TRAIN = 12_000;

    /** How many samples to test on by default. */
    public static final int TEST = 2_000;

    private static final List<String> CLASSES =
            IntStream.range(0, 10).mapToObj(Integer::toString).toList();

    private Digits() {}

    /**
     * Makes the digits, on all processors; the result does not depend on how many there are.
     *
     * @param train how many samples to train on, at least 1
     * @param test how many samples to test on, at least 1
     * @param seed another seed, other digits
     */
    public static DataSplit make(int train, int test, long seed) {
        return new DataSplit("digits", part("train", train, seed, 'D'), part("test", test, seed, 'T'));
    }

    private static ByteImages part(String name, int count, long seed, long stream) {
        if (count < 1)
            throw new IllegalArgumentException("digits: " + count + " samples to " + name + "; at least 1 is needed");
        int side = DigitPainter.SIDE;
        Checks.memory("digits: " + count + " samples to " + name, (long) count * side * side);
        byte[][] images = new byte[count][];
        int[] labels = new int[count];
        IntStream.range(0, count).parallel().forEach(i -> {
            labels[i] = i % 10;
            images[i] = new DigitPainter(Seeds.stream(seed, stream, i)).paint(labels[i]);
        });
        return new ByteImages("digits " + name, Shape.of(1, side, side), images, labels, CLASSES);
    }
}
