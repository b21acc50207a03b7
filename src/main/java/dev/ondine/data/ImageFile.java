package dev.ondine.data;

import dev.ondine.data.ImageDecoder.Decoded;
import dev.ondine.tensor.Shape;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Single images, as a sample of the shape that a model takes. JPEG and PNG files are read. Colours become grey (0.299 R + 0.587 G +
 * 0.114 B, ITU-R BT.601) where the sample has one channel, grey three equal channels where it has three.
 */
public final class ImageFile {
    /** What messages call an image that has no name. */
    private static final String UNNAMED = "the image";

    private static final int LARGEST_SIDE = 1 << 15;

    /** Decoded, an image of so many pixels takes a few hundred megabytes. */
    private static final long MOST_PIXELS = 1 << 26;

    private ImageFile() {}

    /**
     * Reads an image and makes it fit: the largest centred part of the right proportions is scaled to the sample's height and width.
     *
     * @param sample (channels, height, width), channels 1 or 3
     * @return values in [0, 1], channels first, as {@link Dataset#read} gives them: not normalized
     * @throws DataException naming the file and what is wrong with it
     * @throws IllegalArgumentException if a picture cannot have the sample's shape
     */
    public static float[] read(Path file, Shape sample) {
        return read(file, sample, 1);
    }

    /**
     * As {@link #read(Path, Shape)}, of the middle of an image.
     *
     * @param crop the share of the largest centred part's sides that is used, in (0, 1]. torchvision's {@code Resize(256)} and
     *     {@code CenterCrop(224)} are 224/256 = 0.875 here
     */
    public static float[] read(Path file, Shape sample, double crop) {
        requireImage(sample, crop);
        if (!Files.exists(file)) throw new DataException(file + ": there is no such file");
        if (!Files.isRegularFile(file)) throw new DataException(file + ": is not a file; name the images one by one");
        try {
            if (Files.size(file) > ImageSource.LARGEST_FILE) {
                throw new DataException(file + ": is " + Files.size(file) + " bytes long; one image may have "
                        + ImageSource.LARGEST_FILE);
            }
            return decoded(file.toString(), Files.readAllBytes(file), sample, crop);
        } catch (IOException e) {
            throw unreadable(file.toString(), e);
        }
    }

    /**
     * As {@link #read(Path, Shape, double)}, of a file in memory: an upload, say.
     *
     * @param file the bytes of a JPEG or PNG file
     */
    public static float[] read(byte[] file, Shape sample, double crop) {
        requireImage(sample, crop);
        try {
            return decoded(UNNAMED, file, sample, crop);
        } catch (IOException e) {
            throw unreadable(UNNAMED, e);
        }
    }

    /** As {@link #read(Path, Shape, double)}, of an image that is decoded already. Its pixels must be opaque. */
    public static float[] read(BufferedImage image, Shape sample, double crop) {
        requireImage(sample, crop);
        checkSize(UNNAMED, image.getHeight(), image.getWidth());
        try {
            return fitted(ImageDecoder.planes(image), sample, crop);
        } catch (IOException e) {
            throw unreadable(UNNAMED, e);
        }
    }

    private static void requireImage(Shape sample, double crop) {
        if (sample.rank() != 3 || (sample.dim(0) != 1 && sample.dim(0) != 3)) {
            throw new IllegalArgumentException(
                    "an image file is grey or coloured, (1, height, width) or (3, height, width); it does not become a"
                            + " sample of the shape " + sample);
        }
        if (!(crop > 0 && crop <= 1)) throw new IllegalArgumentException("the crop must be in (0, 1], not " + crop);
    }

    private static float[] decoded(String name, byte[] content, Shape sample, double crop) throws IOException {
        try (ImageDecoder decoder = new ImageDecoder()) {
            return fitted(decoder.decode(typed(name, content), content, (h, w) -> checkSize(name, h, w)), sample, crop);
        }
    }

    private static float[] fitted(Decoded image, Shape sample, double crop) {
        Decoded scaled = ImageResize.to(image, Math.toIntExact(sample.dim(1)), Math.toIntExact(sample.dim(2)), crop);
        return values(scaled, (int) sample.dim(0));
    }

    private static DataException unreadable(String name, IOException e) {
        return new DataException(name + ": cannot be read as an image: " + e.getMessage(), e);
    }

    /** The content decides here, not the name: people name files as they like. */
    private static String typed(String file, byte[] content) {
        return content.length > 1 && content[0] == (byte) 0x89 ? file + ".png" : file + ".jpg";
    }

    private static void checkSize(String file, int height, int width) {
        if (height > LARGEST_SIDE || width > LARGEST_SIDE || (long) height * width > MOST_PIXELS) {
            throw new DataException(file + ": claims " + height + "x" + width + " pixels; allowed are " + LARGEST_SIDE
                    + " a side and " + MOST_PIXELS + " in all");
        }
    }

    private static float[] values(Decoded image, int channels) {
        int plane = image.height() * image.width();
        float[] values = new float[channels * plane];
        if (channels == 1 && image.channels() == 3) {
            byte[] p = image.pixels();
            for (int i = 0; i < plane; i++) {
                double grey = 0.299 * (p[i] & 0xff) + 0.587 * (p[plane + i] & 0xff) + 0.114 * (p[2 * plane + i] & 0xff);
                values[i] = (float) (grey / 255);
            }
            return values;
        }
        byte[] p = image.pixels(channels);
        for (int i = 0; i < values.length; i++) values[i] = (p[i] & 0xff) / 255f;
        return values;
    }
}
