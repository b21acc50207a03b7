package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MnistTest {
    private static final String TRAIN_IMAGES = "train-images-idx3-ubyte";
    private static final String TRAIN_LABELS = "train-labels-idx1-ubyte";

    @TempDir
    Path folder;

    private static byte[] images(int magic, int count, int height, int width, int bytes) {
        ByteBuffer buffer = ByteBuffer.allocate(16 + bytes);
        buffer.putInt(magic).putInt(count).putInt(height).putInt(width);
        for (int i = 0; i < bytes; i++) buffer.put((byte) (i * 7));
        return buffer.array();
    }

    private static byte[] labels(int magic, int count, int... labels) {
        ByteBuffer buffer = ByteBuffer.allocate(8 + labels.length);
        buffer.putInt(magic).putInt(count);
        for (int label : labels) buffer.put((byte) label);
        return buffer.array();
    }

    private static byte[] gzip(byte[] plain) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream zip = new GZIPOutputStream(out)) {
            zip.write(plain);
        }
        return out.toByteArray();
    }

    private void write(String name, byte[] bytes) throws IOException {
        Files.write(folder.resolve(name), bytes);
    }

    @BeforeEach
    void goodFiles() throws IOException {
        write(TRAIN_IMAGES, images(0x803, 3, 2, 5, 30));
        write(TRAIN_LABELS, labels(0x801, 3, 9, 0, 4));
        write("t10k-images-idx3-ubyte", images(0x803, 2, 2, 5, 20));
        write("t10k-labels-idx1-ubyte", labels(0x801, 2, 1, 2));
    }

    private void error(String... parts) {
        String message =
                assertThrows(DataException.class, () -> Mnist.open(folder)).getMessage();
        for (String part : parts) assertTrue(message.contains(part), message);
    }

    @Test
    void readsPixelsAndLabels() {
        DataSplit split = Mnist.open(folder);
        assertEquals(3, split.train().size());
        assertEquals(2, split.test().size());
        assertEquals(Shape.of(1, 2, 5), split.train().sampleShape());
        assertEquals(9, split.train().label(0));
        assertEquals(4, split.train().label(2));
        float[] x = new float[10];
        split.train().read(2, x, 0);
        for (int i = 0; i < 10; i++) assertEquals(((20 + i) * 7 & 0xff) / 255f, x[i]);
    }

    @Test
    void gzippedAndDottedNamesReadTheSame() throws IOException {
        float[] plain = new float[10];
        Mnist.open(folder).train().read(1, plain, 0);
        byte[] images = Files.readAllBytes(folder.resolve(TRAIN_IMAGES));
        byte[] labels = Files.readAllBytes(folder.resolve(TRAIN_LABELS));
        Files.delete(folder.resolve(TRAIN_IMAGES));
        Files.delete(folder.resolve(TRAIN_LABELS));
        write("train-images.idx3-ubyte.gz", gzip(images));
        write("train-labels.idx1-ubyte", gzip(labels));
        float[] packed = new float[10];
        Mnist.open(folder).train().read(1, packed, 0);
        assertArrayEquals(plain, packed);
    }

    @Test
    void aMissingFileListsTheNamesLookedFor() throws IOException {
        Files.delete(folder.resolve(TRAIN_LABELS));
        error(folder.toString(), TRAIN_LABELS, TRAIN_LABELS + ".gz", "train-labels.idx1-ubyte");
    }

    @Test
    void wrongMagic() throws IOException {
        write(TRAIN_IMAGES, images(0x801, 3, 2, 5, 30));
        error(TRAIN_IMAGES, "0x00000801", "begins with 0x00000803");
        goodFiles();
        write(TRAIN_LABELS, labels(0x803, 3, 1, 2, 3));
        error(TRAIN_LABELS, "begins with 0x00000801");
        write(TRAIN_LABELS, "<!DOCTYPE html><html>not found</html>".getBytes());
        error(TRAIN_LABELS, "begins with 0x3c21444f");
    }

    @Test
    void countsThatDisagree() throws IOException {
        write(TRAIN_LABELS, labels(0x801, 2, 1, 2));
        error(TRAIN_LABELS, "2 labels", TRAIN_IMAGES, "3 images");
    }

    @Test
    void aPlainFileOfTheWrongLength() throws IOException {
        write(TRAIN_IMAGES, images(0x803, 3, 2, 5, 29));
        error(TRAIN_IMAGES, "45 bytes long", "says 46");
        write(TRAIN_IMAGES, images(0x803, 3, 2, 5, 31));
        error(TRAIN_IMAGES, "47 bytes long", "says 46");
    }

    @Test
    void everyTruncationIsAnError() throws IOException {
        for (String name : new String[] {TRAIN_IMAGES, TRAIN_LABELS}) {
            goodFiles();
            byte[] plain = Files.readAllBytes(folder.resolve(name));
            byte[] packed = gzip(plain);
            for (int length = 0; length < plain.length; length++) {
                write(name, Arrays.copyOf(plain, length));
                error(name);
                write(name, gzip(Arrays.copyOf(plain, length)));
                error(name, "ends early", "offset");
            }
            for (int length = 0; length < packed.length; length++) {
                write(name, Arrays.copyOf(packed, length));
                error(name);
            }
        }
    }

    @Test
    void damagedGzip() throws IOException {
        byte[] packed = gzip(images(0x803, 3, 2, 5, 30));
        packed[packed.length - 6] ^= 1; // in the checksum
        write(TRAIN_IMAGES, packed);
        error(TRAIN_IMAGES, "Corrupt GZIP trailer");
        packed[10] |= 6; // the reserved kind of block
        write(TRAIN_IMAGES, packed);
        error(TRAIN_IMAGES, "damaged", "offset 0");
    }

    @Test
    void aGzipBombStopsWhereTheHeaderSaysThatItEnds() throws IOException {
        write(TRAIN_IMAGES, gzip(images(0x803, 3, 2, 5, 100 << 20)));
        error(TRAIN_IMAGES, "goes on at offset 46");
    }

    @Test
    void negativeAndHugeDimensions() throws IOException {
        write(TRAIN_IMAGES, images(0x803, -1, 2, 5, 30));
        error(TRAIN_IMAGES, "number of images at offset 4 is 4294967295");
        write(TRAIN_IMAGES, images(0x803, 3, 0, 5, 30));
        error(TRAIN_IMAGES, "image height at offset 8 is 0");
        write(TRAIN_IMAGES, images(0x803, 3, 2, 60000, 30));
        error(TRAIN_IMAGES, "image width at offset 12 is 60000");
        write(TRAIN_IMAGES, images(0x803, Integer.MAX_VALUE - 8, 4096, 4096, 30));
        error(TRAIN_IMAGES, "is 46 bytes long", "its header says");
        write(TRAIN_IMAGES, gzip(images(0x803, Integer.MAX_VALUE - 8, 4096, 4096, 30)));
        error(TRAIN_IMAGES, "-Xmx");
        write(TRAIN_IMAGES, gzip(images(0x803, 1000, 1024, 1024, 30)));
        error(TRAIN_IMAGES, "ends early", "record 0 of 1000", "offset 16");
    }

    @Test
    void aLabelAboveNine() throws IOException {
        write(TRAIN_LABELS, labels(0x801, 3, 9, 10, 4));
        error(TRAIN_LABELS, "label at offset 9 is 10");
        write(TRAIN_LABELS, labels(0x801, 3, 9, 1, 255));
        error(TRAIN_LABELS, "label at offset 10 is 255");
    }

    @Test
    void partsOfDifferentSizes() throws IOException {
        write("t10k-images-idx3-ubyte", images(0x803, 2, 5, 2, 20));
        error("(1, 2, 5)", "(1, 5, 2)");
    }
}
