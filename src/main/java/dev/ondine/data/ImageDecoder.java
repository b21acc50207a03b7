package dev.ondine.data;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.IndexColorModel;
import java.awt.image.PixelInterleavedSampleModel;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Locale;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStreamImpl;

/** Decodes JPEG and PNG files to bytes, channels first. For one thread: it keeps its readers. */
final class ImageDecoder implements AutoCloseable {
    /**
     * An image in bytes.
     *
     * @param pixels one plane if grey, else red, green and blue
     */
    record Decoded(int channels, int height, int width, byte[] pixels) {
        /** This image with as many channels; grey becomes three equal planes. */
        byte[] pixels(int wanted) {
            if (wanted == channels) return pixels;
            byte[] all = new byte[wanted * pixels.length];
            for (int c = 0; c < wanted; c++) System.arraycopy(pixels, 0, all, c * pixels.length, pixels.length);
            return all;
        }
    }

    /** Says which dimensions are wanted, before an image is decoded. */
    interface SizeCheck {
        /**
         * @throws DataException if the image is not to be decoded
         */
        void check(int height, int width);
    }

    private enum Format {
        JPEG,
        PNG
    }

    private final ImageReader[] readers = new ImageReader[Format.values().length];
    private String damage;

    /**
     * @param name ends with .jpg, .jpeg or .png
     * @throws IOException if it is no such image, or a damaged one; the message says how
     */
    Decoded decode(String name, byte[] file, SizeCheck size) throws IOException {
        Format format = format(name, file);
        ImageReader reader = reader(format);
        try (Bytes bytes = new Bytes(file)) {
            reader.setInput(bytes, true, true);
            int width = reader.getWidth(0);
            int height = reader.getHeight(0);
            size.check(height, width);
            damage = null;
            BufferedImage image = reader.read(0);
            if (damage != null) throw new IOException("it is damaged (" + damage + ")");
            return planes(image);
        } catch (DataException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new IOException(
                    "it is damaged (" + e + ")", e); // ImageIO trips over some damaged headers in this way
        } finally {
            reader.setInput(null);
        }
    }

    private static Format format(String name, byte[] file) throws IOException {
        Format named = name.toLowerCase(Locale.ROOT).endsWith(".png") ? Format.PNG : Format.JPEG;
        Format found = starts(file, 0xff, 0xd8, 0xff)
                ? Format.JPEG
                : starts(file, 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n') ? Format.PNG : null;
        if (found == null) {
            throw new IOException(file.length == 0 ? "it is empty" : "it is neither a JPEG nor a PNG file");
        }
        if (found != named) throw new IOException("it is a " + found + " file by its content, but not by its name");
        if (found == Format.PNG) checkEnd(file);
        return found;
    }

    /** Follows a PNG's chunks to the last: ImageIO would not notice if the end were missing. */
    private static void checkEnd(byte[] png) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(png);
        for (long at = 8; at + 12 <= png.length; ) {
            long length = Integer.toUnsignedLong(buffer.getInt((int) at));
            if (buffer.getInt((int) at + 4) == 0x49454e44) return; // "IEND"
            at += 12 + length;
        }
        throw new IOException("it is damaged (truncated: it has no IEND chunk)");
    }

    private static boolean starts(byte[] file, int... magic) {
        if (file.length < magic.length) return false;
        for (int i = 0; i < magic.length; i++) {
            if ((file[i] & 0xff) != magic[i]) return false;
        }
        return true;
    }

    private ImageReader reader(Format format) {
        if (readers[format.ordinal()] == null) {
            ImageReader reader =
                    ImageIO.getImageReadersByFormatName(format.name()).next();
            // A truncated JPEG is no error to ImageIO: the rest is grey, and there is a warning.
            reader.addIIOReadWarningListener((_, warning) -> {
                String lower = warning.toLowerCase(Locale.ROOT);
                if (lower.contains("corrupt") || lower.contains("premature") || lower.contains("truncated"))
                    damage = warning;
            });
            readers[format.ordinal()] = reader;
        }
        return readers[format.ordinal()];
    }

    /**
     * An image that is decoded already, in bytes.
     *
     * @throws IOException if it has transparent pixels
     */
    static Decoded planes(BufferedImage image) throws IOException {
        ColorModel model = image.getColorModel();
        Raster raster = image.getRaster();
        boolean bytes = model instanceof ComponentColorModel && raster.getTransferType() == DataBuffer.TYPE_BYTE;
        boolean shorts = model instanceof ComponentColorModel && raster.getTransferType() == DataBuffer.TYPE_USHORT;
        int type = model.getColorSpace().getType();
        if ((bytes || shorts) && type == ColorSpace.TYPE_GRAY) return bands(image, 1, shorts ? 8 : 0);
        if ((bytes || shorts) && type == ColorSpace.TYPE_RGB) return bands(image, 3, shorts ? 8 : 0);
        return converted(image, model instanceof IndexColorModel index && grey(index));
    }

    /** The samples as they are stored. (Not getRGB, which would apply a gamma curve to grey.) */
    private static Decoded bands(BufferedImage image, int channels, int shift) throws IOException {
        Raster raster = image.getRaster();
        int width = image.getWidth();
        int height = image.getHeight();
        int bands = raster.getNumBands();
        if (bands > channels) opaque(raster, bands - 1, 255 << shift | (shift == 0 ? 0 : 255));
        byte[] pixels = new byte[channels * height * width];
        if (shift == 0
                && bands == channels
                && raster.getDataBuffer() instanceof DataBufferByte buffer
                && raster.getSampleModel() instanceof PixelInterleavedSampleModel layout) {
            int[] offsets = layout.getBandOffsets();
            byte[] data = buffer.getData();
            for (int c = 0, to = 0; c < channels; c++) {
                for (int y = 0; y < height; y++) {
                    int from = buffer.getOffset() + y * layout.getScanlineStride() + offsets[c];
                    for (int x = 0; x < width; x++, from += layout.getPixelStride()) pixels[to++] = data[from];
                }
            }
            return new Decoded(channels, height, width, pixels);
        }
        int[] row = new int[width];
        for (int c = 0, to = 0; c < channels; c++) {
            for (int y = 0; y < height; y++) {
                raster.getSamples(0, y, width, 1, c, row);
                for (int x = 0; x < width; x++) pixels[to++] = (byte) (row[x] >> shift);
            }
        }
        return new Decoded(channels, height, width, pixels);
    }

    private static Decoded converted(BufferedImage image, boolean grey) throws IOException {
        int width = image.getWidth();
        int height = image.getHeight();
        int plane = height * width;
        byte[] pixels = new byte[grey ? plane : 3 * plane];
        int[] row = new int[width];
        for (int y = 0; y < height; y++) {
            image.getRGB(0, y, width, 1, row, 0, width);
            for (int x = 0; x < width; x++) {
                if (row[x] >>> 24 != 255)
                    throw new IOException("it has transparent pixels; only opaque images are possible");
                for (int c = 0; c * plane < pixels.length; c++) {
                    pixels[c * plane + y * width + x] = (byte) (row[x] >> (16 - 8 * c));
                }
            }
        }
        return new Decoded(grey ? 1 : 3, height, width, pixels);
    }

    private static void opaque(Raster raster, int band, int full) throws IOException {
        int[] row = new int[raster.getWidth()];
        for (int y = 0; y < raster.getHeight(); y++) {
            for (int alpha : raster.getSamples(0, y, row.length, 1, band, row)) {
                if (alpha != full) throw new IOException("it has transparent pixels; only opaque images are possible");
            }
        }
    }

    private static boolean grey(IndexColorModel model) {
        for (int i = 0; i < model.getMapSize(); i++) {
            if (model.getRed(i) != model.getGreen(i) || model.getRed(i) != model.getBlue(i)) return false;
        }
        return true;
    }

    @Override
    public void close() {
        for (ImageReader reader : readers) {
            if (reader != null) reader.dispose();
        }
    }

    /** A file in memory, without the cache in blocks that ImageIO's own streams keep. */
    private static final class Bytes extends ImageInputStreamImpl {
        private final byte[] file;

        Bytes(byte[] file) {
            this.file = file;
        }

        @Override
        public int read() {
            bitOffset = 0;
            return streamPos < file.length ? file[(int) streamPos++] & 0xff : -1;
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            bitOffset = 0;
            int count = (int) Math.min(length, file.length - streamPos);
            if (count <= 0) return length == 0 ? 0 : -1;
            System.arraycopy(file, (int) streamPos, into, offset, count);
            streamPos += count;
            return count;
        }

        @Override
        public long length() {
            return file.length;
        }
    }
}
