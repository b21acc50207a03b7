package dev.ondine.train;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.Precision;
import dev.ondine.data.BatchLoader;
import dev.ondine.data.Dataset;
import dev.ondine.data.Normalization;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Value;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.Parameters;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Estimates the running statistics of batch normalization anew, with the weights as they are: the plain average of the statistics of all
 * batches of a data set, as {@code torch.optim.swa_utils.update_bn} does. For weights that no training has normalized with, averaged ones
 * (EMA, SWA) above all, and after training, whose running statistics lag behind the weights.
 *
 * <p>Each batch counts once, the last, smaller one too, unless the network cannot be trained on it: a single sample may have nothing to be
 * averaged over, and not every number can be divided into virtual batches. It is left out then. Everything else is as in training: dropout drops, and renormalization corrects towards the running statistics that were
 * there before. Layers whose statistics are frozen or not tracked stay as they are.
 * The model is changed at the end, all at once: whoever fails or is interrupted before has changed nothing.
 *
 * <pre>{@code
 * UpdateBatchNorm.of(model).batchSize(128).run(data.train(), normalization);
 * }</pre>
 */
public final class UpdateBatchNorm {
    private final Model model;
    private Backend backend;
    private int threads = Backends.defaultThreads();
    private int batchSize = 128;
    private boolean shuffled = true;
    private long seed;
    private Precision precision = Precision.FLOAT32;

    private UpdateBatchNorm(Model model) {
        this.model = model;
    }

    /** With the settings' defaults. */
    public static UpdateBatchNorm of(Model model) {
        return new UpdateBatchNorm(model);
    }

    /** As {@link #of} and {@link #run}, in batches of 128 on the best backend. */
    public static long updateBatchNorm(Model model, Dataset data, Normalization normalization) {
        return of(model).run(data, normalization);
    }

    /** Default: the native one, if oneDNN can be loaded, else the reference. */
    public UpdateBatchNorm backend(Backend backend) {
        this.backend = backend;
        return this;
    }

    /** Default: the processors that this process may use. */
    public UpdateBatchNorm threads(int threads) {
        this.threads = threads;
        return this;
    }

    /** Samples in a batch; default 128. The variance is that of batches of this size: that of training, as a rule. */
    public UpdateBatchNorm batchSize(int batchSize) {
        if (batchSize < 2) throw new IllegalArgumentException("a batch has at least two samples, not " + batchSize);
        this.batchSize = batchSize;
        return this;
    }

    /**
     * Whether samples come in a random order; default true. Samples that lie sorted by class would make batches of one class, whose
     * statistics are not those of training.
     */
    public UpdateBatchNorm shuffled(boolean shuffled) {
        this.shuffled = shuffled;
        return this;
    }

    /** Of the order of the samples and of dropout; default 0. */
    public UpdateBatchNorm seed(long seed) {
        this.seed = seed;
        return this;
    }

    /** In which the network computes; default float32. Statistics are float32 whatever this is. */
    public UpdateBatchNorm precision(Precision precision) {
        this.precision = precision;
        return this;
    }

    /**
     * Estimates.
     *
     * @param normalization applied to every sample: what the model was trained with
     * @return how many batches the statistics are averages of
     * @throws IllegalArgumentException if the samples do not fit the model, or it cannot be trained on batches of this size
     * @throws TrainingException if a batch's statistics are not finite; names the layer. The model is as before then
     */
    public long run(Dataset data, Normalization normalization) {
        Evaluator.requireFits(model, data);
        BatchLoader loader =
                new BatchLoader(data, Math.min(batchSize, data.size()), shuffled, seed, false, normalization);
        BatchLoader.Epoch epoch = loader.epoch(0);
        try (Averages averages = new Averages(this)) {
            while (epoch.nextCount() > 1 && averages.takes(epoch.nextCount())) {
                MemorySegment input = averages.input(epoch.nextCount());
                epoch.next(input, averages.targets);
                averages.take();
            }
            if (averages.taken == 0) {
                throw new IllegalArgumentException(
                        "statistics take two samples at least, " + data.name() + " has " + data.size());
            }
            averages.store();
            return averages.taken;
        }
    }

    /** The averages so far, beside the model, and a plan for each size of batch. */
    private static final class Averages implements AutoCloseable {
        private static final String COUNTER = "num_batches_tracked";

        private final UpdateBatchNorm settings;
        private final Model model;
        private final Parameters parameters;
        private final Arena arena = Arena.ofShared();
        private final MemorySegment block;
        private final Map<String, Tensor> counters = new HashMap<>();
        private final Map<Integer, Plan> plans = new LinkedHashMap<>();
        private final Map<Plan, RunningStatistics> statistics = new HashMap<>();
        private final FiniteCheck finite = new FiniteCheck();
        private final MemorySegment targets;
        private Plan current;
        private long taken;

        Averages(UpdateBatchNorm settings) {
            this.settings = settings;
            this.model = settings.model;
            this.parameters = model.parameters();
            this.block = arena.allocate(parameters.buffers().byteSize(), Tensor.ALIGNMENT);
            this.targets = arena.allocate((long) settings.batchSize * Integer.BYTES, Integer.BYTES);
        }

        /** Whether the model can be trained on a batch of this size; whoever begins with one that cannot be is told why, later. */
        boolean takes(int size) {
            if (taken == 0 || plans.containsKey(size)) return true;
            try {
                model.graph(Mode.TRAINING, size, (_, _) -> {});
                return true;
            } catch (ModelException _) {
                return false;
            }
        }

        /** Where the samples of the next batch are to be written. */
        MemorySegment input(int size) {
            current = plans.computeIfAbsent(size, this::compile);
            return current.input(Model.INPUT).segment();
        }

        private Plan compile(int size) {
            PlanOptions options =
                    PlanOptions.threads(settings.threads).seed(settings.seed).precision(settings.precision);
            Backend backend = settings.backend != null ? settings.backend : Backends.best();
            Plan plan = backend.compile(model.graph(Mode.TRAINING, size, (_, _) -> {}), options);
            try {
                List<Value> values = plan.graph().parameters();
                for (int i = 0; i < values.size(); i++) {
                    plan.pack(i, parameters.get(values.get(i).name()).segment(), plan.weights());
                }
                new StatisticsFeed(plan, parameters).run();
                statistics.put(plan, RunningStatistics.averaging(plan, parameters, block, this::counter));
                return plan;
            } catch (RuntimeException | Error e) {
                plan.close();
                throw e;
            }
        }

        private Tensor counter(String name) {
            return counters.computeIfAbsent(name, _ -> Tensor.allocate(arena, DataType.INT64, Shape.of()));
        }

        void take() {
            current.run(taken);
            RunningStatistics s = statistics.get(current);
            String layer = s.firstNotFinite(finite);
            if (layer != null) {
                throw new TrainingException("batch " + (taken + 1) + ": the statistics of "
                        + (layer.isEmpty() ? "the model" : layer)
                        + " are not finite. The model's running statistics are as before.");
            }
            s.update();
            taken++;
        }

        /** Those layers that took part are given their averages. */
        void store() {
            if (counters.isEmpty()) return;
            synchronized (parameters) {
                for (ParameterSpec spec : parameters.specs()) {
                    if (!counters.containsKey(spec.name())) continue;
                    String prefix = spec.name().substring(0, spec.name().length() - COUNTER.length());
                    parameters.get(spec.name()).copyFrom(counters.get(spec.name()));
                    copy(prefix + "running_mean");
                    copy(prefix + "running_var");
                }
                parameters.touch();
            }
        }

        private void copy(String name) {
            MemorySegment to = parameters.get(name).segment();
            to.copyFrom(block.asSlice(parameters.bufferOffset(name) * Float.BYTES, to.byteSize()));
        }

        @Override
        public void close() {
            plans.values().forEach(Plan::close);
            arena.close();
        }
    }
}
