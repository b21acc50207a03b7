package dev.ondine.data;

import dev.ondine.data.ImageDecoder.Decoded;
import dev.ondine.tensor.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * JPEG and PNG files in a folder, laid out as {@link ImageFolder} wants them, each decoded whenever it is read: for more images than
 * memory holds. Whoever reads waits for the file and the decoder, which is why {@link BatchAhead} does it on threads of its own. All
 * images are red, green and blue; grey becomes three equal planes. Nothing is kept open.
 */
public final class LazyImages implements Dataset {
    private final Path root;
    private final String part;
    private final Shape shape;
    private final List<String> files;
    private final int[] labels;
    private final List<String> classes;
    private final long mostPixels;

    private LazyImages(Path root, String part, Shape shape, ImageLayout layout, int from, int to) {
        this.root = root;
        this.part = part;
        this.shape = shape;
        this.files = List.copyOf(layout.names().subList(from, to));
        this.labels = Arrays.copyOfRange(layout.labels(), from, to);
        this.classes = layout.classes();
        this.mostPixels = ImageFolder.mostPixels(Runtime.getRuntime().availableProcessors());
    }

    /**
     * Lists the files; none is decoded. The largest centred part of the right proportions of each is scaled to the given size.
     *
     * @param folder not a zip file, from which each image would be read by itself
     * @throws DataException if there is no such folder, a part or a class has no images, or a class to test on is not among those to
     *     train on
     */
    public static DataSplit open(Path folder, int height, int width) {
        ImageFolder.requireSize(height, width);
        if (!Files.isDirectory(folder)) {
            throw new DataException(folder + ": no such folder"
                    + (Files.isRegularFile(folder) ? "; a file must be unpacked to be decoded while training" : ""));
        }
        try (ImageSource source = ImageSource.open(folder)) {
            ImageLayout layout = ImageLayout.of(folder.toString(), source.names());
            Shape shape = Shape.of(3, height, width);
            int count = layout.names().size();
            return new DataSplit(
                    "images:" + folder,
                    new LazyImages(folder, "train", shape, layout, 0, layout.train()),
                    new LazyImages(folder, "test", shape, layout, layout.train(), count));
        } catch (IOException | UncheckedIOException e) {
            throw new DataException(folder + ": cannot be read: " + e, e);
        }
    }

    @Override
    public int size() {
        return files.size();
    }

    @Override
    public Shape sampleShape() {
        return shape;
    }

    @Override
    public List<String> classes() {
        return classes;
    }

    @Override
    public int label(int index) {
        return labels[Checks.index(this, index, labels.length)];
    }

    /**
     * Decodes an image.
     *
     * @throws DataException if it cannot be read or decoded, or is larger than memory allows; names the file
     */
    @Override
    public void read(int index, float[] into, int offset) {
        String name = files.get(Checks.index(this, index, files.size()));
        Checks.room(this, (int) shape.elements(), into, offset);
        Path file = root.resolve(name);
        // A decoder of its own for each image costs a hundredth of what decoding does, and leaves nothing to close.
        try (ImageSource source = ImageSource.open(root);
                ImageDecoder decoder = new ImageDecoder()) {
            Decoded image = decoder.decode(
                    name, source.bytes(name), (h, w) -> ImageFolder.checkSize(file.toString(), h, w, mostPixels));
            Decoded scaled = ImageResize.to(image, (int) shape.dim(1), (int) shape.dim(2));
            ByteImages.unit(scaled.pixels(3), into, offset);
        } catch (IOException e) {
            throw new DataException(file + ": cannot be decoded: " + e.getMessage(), e);
        }
    }

    @Override
    public String name() {
        return root.getFileName() + " " + part;
    }
}
