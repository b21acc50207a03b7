package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.tensor.Shape;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFileTest {
    /** 0.299 R + 0.587 G + 0.114 B in double, then one rounding to float. */
    private static final float ROUNDING = 1e-7f;

    @TempDir
    Path folder;

    private Path png(String name, int width, int height, int type, int rgb) throws IOException {
        BufferedImage image = new BufferedImage(width, height, type);
        for (int y = 0; y < height; y++) for (int x = 0; x < width; x++) image.setRGB(x, y, rgb);
        Path file = folder.resolve(name);
        ImageIO.write(image, "png", file.toFile());
        return file;
    }

    @Test
    void coloursAsTheSampleHasThem() throws IOException {
        Path file = png("colour.png", 2, 2, BufferedImage.TYPE_INT_RGB, 0xff8000);
        float[] colour = ImageFile.read(file, Shape.of(3, 2, 2));
        float half = 128 / 255f;
        assertArrayEquals(new float[] {1, 1, 1, 1, half, half, half, half, 0, 0, 0, 0}, colour);
        float[] grey = ImageFile.read(file, Shape.of(1, 2, 2));
        assertEquals(0.299f + 0.587f * half, grey[3], ROUNDING);
        BufferedImage image = new BufferedImage(1, 1, BufferedImage.TYPE_BYTE_GRAY);
        image.getRaster().setSample(0, 0, 0, 51);
        Path single = folder.resolve("grey.png");
        ImageIO.write(image, "png", single.toFile());
        assertArrayEquals(new float[] {0.2f, 0.2f, 0.2f}, ImageFile.read(single, Shape.of(3, 1, 1)));
    }

    @Test
    void scalesAndCropsToTheSample() throws IOException {
        Path file = png("large.png", 40, 20, BufferedImage.TYPE_INT_RGB, 0x336699);
        float[] values = ImageFile.read(file, Shape.of(3, 8, 8));
        assertEquals(3 * 64, values.length);
        assertEquals(0x33 / 255f, values[0]);
        assertEquals(0x99 / 255f, values[3 * 64 - 1]);
    }

    @Test
    void nameDoesNotMatter() throws IOException {
        Path file = png("image.png", 3, 3, BufferedImage.TYPE_INT_RGB, 0xffffff);
        Path other = Files.copy(file, folder.resolve("image.dat"));
        assertArrayEquals(ImageFile.read(file, Shape.of(3, 3, 3)), ImageFile.read(other, Shape.of(3, 3, 3)));
    }

    @Test
    void saysWhatIsWrong() throws IOException {
        Shape shape = Shape.of(1, 4, 4);
        Path text = Files.writeString(folder.resolve("text.png"), "no image");
        Path empty = Files.createFile(folder.resolve("empty.png"));
        Path whole = png("whole.png", 9, 9, BufferedImage.TYPE_INT_RGB, 0x123456);
        Path cut = Files.write(folder.resolve("cut.png"), java.util.Arrays.copyOf(Files.readAllBytes(whole), 60));
        Path clear = png("clear.png", 4, 4, BufferedImage.TYPE_INT_ARGB, 0x80ffffff);
        says(folder.resolve("missing.png"), shape, "no such file");
        says(folder, shape, "not a file");
        says(text, shape, "neither a JPEG nor a PNG");
        says(empty, shape, "empty");
        says(cut, shape, "damaged");
        says(clear, shape, "transparent");
        assertThrows(IllegalArgumentException.class, () -> ImageFile.read(whole, Shape.of(2, 4, 4)));
    }

    private static void says(Path file, Shape shape, String what) {
        String message = assertThrows(DataException.class, () -> ImageFile.read(file, shape))
                .getMessage();
        assertTrue(message.startsWith(file + ": ") && message.contains(what), message);
    }
}
