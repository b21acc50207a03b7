package dev.ondine.train;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.BatchAhead;
import dev.ondine.data.BatchLoader;
import dev.ondine.data.Dataset;
import dev.ondine.data.Normalization;
import dev.ondine.graph.TensorType;
import dev.ondine.nn.Model;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;

/** Measures a model on data sets, with the running statistics. Always sees the model's newest parameters. */
public final class Evaluator implements AutoCloseable {
    private final EvaluationPlans plans;
    private final Model model;
    private final int batchSize;
    private final boolean reconstructs;
    private int workers = BatchAhead.DEFAULT_WORKERS;

    /** In float32. */
    public Evaluator(Model model, Backend backend, int threads, Loss loss, int batchSize) {
        this(model, backend, PlanOptions.threads(threads), loss, batchSize);
    }

    /** @param options how the model is compiled: threads, precision */
    public Evaluator(Model model, Backend backend, PlanOptions options, Loss loss, int batchSize) {
        // Data sets have classes; mixed targets are for training only.
        this.plans = new EvaluationPlans(model, backend, options, Optional.of(loss.onClasses()));
        this.model = model;
        this.batchSize = batchSize;
        this.reconstructs = reconstructs(model, loss);
    }

    /** How many threads read, and perhaps decode, the samples; at least 1, the default. */
    public Evaluator workers(int workers) {
        if (workers < 1) throw new IllegalArgumentException("at least 1 thread prepares batches, not " + workers);
        this.workers = workers;
        return this;
    }

    /** Whether a model gives back its input, and the loss compares that: the targets are then the samples themselves. */
    static boolean reconstructs(Model model, Loss loss) {
        Shape output = model.outputShape();
        return output.equals(model.sampleShape()) && loss.comparesImages(TensorType.float32(output.prepend(1)));
    }

    /** The compiled plan for batches of this size, as {@link #evaluate} runs it; closed with this evaluator. */
    public Plan plan(int size) {
        if (size < 1) throw new IllegalArgumentException("a batch has at least one sample, not " + size);
        return plans.plan(size);
    }

    /** Mean loss and accuracy over all samples of a data set. */
    public Evaluation evaluate(Dataset data, Normalization normalization) {
        return evaluate(data, normalization, () -> false).orElseThrow();
    }

    /**
     * Everything about how a classifier does, in one pass: loss, confusion matrix, and how often the right class is among the likeliest.
     *
     * @param top numbers of likeliest classes, each at least 1 and at most the model's outputs
     * @throws IllegalArgumentException if the model's outputs are no logits (N, C), or a number is out of range
     */
    public Measurement measure(Dataset data, Normalization normalization, int... top) {
        requireFits(model, data);
        Shape output = model.outputShape();
        if (output.rank() != 1) {
            throw new IllegalArgumentException("only a classifier's outputs are counted by class, not " + output);
        }
        int outputs = (int) output.dim(0);
        for (int k : top) {
            if (k < 1 || k > outputs) {
                throw new IllegalArgumentException(
                        "the likeliest " + k + " of " + outputs + " outputs; choose from 1 to " + outputs);
            }
        }
        long[][] counts = new long[outputs][outputs];
        long[] within = new long[top.length];
        double loss = pass(data, normalization, () -> false, (logits, target, count) -> {
                    for (int n = 0; n < count; n++) {
                        long row = (long) n * outputs;
                        int label = target.getIntAt(n);
                        counts[label][Accuracy.argmax(logits.segment(), row, outputs)]++;
                        int rank = top.length == 0 ? 0 : Accuracy.rank(logits.segment(), row, outputs, label);
                        for (int i = 0; i < top.length; i++) if (rank < top[i]) within[i]++;
                    }
                })
                .orElseThrow();
        List<String> names = new ArrayList<>(data.classes());
        while (names.size() < outputs) names.add("output " + names.size());
        List<Measurement.Top> shares = new ArrayList<>();
        for (int i = 0; i < top.length; i++) {
            shares.add(new Measurement.Top(top[i], within[i], (double) within[i] / data.size()));
        }
        return new Measurement(loss, new ConfusionMatrix(names, counts), shares);
    }

    /** As {@link #evaluate(Dataset, Normalization)}; nothing if {@code stop}, asked before every batch, says yes. */
    public Optional<Evaluation> evaluate(Dataset data, Normalization normalization, BooleanSupplier stop) {
        requireFits(model, data);
        long[] correct = new long[1];
        OptionalDouble loss = pass(
                data,
                normalization,
                stop,
                (logits, target, count) -> correct[0] += Accuracy.correct(logits, target, count));
        return loss.isEmpty()
                ? Optional.empty()
                : Optional.of(new Evaluation(
                        loss.getAsDouble(), reconstructs ? Evaluation.NO_CLASSES : correct[0], data.size()));
    }

    /** Sees what came of a batch. */
    @FunctionalInterface
    private interface Outputs {
        void see(Tensor logits, Tensor target, int count);
    }

    /** Runs all samples through the model and returns the mean loss. */
    private OptionalDouble pass(Dataset data, Normalization normalization, BooleanSupplier stop, Outputs outputs) {
        BatchLoader loader = new BatchLoader(data, Math.min(batchSize, data.size()), false, 0, false, normalization);
        if (reconstructs) loader = loader.reconstruction();
        double loss = 0;
        // The next batch is read, and perhaps decoded, while the model computes on the one before.
        try (BatchAhead ahead = new BatchAhead(loader, workers)) {
            ahead.begin(0);
            for (int left = data.size(); left > 0; ) {
                if (stop.getAsBoolean()) return OptionalDouble.empty();
                int count = Math.min(loader.batchSize(), left);
                Plan plan = plans.plan(count);
                var target = plan.input(TrainingBatch.TARGET);
                ahead.next(plan.input(Model.INPUT).segment(), target.segment());
                plan.run(0);
                loss += (double) plan.output(TrainingBatch.LOSS).getFloatAt(0) * count;
                outputs.see(plan.output(Model.OUTPUT), target, count);
                left -= count;
            }
        }
        return OptionalDouble.of(loss / data.size());
    }

    /** @throws IllegalArgumentException if a model cannot be trained or measured on such samples */
    static void requireFits(Model model, Dataset set) {
        if (!set.sampleShape().equals(model.sampleShape())) {
            throw new IllegalArgumentException("the samples of " + set.name() + " have the shape " + set.sampleShape()
                    + ", the model takes " + model.sampleShape());
        }
        Shape output = model.outputShape();
        if (output.rank() == 1 && output.dim(0) < set.classes().size()) {
            throw new IllegalArgumentException("the data set " + set.name() + " has "
                    + set.classes().size() + " classes, the model only " + output.dim(0) + " outputs");
        }
    }

    @Override
    public void close() {
        plans.close();
    }
}
