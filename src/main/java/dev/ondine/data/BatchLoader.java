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
    /** {@link #softClasses} where the images themselves are the targets. */
    private static final int IMAGES = -1;

    /** Probabilities a target; 0 if targets are class indices. */
    private final int softClasses;

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
        this(set, batchSize, shuffle, seed, dropLast, normalization, augmentation, 0);
    }

    private BatchLoader(
            Dataset set,
            int batchSize,
            boolean shuffle,
            long seed,
            boolean dropLast,
            Normalization normalization,
            Augmentation augmentation,
            int softClasses) {
        Shape shape = set.sampleShape();
        this.set = set;
        this.batchSize = batchSize;
        this.shuffle = shuffle;
        this.seed = seed;
        this.dropLast = dropLast;
        this.normalization = normalization;
        this.augmentation = augmentation;
        this.softClasses = softClasses;
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
        this.bytes = set instanceof ByteImages b ? b : null;
        this.tables = bytes == null ? null : bytes.lookup(normalization);
    }

    /**
     * This loader, with probabilities of all classes as targets instead of class indices: what mixed images need.
     *
     * @param classes of a target, at least the data set's; those that it does not have are never likely
     */
    public BatchLoader softTargets(int classes) {
        if (classes < this.classes) {
            throw new IllegalArgumentException("targets of " + classes + " classes for the data set '" + set.name()
                    + "', which has " + this.classes);
        }
        return new BatchLoader(set, batchSize, shuffle, seed, dropLast, normalization, augmentation, classes);
    }

    /**
     * This loader, with the images, augmented and normalized, as their own targets: for autoencoders.
     *
     * @throws IllegalArgumentException if images are mixed
     */
    public BatchLoader reconstruction() {
        if (!augmentation.mixing().isNone()) {
            throw new IllegalArgumentException("mixed images (" + augmentation.mixing()
                    + ") have probabilities of classes as targets; an autoencoder has its input");
        }
        return new BatchLoader(set, batchSize, shuffle, seed, dropLast, normalization, augmentation, IMAGES);
    }

    /** The bytes of a target: an INT32 class index, a float32 for each class, or an image. */
    public long targetBytes() {
        if (softClasses == IMAGES) return (long) elements * Float.BYTES;
        return softClasses == 0 ? Integer.BYTES : (long) softClasses * Float.BYTES;
    }

    /** The batches of an epoch, the smaller last one included unless it is dropped. */
    public int batches() {
        return dropLast ? size / batchSize : Math.ceilDiv(size, batchSize);
    }

    /** The images of an epoch, those of a dropped last batch not counted. */
    public int samples() {
        return dropLast ? batches() * batchSize : size;
    }

    /** Samples of a batch; the last one of an epoch may have fewer. */
    public int batchSize() {
        return batchSize;
    }

    /** What the batches are made of. */
    public Dataset dataset() {
        return set;
    }

    /** What samples are normalized with. */
    public Normalization normalization() {
        return normalization;
    }

    /** The first batch of an epoch is next. Epochs may be visited in any order, and again. */
    public Epoch epoch(int epoch) {
        return new Epoch(epoch, new Scratch());
    }

    /** An epoch whose batches are filled by others: {@link Epoch#fill} with a scratch for each thread. */
    Epoch shared(int epoch) {
        return new Epoch(epoch, null);
    }

    Scratch scratch() {
        return new Scratch();
    }

    /** What a thread needs to prepare batches, so that none allocates. */
    final class Scratch {
        private final Image image = new Image(set.sampleShape(), normalization.mean());
        private final Draws draws = new Draws();
        private final Mixing.Pair pair = augmentation.mixing().isNone() ? null : new Mixing.Pair(elements, softClasses);
    }

    /** A way through the data set, batch by batch. For one thread at a time. */
    public final class Epoch {
        private final int[] order;
        private final Scratch scratch;
        private final long key;
        private int batch;

        private Epoch(int epoch, Scratch scratch) {
            if (!augmentation.mixing().isNone() && softClasses == 0) {
                throw new IllegalStateException(
                        "the targets of mixed images are probabilities: use softTargets(classes)");
            }
            this.key = Seeds.stream(seed, 'A', epoch).nextLong();
            this.order = shuffle ? Seeds.permutation(size, Seeds.stream(seed, 'L', epoch)) : null;
            this.scratch = scratch;
        }

        /** Passes over so many batches as if they had been delivered; at the end at most. */
        public void skip(int batches) {
            batch = (int) Math.min(batches(), batch + (long) batches);
        }

        /** How many images {@link #next} will deliver; 0 at the end. */
        public int nextCount() {
            return count(batch);
        }

        /**
         * Writes the next batch. Allocates nothing.
         *
         * @param images room for {@code (count, channels, height, width)} float32 values, plain layout
         * @param targets room for {@code count} int32 values, {@code (count, classes)} float32 probabilities, or as much as the images
         * @return the number of images written: the batch size, fewer in the last batch, 0 at the end of the epoch
         * @throws IllegalArgumentException if a segment is too small, or the data set gives a label that it has no
         *     class for
         */
        public int next(MemorySegment images, MemorySegment targets) {
            int count = fill(batch, images, targets, scratch);
            if (count > 0) batch++;
            return count;
        }

        /** The images of a batch, counted from 0; 0 behind the last. */
        private int count(int batch) {
            return (int) Math.max(0, Math.min(batchSize, samples() - (long) batch * batchSize));
        }

        /** Writes any batch of the epoch; several threads may, each with a scratch of its own. */
        int fill(int batch, MemorySegment images, MemorySegment targets, Scratch scratch) {
            int count = count(batch);
            room("images", images, (long) count * elements * Float.BYTES);
            room(softClasses == 0 ? "labels" : "targets", targets, count * targetBytes());
            for (int i = 0; i < count; i++) {
                int position = batch * batchSize + i;
                int index = order == null ? position : order[position];
                read(index, scratch);
                // By way of an array in the first-level cache: stores to a segment one by one are slower.
                MemorySegment.copy(
                        scratch.image.pixels(),
                        0,
                        images,
                        ValueLayout.JAVA_FLOAT,
                        (long) i * elements * Float.BYTES,
                        elements);
                if (softClasses != IMAGES) target(targets, i, label(index));
            }
            if (softClasses == IMAGES) MemorySegment.copy(images, 0, targets, 0, count * targetBytes());
            if (scratch.pair != null) {
                scratch.draws.begin(key ^ Seeds.mix(batch));
                Shape shape = set.sampleShape();
                augmentation
                        .mixing()
                        .apply(
                                images,
                                targets,
                                count,
                                (int) shape.dim(1),
                                (int) shape.dim(2),
                                scratch.pair,
                                scratch.draws);
            }
            return count;
        }

        private void read(int index, Scratch scratch) {
            Image image = scratch.image;
            if (bytes != null && augmentation.transforms().isEmpty()) {
                bytes.read(index, tables, image.pixels());
                return;
            }
            set.read(index, image.pixels(), 0);
            scratch.draws.begin(key + index * 0x9E3779B97F4A7C15L);
            for (int t = 0; t < augmentation.transforms().size(); t++) {
                augmentation.transforms().get(t).apply(image, scratch.draws);
            }
            normalization.apply(image.pixels(), 0, elements);
        }

        private void target(MemorySegment targets, int i, int label) {
            if (softClasses == 0) {
                targets.setAtIndex(ValueLayout.JAVA_INT, i, label);
                return;
            }
            long row = (long) i * softClasses;
            for (int c = 0; c < softClasses; c++) {
                targets.setAtIndex(ValueLayout.JAVA_FLOAT, row + c, c == label ? 1 : 0);
            }
        }

        private int label(int index) {
            return Checks.label(set.name(), index, set.label(index), classes);
        }

        private static void room(String what, MemorySegment segment, long bytes) {
            if (segment.byteSize() < bytes) {
                throw new IllegalArgumentException("the segment for the " + what + " of a batch has "
                        + segment.byteSize() + " bytes; the batch needs " + bytes);
            }
        }
    }
}
