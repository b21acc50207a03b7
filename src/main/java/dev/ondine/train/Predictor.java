package dev.ondine.train;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Runs a model on samples, with the running statistics: batch normalization folded into the layers before it, weights packed once.
 *
 * <p>Any number of threads may call at once. Each call has a workspace of its own, of which there are at most {@link Builder#concurrency};
 * further callers wait for their turn. All workspaces share the packed weights. For many requests at a time take one thread a call
 * ({@link Builder#threads threads(1)}) and as many calls at once as there are cores; for the quickest answer to a single
 * request all cores for one call.
 *
 * <p>Batches of any size are split into powers of two up to 64, so that few plans are compiled whatever is asked for; the first call for
 * a size compiles, which takes a moment ({@link #warm}). Predictions follow a model that is being trained: after a change of its
 * parameters they are packed anew. The model must outlive the predictor.
 */
public final class Predictor implements AutoCloseable {
    private static final int CHUNK = 64;
    private static final int KEPT = 8;

    /** How a predictor is made; every setting has a default. */
    public static final class Builder {
        private final Model model;
        private final Normalization normalization;
        private Backend backend;
        private PlanOptions options = PlanOptions.threads(Backends.defaultThreads());
        private int concurrency;
        private int plans;

        private Builder(Model model, Normalization normalization) {
            this.model = model;
            this.normalization = normalization;
        }

        /** Default: the best that runs here. */
        public Builder backend(Backend backend) {
            this.backend = backend;
            return this;
        }

        /** Threads that one call computes on. Default: as many as this process may use. */
        public Builder threads(int threads) {
            PlanOptions wanted = PlanOptions.threads(threads).precision(options.precision());
            this.options = wanted.seed(options.seed());
            return this;
        }

        /** How the model is compiled: threads that one call uses, precision. */
        public Builder options(PlanOptions options) {
            this.options = options;
            return this;
        }

        /**
         * Calls that compute at the same time, each in memory of its own. Default: so many that their threads are as many as this
         * process may use, at least one.
         */
        public Builder concurrency(int calls) {
            if (calls < 1) throw new IllegalArgumentException("concurrency must be at least 1, not " + calls);
            this.concurrency = calls;
            return this;
        }

        /**
         * Compiled plans that are kept: one for each batch size (1, 2, 4 … 64) and call at once, if there is use for it. Default: the
         * larger of 8 and twice the concurrency.
         */
        public Builder plans(int plans) {
            if (plans < 1) throw new IllegalArgumentException("at least 1 plan must be kept, not " + plans);
            this.plans = plans;
            return this;
        }

        /** @throws IllegalArgumentException if the normalization does not fit the model */
        public Predictor build() {
            return new Predictor(this);
        }
    }

    private final PlanPool pool;
    private final Normalization normalization;
    private final int sampleSize;
    private final int outputSize;

    private Predictor(Builder b) {
        requireChannels(b.model, b.normalization);
        int atOnce = b.concurrency > 0 ? b.concurrency : Math.max(1, Backends.defaultThreads() / b.options.threads());
        int kept = Math.max(atOnce, b.plans > 0 ? b.plans : Math.max(KEPT, 2 * atOnce));
        Backend backend = b.backend != null ? b.backend : Backends.best();
        this.pool = new PlanPool(b.model, backend, b.options, atOnce, kept);
        this.normalization = b.normalization;
        this.sampleSize = Math.toIntExact(b.model.sampleShape().elements());
        this.outputSize = Math.toIntExact(b.model.outputShape().elements());
    }

    /** @param normalization what the model was trained with; applied to every sample */
    public static Builder builder(Model model, Normalization normalization) {
        return new Builder(model, normalization);
    }

    /**
     * In float32.
     *
     * @param normalization what the model was trained with; applied to every sample
     * @param threads that one call uses
     */
    public Predictor(Model model, Normalization normalization, Backend backend, int threads) {
        this(builder(model, normalization).backend(backend).threads(threads));
    }

    /**
     * @param normalization what the model was trained with; applied to every sample
     * @param options how the model is compiled: threads that one call uses, precision
     */
    public Predictor(Model model, Normalization normalization, Backend backend, PlanOptions options) {
        this(builder(model, normalization).backend(backend).options(options));
    }

    private static void requireChannels(Model model, Normalization normalization) {
        long channels = model.sampleShape().dim(0);
        if (normalization.channels() != channels) {
            throw new IllegalArgumentException("the normalization is for " + normalization.channels()
                    + " channels, the model takes samples of the shape " + model.sampleShape());
        }
    }

    /** A predictor on the best backend with as many threads as this process may use. */
    public static Predictor of(Model model, Normalization normalization) {
        return builder(model, normalization).build();
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
     * normalized on their way into the workspace, and only that. Who has normalized samples and wants no pass over them at all writes
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
                normalization.apply(samples.asSlice(from, bytes), input, size);
                plan.run(0);
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
    public Session session(int size) {
        if (size < 1) throw new IllegalArgumentException("a batch has at least one sample, not " + size);
        return new Session(pool, pool.take(size), normalization);
    }

    /** A workspace that belongs to one thread until it is closed. */
    public static final class Session implements AutoCloseable {
        private final PlanPool pool;
        private final PlanPool.Lease lease;
        private final Arena arena = Arena.ofConfined();
        private final Normalization normalization;
        private final MemorySegment input;
        private final MemorySegment output;

        private Session(PlanPool pool, PlanPool.Lease lease, Normalization normalization) {
            this.pool = pool;
            this.lease = lease;
            this.normalization = normalization;
            this.input = lent(lease.plan().input(Model.INPUT).segment());
            this.output = lent(lease.plan().output(Model.OUTPUT).segment());
        }

        /** The plan's memory under a life of its own: it ends with the session, when another may get the workspace. */
        @SuppressWarnings("restricted") // The plan outlives the session.
        private MemorySegment lent(MemorySegment segment) {
            return segment.reinterpret(arena, null);
        }

        /** Where the samples are to be written: float32, row-major, as many as the session is for; kept from run to run. */
        public MemorySegment input() {
            return input;
        }

        /** Where the outputs lie after a run: float32, row-major. */
        public MemorySegment output() {
            return output;
        }

        /** Normalizes what was written to the input, in place: for samples that are not. */
        public void normalize() {
            normalization.apply(input, input, lease.size());
        }

        /** Computes the outputs of what is in the input. */
        public void run() {
            if (!arena.scope().isAlive()) throw new IllegalStateException("this session is closed");
            lease.plan().run(0);
        }

        /** Gives the workspace back; its memory can be reached no more. */
        @Override
        public void close() {
            if (!arena.scope().isAlive()) return;
            arena.close();
            pool.giveBack(lease);
        }
    }

    /** How many plans are compiled now. */
    int plans() {
        return pool.plans();
    }

    /** The bytes of the packed weights, which all workspaces share. */
    public long weightBytes() {
        return pool.weightBytes();
    }

    /** Waits for the calls that are computing and frees everything; calls that wait for their turn, and later ones, are refused. */
    @Override
    public void close() {
        pool.close();
    }
}
