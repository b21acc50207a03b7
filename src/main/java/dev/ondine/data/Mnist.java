package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * MNIST and whatever else comes as its four IDX files: {@code train-images-idx3-ubyte}, {@code
 * train-labels-idx1-ubyte}, {@code t10k-images-idx3-ubyte}, {@code t10k-labels-idx1-ubyte}; a dot before {@code idx}
 * and a {@code .gz} at the end are accepted. The format is at <a
 * href="http://yann.lecun.com/exdb/mnist/">yann.lecun.com/exdb/mnist</a>.
 */
public final class Mnist {
    private static final int IMAGES = 0x0803;
    private static final int LABELS = 0x0801;
    private static final int LARGEST_SIDE = 4096;
    private static final List<String> CLASSES =
            IntStream.range(0, 10).mapToObj(Integer::toString).toList();

    private Mnist() {}

    /**
     * Reads the four files into memory.
     *
     * @param folder where they lie
     * @throws DataException if one is missing, is not what its name says, or is shorter or longer than its header says;
     *     if images and labels are not equally many; or if a label is above 9
     */
    public static DataSplit open(Path folder) {
        if (!Files.isDirectory(folder)) throw new DataException(folder + ": no such folder");
        ByteImages train =
                read("train", find(folder, "train-images", "idx3-ubyte"), find(folder, "train-labels", "idx1-ubyte"));
        ByteImages test =
                read("test", find(folder, "t10k-images", "idx3-ubyte"), find(folder, "t10k-labels", "idx1-ubyte"));
        if (!train.sampleShape().equals(test.sampleShape())) {
            throw new DataException(folder + ": the images to train on have the shape " + train.sampleShape()
                    + ", those to test on " + test.sampleShape() + "; they must agree");
        }
        return new DataSplit("mnist:" + folder, train, test);
    }

    private static Path find(Path folder, String stem, String type) {
        List<String> names = Stream.of("-", ".")
                .flatMap(dot -> Stream.of("", ".gz").map(gz -> stem + dot + type + gz))
                .toList();
        for (String name : names) {
            if (Files.isRegularFile(folder.resolve(name))) return folder.resolve(name);
        }
        throw new DataException(folder + ": has none of the files " + String.join(", ", names));
    }

    private static ByteImages read(String part, Path imageFile, Path labelFile) {
        byte[][] images;
        Shape shape;
        try (Idx idx = new Idx(imageFile)) {
            idx.magic(IMAGES, "images");
            int count = idx.extent("number of images", Integer.MAX_VALUE - 8);
            int height = idx.extent("image height", LARGEST_SIDE);
            int width = idx.extent("image width", LARGEST_SIDE);
            shape = Shape.of(1, height, width);
            images = idx.records(count, height * width);
        } catch (IOException e) {
            throw new DataException(imageFile + ": cannot be read: " + e, e);
        }
        int[] labels = new int[images.length];
        try (Idx idx = new Idx(labelFile)) {
            idx.magic(LABELS, "labels");
            int count = idx.extent("number of labels", Integer.MAX_VALUE - 8);
            if (count != images.length) {
                throw new DataException(labelFile + ": has " + count + " labels, but " + imageFile + " has "
                        + images.length + " images");
            }
            byte[] bytes = idx.records(1, count)[0];
            for (int i = 0; i < count; i++) {
                labels[i] = bytes[i] & 0xff;
                if (labels[i] >= CLASSES.size()) {
                    throw new DataException(labelFile + ": the label at offset " + (8 + i) + " is " + labels[i]
                            + "; labels go from 0 to " + (CLASSES.size() - 1));
                }
            }
        } catch (IOException e) {
            throw new DataException(labelFile + ": cannot be read: " + e, e);
        }
        return new ByteImages("mnist " + part, shape, images, labels, CLASSES);
    }

    /** One IDX file, read front to back. Offsets are those of the unpacked content. */
    private static final class Idx implements AutoCloseable {
        private final Path file;
        private final InputStream in;
        private final boolean gzipped;
        private long offset;

        Idx(Path file) throws IOException {
            this.file = file;
            InputStream raw = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
            try {
                raw.mark(2);
                gzipped = raw.read() == 0x1f && raw.read() == 0x8b;
                raw.reset();
                in = gzipped ? new GZIPInputStream(raw, 1 << 16) : raw;
            } catch (IOException e) {
                raw.close();
                throw e;
            }
        }

        void magic(int expected, String what) throws IOException {
            int magic = int32("magic number");
            if (magic != expected) {
                throw new DataException(String.format(
                        "%s: begins with 0x%08x; an IDX file of %s begins with 0x%08x", file, magic, what, expected));
            }
        }

        int extent(String what, int largest) throws IOException {
            int value = int32(what);
            if (value < 1 || value > largest) {
                throw new DataException(file + ": the " + what + " at offset " + (offset - 4) + " is "
                        + Integer.toUnsignedString(value) + "; it must be from 1 to " + largest);
            }
            return value;
        }

        /** The rest of the file, which must be exactly this long. Memory is taken only as the content turns up. */
        byte[][] records(int count, int length) throws IOException {
            long claimed = (long) count * length;
            if (!gzipped && Files.size(file) != offset + claimed) {
                throw new DataException(file + ": is " + Files.size(file) + " bytes long; its header says "
                        + (offset + claimed) + " (" + count + " times " + length + " and the header)");
            }
            Checks.memory(file.toString(), claimed);
            List<byte[]> records = new ArrayList<>();
            for (int i = 0; i < count; i++) records.add(bytes(length, "record " + i + " of " + count));
            if (in.read() >= 0) {
                throw new DataException(
                        file + ": goes on at offset " + offset + ", where its header says that it ends");
            }
            return records.toArray(byte[][]::new);
        }

        private int int32(String what) throws IOException {
            byte[] b = bytes(4, what);
            return (b[0] & 0xff) << 24 | (b[1] & 0xff) << 16 | (b[2] & 0xff) << 8 | (b[3] & 0xff);
        }

        private byte[] bytes(int length, String what) throws IOException {
            byte[] bytes = new byte[0];
            try {
                bytes = in.readNBytes(length);
            } catch (EOFException _) {
                // the packed content ends early: said below, as for a plain file
            } catch (ZipException e) {
                throw new DataException(
                        file + ": its packed content is damaged (" + e.getMessage() + "), after offset " + offset, e);
            }
            if (bytes.length < length) {
                throw new DataException(file + ": ends early, within the " + what + " that starts at offset " + offset
                        + (gzipped ? " of the unpacked content" : ""));
            }
            offset += length;
            return bytes;
        }

        @Override
        public void close() throws IOException {
            in.close();
        }
    }
}
