package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Shape;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LazyImagesTest {
    @TempDir
    Path folder;

    private Path file(String part, String type, int number) {
        return folder.resolve(part).resolve(type).resolve(number + ".png");
    }

    /** Colour images of many sizes. */
    @BeforeEach
    void images() throws IOException {
        SplittableRandom random = new SplittableRandom(1);
        for (String part : List.of("train", "test")) {
            for (String type : List.of("cat", "dog")) {
                for (int i = 0; i < 6; i++) {
                    BufferedImage image =
                            new BufferedImage(9 + random.nextInt(9), 9 + random.nextInt(9), BufferedImage.TYPE_INT_RGB);
                    for (int y = 0; y < image.getHeight(); y++) {
                        for (int x = 0; x < image.getWidth(); x++) image.setRGB(x, y, random.nextInt(1 << 24));
                    }
                    Files.createDirectories(file(part, type, i).getParent());
                    assertTrue(ImageIO.write(image, "png", file(part, type, i).toFile()));
                }
            }
        }
    }

    private static float[] read(Dataset set, int index) {
        float[] values = new float[(int) set.sampleShape().elements()];
        set.read(index, values, 0);
        return values;
    }

    @Test
    void theSamplesAreThoseThatAreDecodedAtOnce() {
        DataSplit whole = Datasets.open("images:" + folder + "?size=7x8", 1);
        DataSplit lazy = Datasets.open("images:" + folder + "?size=7x8&lazy", 1);
        assertEquals(Shape.of(3, 7, 8), lazy.train().sampleShape());
        assertEquals(List.of("cat", "dog"), lazy.train().classes());
        for (boolean train : new boolean[] {true, false}) {
            Dataset expected = train ? whole.train() : whole.test();
            Dataset set = train ? lazy.train() : lazy.test();
            assertEquals(12, set.size());
            for (int i = 0; i < 12; i++) {
                assertEquals(expected.label(i), set.label(i));
                assertArrayEquals(read(expected, i), read(set, i), "sample " + i);
            }
        }
        assertEquals(Normalization.of(whole.train()), Normalization.of(lazy.train()));
    }

    @Test
    void greyBecomesThreeEqualPlanes() throws IOException {
        BufferedImage grey = new BufferedImage(7, 7, BufferedImage.TYPE_BYTE_GRAY);
        grey.getRaster().setSample(3, 2, 0, 100);
        assertTrue(ImageIO.write(grey, "png", file("train", "cat", 0).toFile()));
        float[] values = read(LazyImages.open(folder, 7, 7).train(), 0);
        for (int c = 0; c < 3; c++) assertEquals(100 / 255f, values[c * 49 + 2 * 7 + 3]);
    }

    /** It is found when it is read, by a thread beside; said where the batch is asked for, by name. */
    @Test
    void aDamagedImageIsNamedWhereItsBatchIsAskedFor() throws IOException {
        Path broken = file("train", "dog", 1);
        Files.write(broken, new byte[] {1, 2, 3});
        Dataset set = LazyImages.open(folder, 7, 7).train();
        BatchLoader loader = new BatchLoader(set, 4, false, 1, true, Normalization.identity(3));
        try (BatchAhead ahead = new BatchAhead(loader, 3);
                Arena arena = Arena.ofConfined()) {
            MemorySegment images = arena.allocate(4 * 3 * 7 * 7 * 4L, 64);
            MemorySegment labels = arena.allocate(4 * 4L, 64);
            ahead.begin(0);
            // Samples 0 to 3; the damaged one is number 7.
            assertEquals(4, ahead.next(images, labels));
            var error = assertThrows(DataException.class, () -> ahead.next(images, labels));
            assertTrue(error.getMessage().contains(broken.toString()), error.getMessage());
        }
    }

    @Test
    void whatCannotBeIsRefused() throws IOException {
        Path zip = folder.resolve("photos.zip");
        Files.write(zip, new byte[0]);
        String message = assertThrows(DataException.class, () -> LazyImages.open(zip, 7, 7))
                .getMessage();
        assertTrue(message.contains("unpacked"), message);
        assertThrows(IllegalArgumentException.class, () -> LazyImages.open(folder, 0, 7));
        assertThrows(DataException.class, () -> LazyImages.open(folder.resolve("train"), 7, 7));
        assertThrows(IllegalArgumentException.class, () -> Datasets.open("images:" + folder + "?size=7&lazy", 1));
    }
}
