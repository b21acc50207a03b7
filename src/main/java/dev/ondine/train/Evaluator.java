package dev.ondine.train;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.BatchLoader;
import dev.ondine.data.Dataset;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.tensor.Shape;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** Measures a model on data sets, with the running statistics. Always sees the model's newest parameters. */
public final class Evaluator implements AutoCloseable {
    private final EvaluationPlans plans;
    private final Model model;
    private final int batchSize;

    /** In float32. */
    public Evaluator(Model model, Backend backend, int threads, Loss loss, int batchSize) {
        this(model, backend, PlanOptions.threads(threads), loss, batchSize);
    }

    /** @param options how the model is compiled: threads, precision */
    public Evaluator(Model model, Backend backend, PlanOptions options, Loss loss, int batchSize) {
        this.plans = new EvaluationPlans(model, backend, options, Optional.of(loss));
        this.model = model;
        this.batchSize = batchSize;
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

    /** As {@link #evaluate(Dataset, Normalization)}; nothing if {@code stop}, asked before every batch, says yes. */
    public Optional<Evaluation> evaluate(Dataset data, Normalization normalization, BooleanSupplier stop) {
        requireFits(model, data);
        BatchLoader loader = new BatchLoader(data, Math.min(batchSize, data.size()), false, 0, false, normalization);
        BatchLoader.Epoch epoch = loader.epoch(0);
        double loss = 0;
        long correct = 0;
        while (epoch.nextCount() > 0) {
            if (stop.getAsBoolean()) return Optional.empty();
            int count = epoch.nextCount();
            Plan plan = plans.plan(count);
            var target = plan.input(TrainingBatch.TARGET);
            epoch.next(plan.input(Model.INPUT).segment(), target.segment());
            plan.run(0);
            loss += (double) plan.output(TrainingBatch.LOSS).getFloatAt(0) * count;
            correct += Accuracy.correct(plan.output(Model.OUTPUT), target, count);
        }
        return Optional.of(new Evaluation(loss / data.size(), correct, data.size()));
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
