package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The binary version of CIFAR-10, {@code data_batch_1.bin} to {@code data_batch_5.bin} and {@code test_batch.bin}:
 * records of a label byte and 3,072 bytes of a 32x32 image, red, green, blue. See <a
 * href="https://www.cs.toronto.edu/~kriz/cifar.html">cs.toronto.edu/~kriz/cifar.html</a>.
 */
public final class Cifar10 {
    private static final Shape SHAPE = Shape.of(3, 32, 32);
    private static final int PIXELS = 3 * 32 * 32;
    private static final int RECORD = 1 + PIXELS;
    private static final String FOLDER = "cifar-10-batches-bin";
    private static final String NAMES = "batches.meta.txt";
    private static final List<String> CLASSES =
            List.of("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck");

    private Cifar10() {}

    /**
     * Reads the six files into memory. The names of the classes come from {@code batches.meta.txt} if that is there.
     *
     * @param folder where they lie, or the folder around {@code cifar-10-batches-bin}
     * @throws DataException if a file is missing or is not made of whole records, or if a label is above 9
     */
    public static DataSplit open(Path folder) {
        Path inner = folder.resolve(FOLDER);
        Path dir = Files.isDirectory(inner) ? inner : folder;
        if (!Files.isDirectory(dir)) throw new DataException(folder + ": no such folder");
        List<Path> batches = IntStream.rangeClosed(1, 5)
                .mapToObj(i -> dir.resolve("data_batch_" + i + ".bin"))
                .toList();
        try {
            List<String> classes = classes(dir.resolve(NAMES));
            ByteImages train = read("cifar10 train", batches, classes);
            return new DataSplit(
                    "cifar10:" + folder, train, read("cifar10 test", List.of(dir.resolve("test_batch.bin")), classes));
        } catch (IOException e) {
            throw new DataException(dir + ": cannot be read: " + e, e);
        }
    }

    private static List<String> classes(Path file) throws IOException {
        if (!Files.exists(file)) return CLASSES;
        byte[] text;
        try (InputStream in = Files.newInputStream(file)) {
            text = in.readNBytes(1 << 16);
        }
        List<String> names = new String(text, StandardCharsets.UTF_8)
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .toList();
        if (names.size() != CLASSES.size()) {
            throw new DataException(file + ": has " + names.size() + " names of classes, one a line; " + CLASSES.size()
                    + " are needed (without this file the usual names are taken)");
        }
        return names;
    }

    private static ByteImages read(String name, List<Path> files, List<String> classes) throws IOException {
        long total = 0;
        for (Path file : files) total += records(file);
        Checks.memory(files.getFirst().toString(), total * PIXELS);
        byte[][] images = new byte[Math.toIntExact(total)][];
        int[] labels = new int[images.length];
        int at = 0;
        for (Path file : files) {
            long count = records(file);
            try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 18)) {
                byte[] record = new byte[RECORD];
                for (int i = 0; i < count; i++, at++) {
                    if (in.readNBytes(record, 0, RECORD) < RECORD) {
                        throw new DataException(
                                file + ": became shorter while it was read, at offset " + (long) i * RECORD);
                    }
                    labels[at] = record[0] & 0xff;
                    if (labels[at] >= classes.size()) {
                        throw new DataException(file + ": the label at offset " + (long) i * RECORD + " is "
                                + labels[at] + "; labels go from 0 to " + (classes.size() - 1));
                    }
                    images[at] = Arrays.copyOfRange(record, 1, RECORD);
                }
            }
        }
        return new ByteImages(name, SHAPE, images, labels, classes);
    }

    private static long records(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new DataException(file + ": no such file; the binary version of CIFAR-10 has data_batch_1.bin to "
                    + "data_batch_5.bin and test_batch.bin");
        }
        long length = Files.size(file);
        if (length == 0 || length % RECORD != 0) {
            throw new DataException(file + ": is " + length + " bytes long, which is no multiple of the " + RECORD
                    + " bytes of a record; it is truncated or something else");
        }
        return length / RECORD;
    }
}
