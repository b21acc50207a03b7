package dev.ondine.data;

import dev.ondine.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Cuts a data set into batches and writes them, normalized, where the caller wants them. The order of an epoch depends
 * on the seed and the number of the epoch and on nothing else, so that a run can be resumed at any epoch. A loader is
 * immutable and may have several epochs under way at once, each used by one thread at a time.
 */
public final class BatchLoader {
    private final Dataset set;
    private final int batchSize;
    private final boolean shuffle;
    private final long seed;
    private final boolean dropLast;
    private final Normalization normalization;
    private final Augmentation augmentation;
    /** Black, normalized, a channel each. */
    private final float[] frame;

    private final int elements;
    private final int size;
    private final int classes;
    /** The data set if it is made of bytes, which go through tables; else null. */
    private final ByteImages bytes;

    private final float[][] tables;

    /**
     * @param batchSize images a batch, at least 1
     * @param shuffle whether each epoch has a random order of its own; else it is the data set's
     * @param seed decides the orders, together with the number of the epoch
     * @param dropLast whether to leave out a last batch with fewer than {@code batchSize} images
     * @param normalization of the data set's channels
     * @throws IllegalArgumentException if the batch size is below 1, the channels do not agree, or no batch would be
     *     left
     */
    public BatchLoader(
            Dataset set, int batchSize, boolean shuffle, long seed, boolean dropLast, Normalization normalization) {
        this(set, batchSize, shuffle, seed, dropLast, normalization, Augmentation.NONE);
    }

    /**
     * A loader that also augments.
     *
     * @param augmentation of every image, anew in each epoch
     * @throws IllegalArgumentException as the other constructor, and if the augmentation does not fit the images
     */
    public BatchLoader(
            Dataset set,
            int batchSize,
            boolean shuffle,
            long seed,
            boolean dropLast,
            Normalization normalization,
            Augmentation augmentation) {
        Shape shape = set.sampleShape();
        this.set = set;
        this.batchSize = batchSize;
        this.shuffle = shuffle;
        this.seed = seed;
        this.dropLast = dropLast;
        this.normalization = normalization;
        this.augmentation = augmentation;
        augmentation.requireFits(set.name(), shape);
        this.elements = Checks.sampleElements(set.name(), shape);
        this.size = set.size();
        this.classes = set.classes().size();
        if (batchSize < 1) throw new IllegalArgumentException("batch size " + batchSize + "; it must be at least 1");
        if (normalization.channels() != shape.dim(0)) {
            throw new IllegalArgumentException("normalization of " + normalization.channels()
                    + " channels for the data set '" + set.name() + "' of the sample shape " + shape);
        }
        if (batches() == 0) {
            throw new IllegalArgumentException(
                    "data set '" + set.name() + "' has " + size + " samples, fewer than one batch of "
                            + batchSize + (dropLast ? ", and a smaller last batch is dropped" : "")
                            + ": choose a smaller batch size" + (dropLast ? " or keep the last batch" : ""));
        }
        this.frame = new float[normalization.channels()];
        normalization.apply(frame, 0, frame.length);
        this.bytes = set instanceof ByteImages b ? b : null;
        this.tables = bytes == null ? null : bytes.lookup(normalization);
    }

    /** The batches of an epoch, the smaller last one included unless it is dropped. */
    public int batches() {
        return dropLast ? size / batchSize : Math.ceilDiv(size, batchSize);
    }

    /** The images of an epoch, those of a dropped last batch not counted. */
    public int samples() {
        return dropLast ? batches() * batchSize : size;
    }

    public int batchSize() {
        return batchSize;
    }

    public Dataset dataset() {
        return set;
    }

    public Normalization normalization() {
        return normalization;
    }

    /** The first batch of an epoch is next. Epochs may be visited in any order, and again. */
    public Epoch epoch(int epoch) {
        return new Epoch(epoch, shuffle ? Seeds.permutation(size, Seeds.stream(seed, 'L', epoch)) : null);
    }

    /** A way through the data set, batch by batch. For one thread at a time. */
    public final class Epoch {
        private final int[] order;
        private final float[] sample = new float[elements];
        private final float[] augmented = augmentation.isNone() ? sample : new float[elements];
        private final long key;
        private int position;

        private Epoch(int epoch, int[] order) {
            this.key = Seeds.stream(seed, 'A', epoch).nextLong();
            this.order = order;
        }

        /** Passes over so many batches as if they had been delivered; at the end at most. */
        public void skip(int batches) {
            position = (int) Math.min(samples(), position + (long) batches * batchSize);
        }

        /** How many images {@link #next} will deliver; 0 at the end. */
        public int nextCount() {
            return Math.min(batchSize, samples() - position);
        }

        /**
         * Writes the next batch. Allocates nothing.
         *
         * @param images room for {@code (count, channels, height, width)} float32 values, plain layout
         * @param labels room for {@code count} int32 values
         * @return the number of images written: the batch size, fewer in the last batch, 0 at the end of the epoch
         * @throws IllegalArgumentException if a segment is too small, or the data set gives a label that it has no
         *     class for
         */
        public int next(MemorySegment images, MemorySegment labels) {
            int count = nextCount();
            room("images", images, (long) count * elements * Float.BYTES);
            room("labels", labels, (long) count * Integer.BYTES);
            for (int i = 0; i < count; i++) {
                int index = order == null ? position + i : order[position + i];
                if (bytes != null) {
                    bytes.read(index, tables, sample);
                } else {
                    set.read(index, sample, 0);
                    normalization.apply(sample, 0, elements);
                }
                if (!augmentation.isNone()) {
                    Shape shape = set.sampleShape();
                    long random = Seeds.mix(key + index * 0x9E3779B97F4A7C15L);
                    augmentation.apply(sample, augmented, (int) shape.dim(1), (int) shape.dim(2), frame, random);
                }
                // By way of an array in the first-level cache: stores to a segment one by one are slower.
                MemorySegment.copy(
                        augmented, 0, images, ValueLayout.JAVA_FLOAT, (long) i * elements * Float.BYTES, elements);
                labels.setAtIndex(ValueLayout.JAVA_INT, i, label(index));
            }
            position += count;
            return count;
        }

        private int label(int index) {
            int label = set.label(index);
            if (label < 0 || label >= classes) {
                throw new IllegalArgumentException("data set '" + set.name() + "': sample " + index + " has the label "
                        + label + "; with " + classes + " classes, labels go from 0 to " + (classes - 1));
            }
            return label;
        }

        private static void room(String what, MemorySegment segment, long bytes) {
            if (segment.byteSize() < bytes) {
                throw new IllegalArgumentException("the segment for the " + what + " of a batch has "
                        + segment.byteSize() + " bytes; the batch needs " + bytes);
            }
        }
    }
}
