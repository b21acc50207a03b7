package dev.ondine.train;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.Value;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.Parameters;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
    private final Schedule schedule;
    private final int threads;
    private final long seed;
    private final UpdateKernels kernels;
    private final Map<Integer, TrainingBatch> batches = new LinkedHashMap<>();
    private final Runnable writeBack = this::writeBack;
    private final Arena arena = Arena.ofShared();
    private final FiniteCheck finite = new FiniteCheck();
    private Plan first;
    private List<MemorySegment> state = List.of();
    private long step;
    private double epoch;
    private long seenEdits = -1;
    private boolean closed;

    private Trainer(Builder b) {
        this.model = b.model;
        this.parameters = b.model.parameters();
        this.backend = b.backend;
        this.loss = b.loss;
        this.optimizer = b.optimizer;
        this.schedule = b.schedule;
        this.threads = b.threads;
        this.seed = b.seed;
        this.kernels = UpdateKernels.best();
    }

    public static Builder of(Model model) {
        return new Builder(model);
    }

    /** Settings of a trainer, with their defaults. */
    public static final class Builder {
        private final Model model;
        private Backend backend;
        private Loss loss = Loss.crossEntropy();
        private Optimizer optimizer = Optimizer.Sgd.of(0.1).momentum(0.9).weightDecay(5e-4);
        private Schedule schedule = Schedule.constant();
        private int threads = Backends.defaultThreads();
        private long seed;

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
        PlanOptions options = PlanOptions.threads(threads).seed(seed);
        Plan plan = backend.compile(training, first == null ? options : options.sharing(first));
        if (first == null) {
            first = plan;
            List<MemorySegment> blocks = new ArrayList<>();
            for (int i = 0; i < optimizer.stateNames().size(); i++) {
                blocks.add(arena.allocate(Math.max(64, plan.weights().byteSize()), 64));
            }
            state = List.copyOf(blocks);
            parameters.lend(writeBack);
        }
        return new TrainingBatch(this, plan, new RunningStatistics(plan, parameters), size);
    }

    /** One step on a plan whose input and target are filled; returns the loss before the update. */
    float step(TrainingBatch batch) {
        requireOpen();
        takeOver();
        batch.plan().run(step);
        float value = batch.plan().output(TrainingBatch.LOSS).getFloatAt(0);
        RunningStatistics statistics = batch.statistics();
        String layer = statistics.firstNotFinite();
        if (layer != null) throw notFinite("the batch statistics of " + named(layer) + " are not finite", batch);
        if (!Float.isFinite(value)) throw notFinite("the loss is " + value, batch);
        long bad = finite.firstNotFinite(first.gradients());
        if (bad >= 0) throw notFinite("the gradient of " + parameterAt(bad) + " is not finite", batch);
        statistics.update();
        optimizer.update(
                kernels,
                first.weights(),
                first.gradients(),
                state,
                first.weights().byteSize() / Float.BYTES,
                learningRate(),
                step + 1,
                threads);
        step++;
        parameters.outdate(writeBack);
        return value;
    }

    private TrainingException notFinite(String what, TrainingBatch batch) {
        long sample = batch.firstNotFiniteInput();
        String why = sample >= 0
                ? " because the input is not: sample " + sample + " of the batch holds a NaN or an infinity"
                : " (learning rate " + (float) learningRate() + "); a lower learning rate or a warm-up may help";
        return new TrainingException("step " + (step + 1) + ": " + what + why
                + ". The step was not applied: parameters and running statistics are as before.");
    }

    private static String named(String path) {
        return path.isEmpty() ? "the model" : path;
    }

    /** The parameter that an element of the blocks belongs to. */
    private String parameterAt(long element) {
        List<Value> values = first.graph().parameters();
        int i = 0;
        while (i + 1 < values.size() && first.offset(i + 1) <= element) i++;
        return values.get(i).name();
    }

    /** Takes over the model's parameters if somebody else has changed them. */
    private void takeOver() {
        long edits = parameters.edits();
        if (edits == seenEdits) return;
        List<Value> values = first.graph().parameters();
        for (int i = 0; i < values.size(); i++) {
            first.pack(i, parameters.get(values.get(i).name()).segment(), first.weights());
        }
        seenEdits = edits;
    }

    private void writeBack() {
        List<Value> values = first.graph().parameters();
        for (int i = 0; i < values.size(); i++) {
            first.unpack(
                    i, first.weights(), parameters.raw(values.get(i).name()).segment());
        }
    }

    public Model model() {
        return model;
    }

    public Optimizer optimizer() {
        return optimizer;
    }

    /** How many steps were done. */
    public long steps() {
        return step;
    }

    /** Tells the schedule how many epochs are done, with fractions. */
    public void epoch(double epoch) {
        this.epoch = epoch;
    }

    /** The learning rate of the next step. */
    public double learningRate() {
        return optimizer.learningRate() * schedule.factor(epoch);
    }

    /** Which kernels update the parameters. */
    public String updateKernels() {
        return kernels.describe();
    }

    /** The optimizer's state of a parameter, row-major, by PyTorch's name for it; for checkpoints. */
    public Map<String, Tensor> optimizerState() {
        requireOpen();
        Map<String, Tensor> named = new LinkedHashMap<>();
        if (first == null) return named;
        List<Value> values = first.graph().parameters();
        for (int s = 0; s < state.size(); s++) {
            for (int i = 0; i < values.size(); i++) {
                Tensor tensor = Tensor.allocate(
                        Arena.ofAuto(),
                        values.get(i).type().dataType(),
                        values.get(i).shape());
                first.unpack(i, state.get(s), tensor.segment());
                named.put(values.get(i).name() + "." + optimizer.stateNames().get(s), tensor);
            }
        }
        return named;
    }

    /**
     * Goes on from an optimizer's state.
     *
     * @param named as {@link #optimizerState} gives it
     * @param batchSize of the batch to compile for, if none is yet
     * @throws IllegalArgumentException if a tensor is missing or has another shape
     */
    public void restore(Map<String, Tensor> named, long steps, int batchSize) {
        batch(batchSize);
        List<Value> values = first.graph().parameters();
        for (int s = 0; s < state.size(); s++) {
            for (int i = 0; i < values.size(); i++) {
                String name =
                        values.get(i).name() + "." + optimizer.stateNames().get(s);
                Tensor tensor = named.get(name);
                if (tensor == null || !tensor.shape().equals(values.get(i).shape())) {
                    throw new IllegalArgumentException("the optimizer's state '" + name + "' is "
                            + (tensor == null
                                    ? "missing"
                                    : tensor + " instead of " + values.get(i).shape())
                            + ": it is of another model or optimizer");
                }
                first.pack(i, tensor.segment(), state.get(s));
            }
        }
        step = steps;
    }

    private void requireOpen() {
        if (closed) throw new IllegalStateException("this trainer is closed");
    }

    /** Writes the newest parameters into the model and frees everything else. */
    @Override
    public void close() {
        if (closed) return;
        closed = true;
        if (first != null) parameters.giveBack(writeBack);
        for (TrainingBatch batch : new ArrayList<>(batches.values()).reversed())
            batch.plan().close();
        arena.close();
    }
}
