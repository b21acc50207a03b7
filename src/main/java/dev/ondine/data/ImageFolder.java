package dev.ondine.data;

import dev.ondine.data.ImageDecoder.Decoded;
import dev.ondine.tensor.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * JPEG and PNG files in a folder or a zip: {@code train/<class>/*.jpg|jpeg|png} and {@code test/<class>/...}, possibly
 * within one folder around them. The classes are sorted by name; {@code test} may lack some. Other files, hidden ones
 * and deeper folders are ignored. All images are decoded once, on all processors, into bytes: grey (one channel) if
 * every image is grey by its format, else red, green, blue. An alpha channel must be opaque.
 */
public final class ImageFolder {
    private static final int LARGEST_SIDE = 1 << 15;
    private static final long MOST_PIXELS = 1 << 26;

    private final Path path;
    private final ImageLayout layout;
    /** What to scale to, (height, width); null if all images must be as large as the first. */
    private final Shape scaled;

    private final long mostPixels;
    private final Decoded[] images;
    private int failedAt = Integer.MAX_VALUE;
    private DataException failure;

    private ImageFolder(Path path, ImageLayout layout, Shape scaled, int threads) {
        this.path = path;
        this.layout = layout;
        this.scaled = scaled;
        this.mostPixels = mostPixels(threads);
        this.images = new Decoded[layout.names().size()];
    }

    /**
     * Reads images that are all of one size.
     *
     * @param path a folder or a zip file
     * @throws DataException if there is none, a part or a class has no images, a class to test on is not among those to
     *     train on, an image cannot be decoded or is of another size than the first, or all would not fit into memory
     */
    public static DataSplit open(Path path) {
        return open(path, null);
    }

    /**
     * Reads images of any sizes: the largest centred part of the right proportions is scaled to the given size.
     *
     * @throws DataException as {@link #open(Path)}, but for the sizes
     */
    public static DataSplit open(Path path, int height, int width) {
        requireSize(height, width);
        return open(path, Shape.of(height, width));
    }

    /** Of an image, so that every thread may be at one, in ImageIO's bytes and in ours, within half of the heap. */
    static long mostPixels(int threads) {
        return Math.min(MOST_PIXELS, Runtime.getRuntime().maxMemory() / 2 / threads / 8);
    }

    static void requireSize(int height, int width) {
        if (height < 1 || width < 1 || height > LARGEST_SIDE || width > LARGEST_SIDE) {
            throw new IllegalArgumentException(
                    "image size " + height + "x" + width + "; both must be from 1 to " + LARGEST_SIDE);
        }
    }

    private static DataSplit open(Path path, Shape scaled) {
        int threads = Runtime.getRuntime().availableProcessors();
        try (ImageSource source = ImageSource.open(path);
                ImageDecoder decoder = new ImageDecoder()) {
            ImageLayout layout = ImageLayout.of(path.toString(), source.names());
            ImageFolder folder = new ImageFolder(path, layout, scaled, threads);
            folder.images[0] = folder.decode(source, decoder, 0);
            folder.checkMemory(folder.images[0].channels());
            folder.decodeRest(threads);
            return folder.split();
        } catch (IOException | UncheckedIOException e) {
            throw new DataException(path + ": cannot be read: " + e, e);
        }
    }

    private Decoded decode(ImageSource source, ImageDecoder decoder, int index) {
        String name = layout.names().get(index);
        try {
            Decoded image = decoder.decode(name, source.bytes(name), (h, w) -> checkSize(source.describe(name), h, w));
            return scaled == null ? image : ImageResize.to(image, (int) scaled.dim(0), (int) scaled.dim(1));
        } catch (IOException e) {
            throw new DataException(source.describe(name) + ": cannot be decoded: " + e.getMessage(), e);
        }
    }

    static void checkSize(String image, int height, int width, long mostPixels) {
        if (height > LARGEST_SIDE || width > LARGEST_SIDE || (long) height * width > mostPixels) {
            throw new DataException(image + ": claims " + height + "x" + width + " pixels; allowed are " + LARGEST_SIDE
                    + " a side and, with this JVM's heap (-Xmx), " + mostPixels + " in all");
        }
    }

    private void checkSize(String image, int height, int width) {
        checkSize(image, height, width, mostPixels);
        Decoded first = images[0];
        if (scaled == null && first != null && (height != first.height() || width != first.width())) {
            throw new DataException(image + ": is " + height + "x" + width + " pixels large (height x width), but "
                    + layout.names().getFirst() + " is " + first.height() + "x" + first.width()
                    + "; all must be of one size, or a size to scale to must be given (images:...?size=HxW)");
        }
    }

    private void checkMemory(int channels) {
        Checks.memory(path.toString(), (long) images.length * channels * images[0].height() * images[0].width());
    }

    /**
     * Decodes all but the first. Of several bad images, the first in order is reported, however threads are scheduled.
     */
    private void decodeRest(int threads) throws IOException {
        AtomicInteger next = new AtomicInteger(1);
        List<Future<Void>> workers = new ArrayList<>();
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            for (int t = 0; t < threads; t++) workers.add(pool.submit(() -> work(next)));
            for (Future<Void> worker : workers) worker.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DataException(path + ": reading was interrupted", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException io) throw io;
            throw new DataException(path + ": cannot be read: " + e.getCause(), e.getCause());
        }
        if (failure != null) throw failure;
    }

    private Void work(AtomicInteger next) throws IOException {
        try (ImageSource source = ImageSource.open(path);
                ImageDecoder decoder = new ImageDecoder()) {
            for (int i = next.getAndIncrement(); i < images.length; i = next.getAndIncrement()) {
                try {
                    images[i] = decode(source, decoder, i);
                } catch (DataException e) {
                    fail(i, e);
                    next.set(images.length);
                }
            }
        }
        return null;
    }

    private synchronized void fail(int index, DataException e) {
        if (index >= failedAt) return;
        failedAt = index;
        failure = e;
    }

    private DataSplit split() {
        int channels = Arrays.stream(images).mapToInt(Decoded::channels).max().orElseThrow();
        checkMemory(channels);
        byte[][] pixels = new byte[images.length][];
        for (int i = 0; i < images.length; i++) pixels[i] = images[i].pixels(channels);
        Shape shape = Shape.of(channels, images[0].height(), images[0].width());
        return new DataSplit(
                "images:" + path,
                part("train", shape, pixels, 0, layout.train()),
                part("test", shape, pixels, layout.train(), pixels.length));
    }

    private ByteImages part(String name, Shape shape, byte[][] pixels, int from, int to) {
        return new ByteImages(
                path.getFileName() + " " + name,
                shape,
                Arrays.copyOfRange(pixels, from, to),
                Arrays.copyOfRange(layout.labels(), from, to),
                layout.classes());
    }
}
