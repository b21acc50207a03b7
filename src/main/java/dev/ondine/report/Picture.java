package dev.ondine.report;

import dev.ondine.tensor.Shape;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import javax.imageio.ImageIO;

/** A small picture of colours, 0xRRGGBB, row by row. Without words in it: those would need fonts, which servers may lack. */
public final class Picture {
    private static final int WHITE = 0xffffff;

    private final int width;
    private final int height;
    private final int[] colors;

    private Picture(int width, int height, int[] colors) {
        this.width = width;
        this.height = height;
        this.colors = colors;
    }

    /**
     * A sample as people see it.
     *
     * @param values (channels, height, width) from {@code offset} on; outside of [0, 1] they are cut off. One channel is grey, three
     *     are red, green and blue; of another number the mean is shown
     */
    public static Picture of(float[] values, int offset, Shape shape) {
        int channels = Math.toIntExact(shape.dim(0));
        int height = Math.toIntExact(shape.dim(1));
        int width = Math.toIntExact(shape.dim(2));
        int plane = height * width;
        int[] colors = new int[plane];
        for (int i = 0; i < plane; i++) {
            if (channels == 3) {
                int red = level(values[offset + i]);
                int green = level(values[offset + plane + i]);
                colors[i] = red << 16 | green << 8 | level(values[offset + 2 * plane + i]);
            } else {
                float sum = 0;
                for (int c = 0; c < channels; c++) sum += values[offset + c * plane + i];
                colors[i] = level(sum / channels) * 0x10101;
            }
        }
        return new Picture(width, height, colors);
    }

    private static int level(float value) {
        return (int) Math.clamp(Math.round(255 * value), 0L, 255L);
    }

    public int width() {
        return width;
    }

    public int height() {
        return height;
    }

    /** The colour of a pixel, 0xRRGGBB. */
    public int color(int x, int y) {
        return colors[y * width + x];
    }

    /**
     * This picture in pale grey under a map of how much each pixel speaks for something (red) or against it (blue).
     *
     * @param map a number a pixel; the largest by its amount gets the full colour
     */
    public Picture under(float[] map) {
        float most = 0;
        for (float m : map) most = Math.max(most, Math.abs(m));
        int[] mixed = new int[colors.length];
        for (int i = 0; i < mixed.length; i++) {
            int rgb = colors[i];
            double grey = 0.299 * (rgb >> 16) + 0.587 * (rgb >> 8 & 255) + 0.114 * (rgb & 255);
            int pale = (int) Math.round(140 + grey * 115 / 255);
            double share = most == 0 ? 0 : Math.sqrt(Math.abs(map[i]) / most) * 0.85;
            mixed[i] = mix(pale * 0x10101, map[i] > 0 ? 0xc81e1e : 0x1e50c8, share);
        }
        return new Picture(width, height, mixed);
    }

    private static int mix(int from, int to, double share) {
        int mixed = 0;
        for (int shift = 16; shift >= 0; shift -= 8) {
            double a = from >> shift & 255;
            double b = to >> shift & 255;
            mixed |= (int) Math.round(a + (b - a) * share) << shift;
        }
        return mixed;
    }

    /** Every pixel as a square of so many. */
    public Picture enlarged(int times) {
        int[] large = new int[colors.length * times * times];
        int w = width * times;
        for (int y = 0; y < height * times; y++) {
            for (int x = 0; x < w; x++) large[y * w + x] = colors[y / times * width + x / times];
        }
        return new Picture(w, height * times, large);
    }

    /** Pictures of one height next to one another on white, with a gap between them. */
    public static Picture row(List<Picture> pictures, int gap) {
        int height = pictures.getFirst().height;
        int width = gap * (pictures.size() - 1);
        for (Picture p : pictures) width += p.width;
        int[] colors = new int[width * height];
        Arrays.fill(colors, WHITE);
        int x = 0;
        for (Picture p : pictures) {
            if (p.height != height)
                throw new IllegalArgumentException(
                        "pictures of " + height + " and " + p.height + " pixels of height do not stand in one row");
            for (int y = 0; y < height; y++) System.arraycopy(p.colors, y * p.width, colors, y * width + x, p.width);
            x += p.width + gap;
        }
        return new Picture(width, height, colors);
    }

    /** As a PNG file. */
    public byte[] png() {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        image.setRGB(0, 0, width, height, colors, 0, width);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            ImageIO.setUseCache(false); // no file beside what is in memory anyway
            if (!ImageIO.write(image, "png", bytes)) throw new IOException("this Java writes no PNG files");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** As the address of an {@code <img>} that carries the picture itself. */
    public String dataUri() {
        return "data:image/png;base64," + Base64.getEncoder().encodeToString(png());
    }
}
