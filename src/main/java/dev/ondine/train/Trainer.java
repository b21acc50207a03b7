package dev.ondine.train;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Precision;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.Parameters;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Trains a model, a batch at a time.
 *
 * <pre>{@code
 * try (Trainer trainer = Trainer.of(model).optimizer(Optimizer.Sgd.of(0.1).momentum(0.9)).build()) {
 *     TrainingBatch batch = trainer.batch(128);
 *     batch.input().copyFrom(pixels);
 *     batch.target().copyFrom(labels);
 *     float loss = batch.step();
 * }
 * }</pre>
 *
 * <p>Not for several threads at once. The model's parameters follow: whoever reads them gets the newest. Repeatable to the bit for the
 * same seed, number of threads and machine.
 */
public final class Trainer implements AutoCloseable {
    private final Model model;
    private final Parameters parameters;
    private final Backend backend;
    private final Loss loss;
    private final Optimizer optimizer;
    private final List<ParameterGroup> groups;
    private final Clipping clipping;
    private final int accumulate;
    private final Averaging averaging;
    private final Schedule schedule;
    private final int threads;
    private final long seed;
    private final Precision precision;
    private final NonFinite nonFinite;
    private final UpdateKernels kernels;
    private final Map<Integer, TrainingBatch> batches = new LinkedHashMap<>();
    private final Arena arena = Arena.ofShared();
    private Plan first;
    private SharedWeights shared;
    private StepCheck check;
    private Optimization optimization;
    private Accumulation accumulation;
    private WeightAverage average;
    private double scale = 1;
    private long step;
    private long skipped;
    private String lastSkipped;
    private double epoch;
    private boolean closed;

    private Trainer(Builder b) {
        this.model = b.model;
        this.parameters = b.model.parameters();
        this.backend = b.backend;
        this.loss = b.loss;
        this.optimizer = b.optimizer;
        this.groups = List.copyOf(b.groups);
        this.clipping = b.clipping;
        this.accumulate = b.accumulate;
        this.averaging = b.averaging;
        this.schedule = b.schedule;
        this.threads = b.threads;
        this.seed = b.seed;
        this.precision = b.precision;
        this.nonFinite = b.nonFinite;
        this.kernels = UpdateKernels.best();
    }

    /** A trainer of this model, to be told more. */
    public static Builder of(Model model) {
        return new Builder(model);
    }

    /** Settings of a trainer, with their defaults. */
    public static final class Builder {
        private final Model model;
        private Backend backend;
        private Loss loss = Loss.crossEntropy();
        private Optimizer optimizer = Optimizer.Sgd.of(0.1).momentum(0.9).weightDecay(5e-4);
        private final List<ParameterGroup> groups = new ArrayList<>();
        private Clipping clipping = Clipping.NONE;
        private int accumulate = 1;
        private Averaging averaging = Averaging.none();
        private Schedule schedule = Schedule.constant();
        private int threads = Backends.defaultThreads();
        private long seed;
        private Precision precision = Precision.FLOAT32;
        private NonFinite nonFinite = NonFinite.FAIL;

        private Builder(Model model) {
            this.model = model;
        }

        /** Default: the native one, if oneDNN can be loaded, else the reference. */
        public Builder backend(Backend backend) {
            this.backend = backend;
            return this;
        }

        /** Default: cross-entropy. */
        public Builder loss(Loss loss) {
            this.loss = loss;
            return this;
        }

        /** Default: SGD with learning rate 0.1, momentum 0.9 and weight decay 5e-4. */
        public Builder optimizer(Optimizer optimizer) {
            this.optimizer = optimizer;
            return this;
        }

        /** Parameters that are treated differently. Who belongs to several groups belongs to the one that was given first. */
        public Builder group(ParameterGroup group) {
            groups.add(group);
            return this;
        }

        /** Default: gradients are taken as they are. */
        public Builder clipping(Clipping clipping) {
            this.clipping = clipping;
            return this;
        }

        /**
         * How many batches make one update, which follows the mean of their gradients: as one batch that is so many times as large, but
         * for batch normalization, whose statistics are those of the parts. Default 1. {@link TrainingBatch#step} updates the parameters
         * when the last of them was given, the running statistics with each.
         */
        public Builder accumulate(int batches) {
            if (batches < 1) throw new IllegalArgumentException("at least 1 batch makes an update, not " + batches);
            this.accumulate = batches;
            return this;
        }

        /** Which average of the weights is kept, see {@link Trainer#averaged}; default: none. */
        public Builder averaging(Averaging averaging) {
            this.averaging = averaging;
            return this;
        }

        /** Default: constant. */
        public Builder schedule(Schedule schedule) {
            this.schedule = schedule;
            return this;
        }

        /** Default: the processors that this process may use. */
        public Builder threads(int threads) {
            if (threads < 1) throw new IllegalArgumentException("threads must be at least 1, not " + threads);
            this.threads = threads;
            return this;
        }

        /** Of dropout; default 0. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /**
         * In which a step computes; default float32. Parameters, their gradients, running statistics and the loss are float32 whatever
         * this is. bfloat16 needs hardware for it on the native backend, see {@link Precision}.
         */
        public Builder precision(Precision precision) {
            this.precision = precision;
            return this;
        }

        /** What becomes of a step whose loss, batch statistics or gradients are not finite; default: training fails. */
        public Builder onNonFinite(NonFinite policy) {
            this.nonFinite = policy;
            return this;
        }

        /** The trainer, on the best backend if none was named. A step is compiled at the first batch of its size. */
        public Trainer build() {
            // Not before: whoever names another backend need not have oneDNN.
            if (backend == null) backend = Backends.best();
            return new Trainer(this);
        }
    }

    /**
     * The batch of this size: memory to fill and the compiled step. Compiled at the first call for a size and kept.
     *
     * @throws dev.ondine.graph.ModelException if a layer cannot be trained on such a batch
     * @throws dev.ondine.backend.UnsupportedPrecisionException if there is no hardware for the precision
     */
    public TrainingBatch batch(int size) {
        requireOpen();
        if (size < 1) throw new IllegalArgumentException("a batch has at least one sample, not " + size);
        TrainingBatch batch = batches.get(size);
        if (batch == null) {
            batch = compile(size);
            batches.put(size, batch);
        }
        return batch;
    }

    private TrainingBatch compile(int size) {
        Graph graph = model.graph(Mode.TRAINING, size, (builder, output) -> {
            var type = loss.target(output.type());
            Value target = builder.input(TrainingBatch.TARGET, type.dataType(), type.shape());
            builder.output(TrainingBatch.LOSS, loss.build(builder, output, target));
        });
        Graph training = Differentiate.parameters(graph, graph.outputs().get(TrainingBatch.LOSS));
        PlanOptions options = PlanOptions.threads(threads).seed(seed).precision(precision);
        Plan plan = backend.compile(training, first == null ? options : options.sharing(first));
        try {
            RunningStatistics statistics = new RunningStatistics(plan, parameters);
            StatisticsFeed feed = new StatisticsFeed(plan, parameters);
            if (first == null) begin(plan);
            return new TrainingBatch(this, plan, statistics, feed, size);
        } catch (RuntimeException | Error e) {
            plan.close();
            throw e;
        }
    }

    /** The first plan's blocks are everybody's; what the optimizer remembers has their layout. */
    private void begin(Plan plan) {
        optimization = new Optimization(plan, parameters, optimizer, groups, clipping, kernels, arena);
        accumulation = new Accumulation(plan, accumulate, arena);
        if (!(averaging instanceof Averaging.None)) average = new WeightAverage(model, plan, arena);
        shared = new SharedWeights(parameters, plan);
        check = new StepCheck(plan, shared);
        first = plan;
    }

    /** One step on a plan whose input and target are filled; returns the loss before the update. */
    float step(TrainingBatch batch, StepParts parts) {
        requireOpen();
        shared.requireLent();
        takeOver();
        parts.begin();
        batch.feed().run();
        batch.plan().run(step * accumulate + accumulation.taken());
        parts.done(StepParts.Part.PLAN);
        float value = batch.plan().output(TrainingBatch.LOSS).getFloatAt(0);
        RunningStatistics statistics = batch.statistics();
        String found = check.firstNotFinite(statistics, value);
        if (found != null) {
            skip(found, batch);
            return Float.NaN;
        }
        parts.done(StepParts.Part.FINITE_CHECK);
        // Whoever reads the parameters on another thread sees them before this step or after it.
        synchronized (parameters) {
            statistics.update();
            parts.done(StepParts.Part.RUNNING_STATISTICS);
            if (accumulation.take()) {
                optimization.step(learningRate(), step + 1);
                if (averaging instanceof Averaging.Ema ema) average.take(1 - ema.decay());
                step++;
            }
            parts.done(StepParts.Part.UPDATE);
            shared.outdate();
        }
        return value;
    }

    /** Does not apply the step, if that is wanted and of any use. */
    private void skip(String what, TrainingBatch batch) {
        TrainingException refused = check.refusal(what, this, batch, accumulation.taken());
        accumulation.drop();
        if (nonFinite == NonFinite.FAIL || check.isHopeless()) throw refused;
        skipped++;
        lastSkipped = refused.getMessage();
    }

    /** Takes over the model's parameters if somebody else has changed them. */
    private void takeOver() {
        if (shared.takeOver()) optimization.edited();
    }

    /** What is trained. */
    public Model model() {
        return model;
    }

    /** What computes. */
    public Backend backend() {
        return backend;
    }

    /** What is made small. */
    public Loss loss() {
        return loss;
    }

    /** On how many threads it computes. */
    public int threads() {
        return threads;
    }

    Clipping clipping() {
        return clipping;
    }

    Schedule schedule() {
        return schedule;
    }

    List<ParameterGroup> groups() {
        return groups;
    }

    long seed() {
        return seed;
    }

    /** What activations are stored in. */
    public Precision precision() {
        return precision;
    }

    /** What updates the parameters. */
    public Optimizer optimizer() {
        return optimizer;
    }

    /** How many steps were done. */
    public long steps() {
        return step;
    }

    /** How many steps were left out because of numbers that were not finite: {@link NonFinite#SKIP}. They are not among {@link #steps}. */
    public long skippedSteps() {
        return skipped;
    }

    /** Why the last step that was left out was: the layer, parameter or sample. Nothing if none was. */
    public Optional<String> lastSkipped() {
        return Optional.ofNullable(lastSkipped);
    }

    /** So many were left out in the run that this one goes on with. */
    void skippedBefore(long steps, String last) {
        skipped = steps;
        lastSkipped = last;
    }

    /** Tells the schedule how many epochs are done, with fractions. */
    public void epoch(double epoch) {
        this.epoch = epoch;
    }

    /** What the learning rate is multiplied with beside the schedule, from now on. */
    void scaleLearningRate(double scale) {
        this.scale = scale;
    }

    /** Says that an epoch, from 1, is complete: where the average is one of epochs, it takes the weights. */
    public void epochDone(int epoch) {
        requireOpen();
        if (averaging instanceof Averaging.Swa swa && epoch >= swa.from() && average != null) {
            average.take(1.0 / (average.taken() + 1));
        }
    }

    /** Which average of the weights it keeps. */
    public Averaging averaging() {
        return averaging;
    }

    /**
     * A model with the averaged weights and statistics as they are now; nothing if none is kept, or none was taken yet. The same model at
     * each call, closed with this trainer. The statistics of {@link Averaging.Swa} are averages, too, until {@link UpdateBatchNorm} has
     * estimated them; each call brings the averaged weights back, not the statistics.
     */
    public Optional<Model> averaged() {
        requireOpen();
        return average == null || average.taken() == 0 ? Optional.empty() : Optional.of(average.model());
    }

    /** For whoever saves it and goes on from it; null if no average is kept, or there was no batch yet. */
    WeightAverage average() {
        return average;
    }

    /** How many batches make one update. */
    public int accumulate() {
        return accumulate;
    }

    /** The learning rate of the next step. */
    public double learningRate() {
        return optimizer.learningRate() * schedule.factor(epoch) * scale;
    }

    /**
     * The norm of all gradients together in the last step, before they were clipped by it; NaN if they are not clipped by norm, and before
     * the first step.
     */
    public double gradientNorm() {
        return optimization == null ? Double.NaN : optimization.gradientNorm();
    }

    /** Bytes that the optimizer remembers between steps, beside parameters and gradients; 0 before the first {@link #batch}. */
    public long stateBytes() {
        return optimization == null ? 0 : optimization.bytes();
    }

    /** Which kernels update the parameters. */
    public String updateKernels() {
        return kernels.describe();
    }

    /**
     * The optimizer's state of each parameter, row-major, by PyTorch's name for it; for checkpoints.
     *
     * @param memory owns the tensors
     */
    public Map<String, Tensor> optimizerState(Arena memory) {
        requireOpen();
        return optimization == null ? Map.of() : optimization.state(memory);
    }

    /**
     * Goes on from an optimizer's state. Nothing is changed unless all of it fits. The model's parameters come first: what an optimizer
     * remembers of the weights themselves ({@link Optimizer.Lookahead}) follows when somebody else changes them.
     *
     * @param named as {@link #optimizerState} gives it, float32
     * @param steps how many steps were done
     * @param batchSize of the batch to compile for, if none is yet
     * @throws IllegalArgumentException if a tensor is missing, superfluous or of another type or shape
     */
    public void restore(Map<String, Tensor> named, long steps, int batchSize) {
        if (steps < 0) throw new IllegalArgumentException("the number of steps is negative: " + steps);
        batch(batchSize);
        takeOver();
        optimization.restore(named);
        accumulation.drop();
        step = steps;
    }

    private void requireOpen() {
        if (closed) throw new IllegalStateException("this trainer is closed");
    }

    /**
     * Writes the newest parameters into the model and frees everything else.
     *
     * @throws IllegalStateException if the model was closed before; everything is freed all the same
     */
    @Override
    public void close() {
        if (closed) return;
        closed = true;
        try {
            if (first != null) shared.giveBack();
        } finally {
            // The first plan owns the memory that the others share.
            for (TrainingBatch batch : List.copyOf(batches.values()).reversed())
                batch.plan().close();
            if (average != null) average.close();
            arena.close();
        }
    }
}
