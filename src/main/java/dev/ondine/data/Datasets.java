package dev.ondine.data;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;

/** Opens data sets by a short text, and takes parts of them. */
public final class Datasets {
    /** The texts that {@link #open} understands, one a line: for help and error messages. */
    public static final String FORMS = """
        digits                     12,000 handwritten-looking digits, made on the spot, and 2,000 to test on
        digits:TRAIN[,TEST]        as many of them
        mnist:DIR                  the four IDX files of MNIST or one of its kin, gzipped or not
        cifar10:DIR                the binary version of CIFAR-10
        images:DIR_OR_ZIP          train/<class>/*.jpg|jpeg|png and test/<class>/..., all of one size
        images:DIR_OR_ZIP?size=HxW as before, of any sizes: scaled and cropped to H by W
        images:DIR?size=HxW&lazy   as before, in colour, decoded while training instead of once\
        """;

    private static final String LAZY = "&lazy";

    private Datasets() {}

    /**
     * Opens or makes a data set: one of {@link #FORMS}.
     *
     * @param seed for those that are made on the spot; the others do not depend on it
     * @throws IllegalArgumentException if the text is none of the forms
     * @throws DataException if files are missing or wrong
     */
    public static DataSplit open(String spec, long seed) {
        int colon = spec.indexOf(':');
        String kind = colon < 0 ? spec : spec.substring(0, colon);
        String rest = colon < 0 ? "" : spec.substring(colon + 1);
        return switch (kind) {
            case "digits" -> digits(spec, colon < 0 ? null : rest, seed);
            case "mnist" -> Mnist.open(path(spec, rest));
            case "cifar10" -> Cifar10.open(path(spec, rest));
            case "images" -> images(spec, rest);
            default -> throw unknown(spec, "no kind of data set is called '" + kind + "'");
        };
    }

    /** The first {@code count} samples; all if there are no more. */
    public static Dataset take(Dataset set, int count) {
        return select(set, IntStream.range(0, checkedCount(set, count)).toArray());
    }

    /**
     * {@code count} samples chosen at random, in random order; all if there are no more. The same for the same seed.
     */
    public static Dataset take(Dataset set, int count, long seed) {
        int[] order = Seeds.permutation(set.size(), Seeds.stream(seed, 'T', 0));
        return select(set, Arrays.copyOf(order, checkedCount(set, count)));
    }

    private static int checkedCount(Dataset set, int count) {
        if (count < 1) {
            throw new IllegalArgumentException(
                    "cannot take " + count + " samples of the data set '" + set.name() + "'; at least 1 is needed");
        }
        return Math.min(count, set.size());
    }

    static Dataset select(Dataset set, int[] indices) {
        return set instanceof ByteImages bytes ? bytes.select(indices) : new Subset(set, indices);
    }

    private static DataSplit digits(String spec, String counts, long seed) {
        if (counts == null) return Digits.make(Digits.TRAIN, Digits.TEST, seed);
        String[] parts = counts.split(",", -1);
        if (parts.length > 2) throw unknown(spec, "there are " + parts.length + " counts; at most two are possible");
        int train = count(spec, parts[0]);
        return Digits.make(train, parts.length == 2 ? count(spec, parts[1]) : Digits.TEST, seed);
    }

    private static DataSplit images(String spec, String rest) {
        int option = rest.lastIndexOf("?size=");
        if (option < 0) return ImageFolder.open(path(spec, rest));
        String size = rest.substring(option + "?size=".length());
        boolean lazy = size.endsWith(LAZY);
        String[] sides = (lazy ? size.substring(0, size.length() - LAZY.length()) : size).split("x", -1);
        if (sides.length != 2) throw unknown(spec, "a size is HEIGHTxWIDTH, 224x224 say");
        Path path = path(spec, rest.substring(0, option));
        int height = count(spec, sides[0]);
        int width = count(spec, sides[1]);
        return lazy ? LazyImages.open(path, height, width) : ImageFolder.open(path, height, width);
    }

    private static int count(String spec, String text) {
        try {
            int count = Integer.parseInt(text.strip());
            if (count > 0) return count;
        } catch (NumberFormatException _) {
            // said below, together with the numbers that are not above 0
        }
        throw unknown(spec, "'" + text + "' is not a whole number above 0");
    }

    private static Path path(String spec, String text) {
        if (text.isBlank()) throw unknown(spec, "the path is missing");
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw unknown(spec, "'" + text + "' is not a path: " + e.getReason());
        }
    }

    private static IllegalArgumentException unknown(String spec, String why) {
        return new IllegalArgumentException("data set '" + spec + "': " + why + ". Possible are:\n"
                + FORMS.indent(2).stripTrailing());
    }
}
