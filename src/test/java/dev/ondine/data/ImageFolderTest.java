package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Shape;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFolderTest {
    private static final int HEIGHT = 16;
    private static final int WIDTH = 24;

    @TempDir
    Path folder;

    private final Map<String, byte[]> files = new LinkedHashMap<>();

    /** A picture of which every pixel of every channel differs from its neighbours', so that no mix-up stays hidden. */
    private static BufferedImage picture(int type, int height, int width) {
        BufferedImage image = new BufferedImage(width, height, type);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) image.setRGB(x, y, 0xff000000 | red(y, x) << 16 | green(x) << 8 | 60);
        }
        return image;
    }

    private static int red(int y, int x) {
        return 10 * y + x;
    }

    private static int green(int x) {
        return 255 - 5 * x;
    }

    private static byte[] encode(String format, BufferedImage image) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        assertTrue(ImageIO.write(image, format, out));
        return out.toByteArray();
    }

    private static byte[] jpeg(int height, int width) throws IOException {
        return encode("jpeg", picture(BufferedImage.TYPE_3BYTE_BGR, height, width));
    }

    private static byte[] png(int type) throws IOException {
        return encode("png", picture(type, HEIGHT, WIDTH));
    }

    /** A PNG whose header claims other dimensions; its checksum is right. */
    private static byte[] claim(byte[] png, int height, int width) {
        ByteBuffer buffer = ByteBuffer.wrap(png.clone());
        buffer.putInt(16, width).putInt(20, height);
        CRC32 crc = new CRC32();
        crc.update(buffer.array(), 12, 17);
        return buffer.putInt(29, (int) crc.getValue()).array();
    }

    @BeforeEach
    void goodFiles() throws IOException {
        files.put("train/cat/b.png", png(BufferedImage.TYPE_3BYTE_BGR));
        files.put("train/cat/a.jpg", jpeg(HEIGHT, WIDTH));
        files.put("train/ant/z.JPEG", jpeg(HEIGHT, WIDTH));
        files.put("test/cat/1.png", png(BufferedImage.TYPE_3BYTE_BGR));
    }

    private Path folder(String prefix) throws IOException {
        Path root = Files.createTempDirectory(folder, "set");
        for (var file : files.entrySet()) {
            Path path = root.resolve(prefix + file.getKey());
            if (file.getKey().endsWith("/")) {
                Files.createDirectories(path);
            } else {
                Files.createDirectories(path.getParent());
                Files.write(path, file.getValue());
            }
        }
        return root;
    }

    private Path zip(String prefix) throws IOException {
        Path path = Files.createTempFile(folder, "set", ".zip");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(path))) {
            for (var file : files.entrySet()) {
                zip.putNextEntry(new ZipEntry(prefix + file.getKey()));
                zip.write(file.getValue());
            }
        }
        return path;
    }

    private void error(String... parts) throws IOException {
        for (Path path : List.of(folder(""), zip(""), zip("top/"))) {
            String message = assertThrows(DataException.class, () -> ImageFolder.open(path))
                    .getMessage();
            assertTrue(message.startsWith(path.toString()), message);
            for (String part : parts) assertTrue(message.contains(part), message);
        }
    }

    private float[] only(byte[] file, String name) throws IOException {
        files.clear();
        files.put("train/cat/" + name, file);
        files.put("test/cat/" + name, file);
        Dataset set = ImageFolder.open(folder("")).train();
        float[] x = new float[(int) set.sampleShape().elements()];
        set.read(0, x, 0);
        return x;
    }

    @Test
    void foldersAndZipsWithAndWithoutAFolderAround() throws IOException {
        files.put("train/cat/notes.txt", new byte[] {1});
        files.put("train/readme.md", new byte[] {1});
        files.put("train/.cache/a.png", new byte[] {1});
        files.put("train/cat/.hidden.png", new byte[] {1});
        files.put("train/cat/deeper/x.png", new byte[] {1});
        for (Path path : List.of(folder(""), folder("top/"), zip(""), zip("top/"))) {
            DataSplit split = Datasets.open("images:" + path, 0);
            assertEquals(List.of("ant", "cat"), split.train().classes());
            assertEquals(Shape.of(3, HEIGHT, WIDTH), split.train().sampleShape());
            assertEquals(3, split.train().size());
            assertEquals(1, split.test().size());
            assertEquals(0, split.train().label(0));
            assertEquals(1, split.train().label(1));
            assertEquals(1, split.test().label(0));
            float[] x = new float[3 * HEIGHT * WIDTH];
            split.train().read(2, x, 0);
            assertPicture(x);
        }
    }

    private static void assertPicture(float[] x) {
        for (int i = 0; i < HEIGHT * WIDTH; i++) {
            assertEquals(red(i / WIDTH, i % WIDTH) / 255f, x[i]);
            assertEquals(green(i % WIDTH) / 255f, x[i + HEIGHT * WIDTH]);
            assertEquals(60 / 255f, x[i + 2 * HEIGHT * WIDTH]);
        }
    }

    @Test
    void everyKindOfColourPngReadsTheSame() throws IOException {
        for (int type : new int[] {
            BufferedImage.TYPE_3BYTE_BGR,
            BufferedImage.TYPE_INT_RGB,
            BufferedImage.TYPE_4BYTE_ABGR,
            BufferedImage.TYPE_INT_ARGB
        }) {
            assertPicture(only(png(type), "x.png"));
        }
    }

    @Test
    void aJpegIsCloseToItsPicture() throws IOException {
        float[] x = only(jpeg(HEIGHT, WIDTH), "x.jpg");
        // Quality 0.75 with halved chroma: a few levels on such a smooth picture.
        for (int i = 0; i < HEIGHT * WIDTH; i++) {
            assertEquals(red(i / WIDTH, i % WIDTH) / 255f, x[i], 20 / 255f);
            assertEquals(green(i % WIDTH) / 255f, x[i + HEIGHT * WIDTH], 20 / 255f);
        }
    }

    @Test
    void greySamplesAreTakenAsTheyAreStored() throws IOException {
        for (int type :
                new int[] {BufferedImage.TYPE_BYTE_GRAY, BufferedImage.TYPE_USHORT_GRAY, BufferedImage.TYPE_BYTE_INDEXED
                }) {
            BufferedImage image = new BufferedImage(2, 2, type);
            if (type == BufferedImage.TYPE_BYTE_INDEXED) {
                byte[] ramp = new byte[256];
                for (int i = 0; i < 256; i++) ramp[i] = (byte) i;
                image = new BufferedImage(2, 2, type, new java.awt.image.IndexColorModel(8, 256, ramp, ramp, ramp));
            }
            int unit = type == BufferedImage.TYPE_USHORT_GRAY ? 257 : 1;
            int[] values = {0, 100, 200, 255};
            for (int i = 0; i < 4; i++) image.getRaster().setSample(i % 2, i / 2, 0, unit * values[i]);
            float[] x = only(encode("png", image), "x.png");
            assertArrayEquals(new float[] {0, 100 / 255f, 200 / 255f, 1}, x, "type " + type);
        }
    }

    @Test
    void greyOnlyIfEveryImageIs() throws IOException {
        byte[] grey = png(BufferedImage.TYPE_BYTE_GRAY);
        byte[] greyJpeg = encode("jpeg", picture(BufferedImage.TYPE_BYTE_GRAY, HEIGHT, WIDTH));
        files.clear();
        files.put("train/cat/1.png", grey);
        files.put("train/cat/2.jpg", greyJpeg);
        files.put("test/cat/1.png", grey);
        assertEquals(
                Shape.of(1, HEIGHT, WIDTH), ImageFolder.open(zip("")).train().sampleShape());
        files.put("test/cat/2.png", png(BufferedImage.TYPE_3BYTE_BGR));
        Dataset mixed = ImageFolder.open(zip("")).train();
        assertEquals(Shape.of(3, HEIGHT, WIDTH), mixed.sampleShape());
        float[] x = new float[3 * HEIGHT * WIDTH];
        mixed.read(0, x, 0);
        assertArrayEquals(Arrays.copyOf(x, HEIGHT * WIDTH), Arrays.copyOfRange(x, 2 * HEIGHT * WIDTH, x.length));
    }

    @Test
    void anImageOfAnotherSizeIsNamed() throws IOException {
        files.put("train/cat/c.jpg", jpeg(WIDTH, HEIGHT));
        files.put("train/cat/d.jpg", jpeg(HEIGHT, HEIGHT));
        error("train/cat/c.jpg: is 24x16", "train/ant/z.JPEG is 16x24", "?size=");
    }

    @Test
    void scalingTakesTheMiddleAndKeepsFlatAreasFlat() throws IOException {
        BufferedImage image = new BufferedImage(60, 20, BufferedImage.TYPE_3BYTE_BGR);
        for (int y = 0; y < 20; y++) {
            for (int x = 0; x < 60; x++) image.setRGB(x, y, x < 20 || x >= 40 ? 0xff0000 : 0x00ff00);
        }
        files.put("train/cat/wide.png", encode("png", image));
        for (int size : new int[] {1, 5, 20, 40}) {
            Dataset set = Datasets.open("images:" + zip("") + "?size=" + size + "x" + size, 0)
                    .train();
            assertEquals(Shape.of(3, size, size), set.sampleShape());
            float[] x = new float[3 * size * size];
            set.read(3, x, 0);
            // The middle third is green, up to the filter's reach at the two cut edges. A single pixel is made of twice
            // the middle's width, under a triangle: three quarters of its weight are green.
            float least = size == 1 ? 0.745f : 0.99f;
            int edge = size == 1 ? 0 : 1;
            for (int row = 0; row < size; row++) {
                for (int column = edge; column < size - edge; column++) {
                    int i = row * size + column;
                    assertEquals(1f, x[size * size + i] + x[i], 2 / 255f);
                    assertTrue(x[size * size + i] > least, "size " + size + ", column " + column + ": " + x[i]);
                }
            }
        }
    }

    @Test
    void everyTruncationOfAJpegOrPngIsAnError() throws IOException {
        ImageDecoder decoder = new ImageDecoder();
        byte[] jpeg = jpeg(HEIGHT, WIDTH);
        for (int length = 0; length < jpeg.length; length++) {
            byte[] cut = Arrays.copyOf(jpeg, length);
            assertThrows(IOException.class, () -> decoder.decode("x.jpg", cut, (_, _) -> {}), "JPEG of " + length);
        }
        byte[] png = png(BufferedImage.TYPE_3BYTE_BGR);
        for (int length = 0; length < png.length; length++) {
            byte[] cut = Arrays.copyOf(png, length);
            assertThrows(IOException.class, () -> decoder.decode("x.png", cut, (_, _) -> {}), "PNG of " + length);
        }
        assertEquals(HEIGHT, decoder.decode("x.jpg", jpeg, (_, _) -> {}).height());
        decoder.close();
        files.put("train/cat/c.jpg", Arrays.copyOf(jpeg, jpeg.length - 30));
        error("train/cat/c.jpg", "damaged");
    }

    @Test
    void damagedBytesNeverDoMoreThanAnError() throws IOException {
        ImageDecoder decoder = new ImageDecoder();
        int errors = 0;
        for (byte[] good : List.of(jpeg(HEIGHT, WIDTH), png(BufferedImage.TYPE_3BYTE_BGR))) {
            String name = good[0] == (byte) 0x89 ? "x.png" : "x.jpg";
            for (int i = 0; i < good.length; i++) {
                byte[] bad = good.clone();
                bad[i] ^= (byte) 0xff;
                try {
                    decoder.decode(name, bad, (h, w) -> {
                        if (h != HEIGHT || w != WIDTH) throw new DataException("size");
                    });
                } catch (IOException | DataException _) {
                    errors++;
                }
            }
        }
        decoder.close();
        assertTrue(errors > 100, errors + " errors");
    }

    @Test
    void filesThatAreNotWhatTheirNameSays() throws IOException {
        files.put("train/cat/c.jpg", "hello".getBytes());
        error("train/cat/c.jpg", "neither a JPEG nor a PNG");
        files.put("train/cat/c.jpg", new byte[0]);
        error("train/cat/c.jpg", "empty");
        files.put("train/cat/c.jpg", png(BufferedImage.TYPE_3BYTE_BGR));
        error("train/cat/c.jpg", "a PNG file by its content");
        files.remove("train/cat/c.jpg");
        files.put("train/cat/c.png", jpeg(HEIGHT, WIDTH));
        error("train/cat/c.png", "a JPEG file by its content");
    }

    @Test
    void ofSeveralBadFilesTheFirstIsReported() throws IOException {
        for (int i = 10; i < 90; i++) files.put("train/cat/c" + i + ".jpg", jpeg(HEIGHT, WIDTH));
        for (int i = 30; i < 90; i++) files.put("train/cat/c" + i + ".jpg", new byte[] {(byte) i});
        error("train/cat/c30.jpg");
    }

    @Test
    void absurdDimensionsAreRefusedBeforeAnythingIsAllocated() throws IOException {
        files.put("train/ant/a.png", claim(png(BufferedImage.TYPE_3BYTE_BGR), 60_000, 60_000));
        error("train/ant/a.png", "claims 60000x60000");
        files.put("train/ant/a.png", claim(png(BufferedImage.TYPE_3BYTE_BGR), 30_000, 30_000));
        error("train/ant/a.png", "claims 30000x30000", "-Xmx");
        files.put("train/ant/a.png", claim(png(BufferedImage.TYPE_3BYTE_BGR), -1, 5));
        error("train/ant/a.png");
        files.put("train/ant/a.png", claim(png(BufferedImage.TYPE_3BYTE_BGR), 0, 5));
        error("train/ant/a.png");
    }

    @Test
    void transparencyIsRefused() throws IOException {
        BufferedImage image = picture(BufferedImage.TYPE_INT_ARGB, HEIGHT, WIDTH);
        image.setRGB(3, 4, 0x7f112233);
        files.put("train/cat/c.png", encode("png", image));
        error("train/cat/c.png", "transparent");
    }

    @Test
    void missingPartsAndEmptyClasses() throws IOException {
        files.put("train/empty/", new byte[0]);
        error("train/empty has no .jpg, .jpeg or .png file");
        files.remove("train/empty/");
        files.put("test/dog/x.jpg", jpeg(HEIGHT, WIDTH));
        error("test/dog is not among those to train on, [ant, cat]");
        files.remove("test/dog/x.jpg");
        files.remove("test/cat/1.png");
        error("no images in test/", "train/<class>/");
        files.clear();
        files.put("images/cat/1.png", png(BufferedImage.TYPE_3BYTE_BGR));
        error("no images in train/");
    }

    @Test
    void twoDataSetsInOnePlace() throws IOException {
        Map<String, byte[]> two = new LinkedHashMap<>();
        for (String top : List.of("a/", "b/")) files.forEach((name, bytes) -> two.put(top + name, bytes));
        files.clear();
        files.putAll(two);
        for (Path path : List.of(folder(""), zip(""))) {
            String message = assertThrows(DataException.class, () -> ImageFolder.open(path))
                    .getMessage();
            assertTrue(message.contains("more than one data set, in 'a/' and in 'b/'"), message);
        }
    }

    @Test
    void namesThatLeadOutOfAZipAreNotFollowed() throws IOException {
        byte[] image = png(BufferedImage.TYPE_3BYTE_BGR);
        for (String name : List.of("../train/cat/e.png", "/train/cat/e.png", "train/../e.png", "train/cat/../e.png")) {
            files.put(name, image);
        }
        Path zip = zip("");
        long before;
        try (Stream<Path> paths = Files.walk(folder)) {
            before = paths.count();
        }
        assertEquals(3, ImageFolder.open(zip).train().size());
        try (Stream<Path> paths = Files.walk(folder)) {
            assertEquals(before, paths.count());
        }
    }

    @Test
    void aZipBombIsRefusedByItsLength() throws IOException {
        files.put("train/cat/c.png", Arrays.copyOf(png(BufferedImage.TYPE_3BYTE_BGR), ImageSource.LARGEST_FILE + 1));
        Path path = zip("");
        assertTrue(Files.size(path) < 200_000);
        String message =
                assertThrows(DataException.class, () -> ImageFolder.open(path)).getMessage();
        assertTrue(message.contains("train/cat/c.png") && message.contains("bytes long"), message);
    }

    @Test
    void aDamagedZip() throws IOException {
        Path path = zip("");
        byte[] bytes = Files.readAllBytes(path);
        Files.write(path, Arrays.copyOf(bytes, bytes.length - 30));
        String message =
                assertThrows(DataException.class, () -> ImageFolder.open(path)).getMessage();
        assertTrue(message.contains("no zip file that can be read"), message);
        for (int i = 60; i < 90; i++) bytes[i] ^= 0x55; // in the packed content of the first image
        Files.write(path, bytes);
        message =
                assertThrows(DataException.class, () -> ImageFolder.open(path)).getMessage();
        assertTrue(message.contains("train/cat/b.png"), message);
        assertFalse(message.contains("null"), message);
    }
}
