package dev.ondine.train;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.ImageFile;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.tensor.Shape;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Runs a model on samples, with the running statistics: batch normalization folded into the layers before it, weights packed once.
 * {@link #open} takes a file; for one that does not say everything itself, and for other settings, there is {@link #file}.
 *
 * <p>Any number of threads may call at once. Each call has a workspace of its own, of which there are at most
 * {@link PredictorSettings#concurrency}; further callers wait for their turn. All workspaces share the packed weights. For many requests
 * at a time take one thread a call ({@link PredictorSettings#threads threads(1)}) and as many calls at once as there are cores; for the
 * quickest answer to a single request all cores for one call. A call on one thread is computed on its caller's; one on several by
 * threads of the predictor's own, because OpenMP would keep a team of threads for every caller that it ever saw.
 *
 * <p>Batches of any size are split into powers of two up to 64, so that few plans are compiled whatever is asked for; the first call for
 * a size compiles, which takes a moment ({@link #warm}). Predictions follow a model that is being trained: after a change of its
 * parameters they are packed anew. A model that was not opened from a file here must outlive the predictor.
 */
public final class Predictor implements AutoCloseable {
    private static final int CHUNK = 64;

    /** How a predictor is made of a model in memory. */
    public static final class Builder extends PredictorSettings<Builder> {
        private final Model model;

        private Builder(Model model) {
            this.model = model;
        }

        @Override
        Builder self() {
            return this;
        }

        /** @throws IllegalArgumentException if the normalization or the names of the classes do not fit the model */
        public Predictor build() {
            return new Predictor(model, this, () -> {});
        }
    }

    /** How a predictor is made of a file. */
    public static final class Opener extends PredictorSettings<Opener> {
        private final SavedModel.Opener file;

        private Opener(SavedModel.Opener file) {
            this.file = file;
        }

        @Override
        Opener self() {
            return this;
        }

        /** As {@link SavedModel.Opener#model}: which network of the zoo a checkpoint holds that does not say it. */
        public Opener model(String name) {
            file.model(name);
            return this;
        }

        /** As {@link SavedModel.Opener#network}: the network that a checkpoint holds, if that is none of the zoo. */
        public Opener network(Layer network) {
            file.network(network);
            return this;
        }

        /** As {@link SavedModel.Opener#sample}: the shape of one sample. */
        public Opener sample(Shape sample) {
            file.sample(sample);
            return this;
        }

        /** As {@link SavedModel.Opener#classes}: how many classes the network of {@link #model} tells apart. */
        public Opener classes(int classes) {
            file.classes(classes);
            return this;
        }

        /**
         * Opens the file, and compiles for a single sample, so that what does not work here is said now and not to the first caller.
         *
         * @throws IOException as {@link SavedModel.Opener#open}
         * @throws IllegalArgumentException if the network, the normalization or the names of the classes do not fit
         * @throws dev.ondine.backend.BackendUnavailableException if a backend was asked for that cannot be loaded here
         * @throws dev.ondine.backend.UnsupportedPrecisionException if this machine has nothing for the precision
         */
        public Predictor open() throws IOException {
            SavedModel saved = file.open();
            try {
                saved.card().ifPresent(this::fill);
                Predictor predictor = new Predictor(saved.model(), this, saved::close);
                predictor.warm(1);
                return predictor;
            } catch (RuntimeException | Error e) {
                saved.close();
                throw e;
            }
        }
    }

    private final PlanPool pool;
    private final Model model;
    private final Optional<Normalization> normalization;
    private final ClassOutputs classes;
    private final double crop;
    private final int sampleSize;
    private final int outputSize;

    /** @param closed what to do when this is closed and nobody computes any more */
    private Predictor(Model model, PredictorSettings<?> s, Runnable closed) {
        this.model = model;
        this.normalization = s.normalization();
        this.crop = s.crop();
        if (normalization.isPresent()) requireChannels(model.sampleShape(), normalization.get());
        Shape output = outputShape(model);
        this.sampleSize = elements(model.sampleShape());
        this.outputSize = elements(output);
        this.classes = new ClassOutputs(model, output, s.classNames());
        this.pool = new PlanPool(model, s.backend(), s.options(), s.atOnce(), s.kept(), closed);
    }

    /**
     * @param model must outlive the predictor
     * @param normalization what the model was trained with; applied to every sample
     */
    public static Builder builder(Model model, Normalization normalization) {
        return new Builder(model).normalization(normalization);
    }

    /** Of a model from a file, with what that says about it. The predictor does not close it. */
    public static Builder builder(SavedModel saved) {
        Builder builder = new Builder(saved.model());
        saved.card().ifPresent(builder::fill);
        return builder;
    }

    /**
     * How a file is opened: a checkpoint or an ONNX file, see {@link SavedModel}.
     *
     * <p>{@code Predictor.file(path).model("resnet50").normalization(n).crop(0.875).threads(1).concurrency(8).open()}
     */
    public static Opener file(Path file) {
        return new Opener(SavedModel.file(file));
    }

    /**
     * Opens a checkpoint that was written by {@code ondine train}, or by {@link Checkpoint#save} with a {@link ModelCard}, or an ONNX file.
     *
     * @throws IOException as {@link Opener#open}
     */
    public static Predictor open(Path file) throws IOException {
        return file(file).open();
    }

    /**
     * In float32.
     *
     * @param normalization what the model was trained with; applied to every sample
     * @param threads that one call uses
     */
    public Predictor(Model model, Normalization normalization, Backend backend, int threads) {
        this(model, builder(model, normalization).backend(backend).threads(threads), () -> {});
    }

    /**
     * @param normalization what the model was trained with; applied to every sample
     * @param options how the model is compiled: threads that one call uses, precision
     */
    public Predictor(Model model, Normalization normalization, Backend backend, PlanOptions options) {
        this(model, builder(model, normalization).backend(backend).options(options), () -> {});
    }

    /** A predictor on the best backend with as many threads as this process may use. */
    public static Predictor of(Model model, Normalization normalization) {
        return builder(model, normalization).build();
    }

    private static void requireChannels(Shape sample, Normalization normalization) {
        if (sample.rank() == 0 || normalization.channels() != sample.dim(0)) {
            throw new IllegalArgumentException("the normalization is for " + normalization.channels()
                    + " channels, the model takes samples of the shape " + sample);
        }
    }

    /** Of one sample; that of two must be twice as large, or else the network does not take batches. */
    private static Shape outputShape(Model model) {
        Shape one = model.outputShape();
        Shape two = Model.graph(model.network(), model.sampleShape(), Mode.EVALUATION, 2)
                .outputs()
                .get(Model.OUTPUT)
                .shape();
        if (two.rank() == 0 || two.dim(0) != 2 || !two.tail().equals(one)) {
            throw new IllegalArgumentException("for one sample the model's output is " + one
                    + ", for a batch of 2 it is " + two + ": it is no network over batches of samples");
        }
        return one;
    }

    private static int elements(Shape shape) {
        if (shape.elements() == 0 || shape.elements() > Integer.MAX_VALUE / Float.BYTES) {
            throw new IllegalArgumentException(
                    "samples and outputs have 1 to " + Integer.MAX_VALUE / Float.BYTES + " values, not " + shape);
        }
        return (int) shape.elements();
    }

    /** The model whose outputs these are. */
    public Model model() {
        return model;
    }

    /** What samples are normalized with; empty if they are taken as they are. */
    public Optional<Normalization> normalization() {
        return normalization;
    }

    /**
     * What the outputs stand for.
     *
     * @throws IllegalStateException if the model does not tell classes apart
     */
    public List<String> classes() {
        return classes.names();
    }

    /** How many values a sample has. */
    public int sampleSize() {
        return sampleSize;
    }

    /** How many values the output for one sample has. */
    public int outputSize() {
        return outputSize;
    }

    /**
     * The model's outputs for some samples.
     *
     * @param samples one after another, each row-major, values in [0, 1] for images
     * @return one output after another: logits for a classifier
     * @throws IllegalArgumentException if the length is no multiple of a sample's
     * @throws IllegalStateException if this predictor or the model is closed
     */
    public float[] predict(float[] samples) {
        int count = count(samples.length);
        float[] outputs = new float[count * outputSize];
        predict(MemorySegment.ofArray(samples), MemorySegment.ofArray(outputs), count);
        return outputs;
    }

    /**
     * The model's outputs for some samples, from memory to memory, on the heap or off it. Samples are
     * normalized on their way into the workspace, if it is known what with, and only that. Who has normalized samples and wants no pass over them at all writes
     * them there: {@link #session}.
     *
     * @param samples float32, one after another, each row-major, values in [0, 1] for images
     * @param outputs takes one output after another: logits for a classifier; at least as many as there are samples
     * @throws IllegalArgumentException if the size is no multiple of a sample's, or the outputs have no room
     * @throws IllegalStateException if this predictor, the model or a segment is closed
     */
    public void predict(MemorySegment samples, MemorySegment outputs) {
        if (samples.byteSize() % Float.BYTES != 0) {
            throw new IllegalArgumentException(
                    "samples of " + samples.byteSize() + " bytes are no whole float32 values");
        }
        int count = count(samples.byteSize() / Float.BYTES);
        long wanted = (long) count * outputSize * Float.BYTES;
        if (outputs.byteSize() < wanted) {
            throw new IllegalArgumentException(
                    "the outputs for " + count + " samples take " + wanted + " bytes; there are " + outputs.byteSize());
        }
        if (outputs.isReadOnly()) throw new IllegalArgumentException("the outputs' memory is read-only");
        predict(samples, outputs, count);
    }

    private int count(long values) {
        if (values == 0 || values % sampleSize != 0 || values / sampleSize > Integer.MAX_VALUE / outputSize) {
            throw new IllegalArgumentException("samples have " + sampleSize + " values each; " + values
                    + " values are no whole number of samples, or too many");
        }
        return (int) (values / sampleSize);
    }

    private void predict(MemorySegment samples, MemorySegment outputs, int count) {
        for (int done = 0; done < count; ) {
            int size = Math.min(CHUNK, Integer.highestOneBit(count - done));
            PlanPool.Lease lease = pool.take(size);
            try {
                Plan plan = lease.plan();
                long from = (long) done * sampleSize * Float.BYTES;
                long bytes = (long) size * sampleSize * Float.BYTES;
                MemorySegment input = plan.input(Model.INPUT).segment();
                MemorySegment part = samples.asSlice(from, bytes);
                if (normalization.isPresent()) normalization.get().apply(part, input, size);
                else input.copyFrom(part);
                pool.run(lease);
                MemorySegment.copy(
                        plan.output(Model.OUTPUT).segment(),
                        0,
                        outputs,
                        (long) done * outputSize * Float.BYTES,
                        (long) size * outputSize * Float.BYTES);
            } finally {
                pool.giveBack(lease);
            }
            done += size;
        }
    }

    /**
     * The class of one sample: the index of its largest output, the first of several.
     *
     * @throws IllegalArgumentException if it is not one sample
     */
    public int classify(float[] sample) {
        if (sample.length != sampleSize) {
            throw new IllegalArgumentException("a sample has " + sampleSize + " values, not " + sample.length);
        }
        float[] outputs = predict(sample);
        int best = 0;
        for (int c = 1; c < outputs.length; c++) if (outputs[c] > outputs[best]) best = c;
        return best;
    }

    /**
     * The likeliest classes of some samples.
     *
     * @param samples as {@link #predict(float[])} takes them
     * @param top how many classes, at least 1; all if there are fewer
     * @return for each sample the classes, the likeliest first
     * @throws IllegalStateException if the model does not tell classes apart
     * @throws ArithmeticException if an output is not finite: parameters are damaged, or the sample was not finite
     */
    public List<List<ClassProbability>> classify(float[] samples, int top) {
        classes.names();
        return classes.rank(predict(samples), top);
    }

    /**
     * The likeliest classes of an image, made a sample as {@link #sample(Path)} does.
     *
     * @param image a JPEG or PNG file
     * @param top how many classes, at least 1; all if there are fewer
     * @return the likeliest first
     * @throws dev.ondine.data.DataException if the image cannot be read
     * @throws IllegalStateException if the model does not tell classes apart, or it is not known what its samples are normalized with
     * @throws ArithmeticException if an output is not finite
     */
    public List<ClassProbability> classify(Path image, int top) {
        return classify(sample(image), top).getFirst();
    }

    /** As {@link #classify(Path, int)}, of a JPEG or PNG file in memory. */
    public List<ClassProbability> classify(byte[] image, int top) {
        return classify(sample(image), top).getFirst();
    }

    /** As {@link #classify(Path, int)}, of an image that is decoded already; its pixels must be opaque. */
    public List<ClassProbability> classify(BufferedImage image, int top) {
        return classify(sample(image), top).getFirst();
    }

    /**
     * An image as a sample: the middle of it, as large as the crop says, scaled to the size of a sample
     * ({@link ImageFile#read(Path, Shape, double)}). Several behind one another are a batch for {@link #predict(float[])}.
     *
     * @param image a JPEG or PNG file
     * @return values in [0, 1], channels first, not normalized
     * @throws dev.ondine.data.DataException if the image cannot be read
     * @throws IllegalStateException if it is not known what samples are normalized with
     * @throws IllegalArgumentException if the model takes no images
     */
    public float[] sample(Path image) {
        requireNormalization();
        return ImageFile.read(image, model.sampleShape(), crop);
    }

    /** As {@link #sample(Path)}, of a JPEG or PNG file in memory. */
    public float[] sample(byte[] image) {
        requireNormalization();
        return ImageFile.read(image, model.sampleShape(), crop);
    }

    /** As {@link #sample(Path)}, of an image that is decoded already; its pixels must be opaque. */
    public float[] sample(BufferedImage image) {
        requireNormalization();
        return ImageFile.read(image, model.sampleShape(), crop);
    }

    private void requireNormalization() {
        if (normalization.isPresent()) return;
        throw new IllegalStateException("it is not known what images must be normalized with: the model's file does"
                + " not say it. Give mean and deviation of each channel with normalization(…), as in training");
    }

    /** Compiles for batches of these sizes now, and not in the first calls: for 1 at least, as a rule. */
    public void warm(int... sizes) {
        for (int size : sizes) {
            if (size < 1) throw new IllegalArgumentException("a batch has at least one sample, not " + size);
            for (int left = size; left > 0; left -= Math.min(CHUNK, Integer.highestOneBit(left))) {
                pool.giveBack(pool.take(Math.min(CHUNK, Integer.highestOneBit(left))));
            }
        }
    }

    /**
     * Lends a workspace to the calling thread: it writes samples where the network reads them, and reads the outputs where it writes
     * them. Nothing is copied.
     *
     * @param size samples of a run
     */
    public PredictionSession session(int size) {
        if (size < 1) throw new IllegalArgumentException("a batch has at least one sample, not " + size);
        return new PredictionSession(pool, pool.take(size), normalization);
    }

    /** How many plans are compiled now. */
    int plans() {
        return pool.plans();
    }

    /** The bytes of the packed weights, which all workspaces share. */
    public long weightBytes() {
        return pool.weightBytes();
    }

    /** Waits for the calls that are computing and frees everything, the model, too, if it was opened from a file here; calls that wait for their turn, and later ones, are refused. */
    @Override
    public void close() {
        pool.close();
    }
}
