package dev.ondine.train;

import dev.ondine.data.Augmentation;
import dev.ondine.data.BatchAhead;
import dev.ondine.data.BatchLoader;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Trains for some epochs over a data set of labelled samples and measures after each. A model whose output has the shape of its input,
 * with a loss that compares the two (the mean squared error, say), is trained to give back its input: there are no accuracies then (NaN).
 *
 * <p>Each epoch sees the samples in an order of its own, a pure function of seed and epoch. An incomplete last batch is left out: its
 * samples come elsewhere in the next epoch's order. While a step runs, the next batch is prepared on threads of its own; which batches
 * come does not depend on how many.
 */
public final class Fit {
    /**
     * Told how training goes, on the training thread: start, (steps, epoch)…, end, with checkpoints between. Several listeners are told
     * in the order in which they were given. What one throws ends the run.
     */
    public interface Listener {
        /** Before the first step, after a saved state was restored if there is one. */
        default void start(FitProgress progress) {}

        /** After each step. */
        default void step(FitProgress progress) {}

        /** After each epoch, measured, and before its checkpoint; also when training was stopped within the epoch. */
        default void epoch(EpochResult result) {}

        /** After a checkpoint was written. */
        default void checkpoint(Checkpoints.Saved saved) {}

        /** After the last epoch, or the failure that ended the run; told to every listener that was told of the start. */
        default void end(End end) {}

        /** What to keep with each checkpoint, as text, so that {@link #restore} goes on from there. */
        default Map<String, String> state() {
            return Map.of();
        }

        /** Goes on from what {@link #state} said in the run that is resumed; before {@link #start}. */
        default void restore(Map<String, String> state) {}
    }

    /**
     * What an epoch came to.
     *
     * @param epoch which one, from 1
     * @param trainLoss mean over the epoch's steps, each before its update
     * @param trainAccuracy likewise
     * @param test measured after the epoch with the running statistics; null if training was stopped before it was measured
     * @param learningRate of the last step
     * @param seconds for training, without the test
     * @param inputSeconds of these, those in which the next batch was not ready
     * @param complete whether it ran to its end
     */
    public record EpochResult(
            int epoch,
            double trainLoss,
            double trainAccuracy,
            Evaluation test,
            double learningRate,
            double seconds,
            double imagesPerSecond,
            double inputSeconds,
            boolean complete) {}

    /** Why a run is over. */
    public enum Outcome {
        /** All epochs are done. */
        DONE,
        /** A listener ended it: {@link Fit#stop(String)}. */
        ENOUGH,
        /** Somebody interrupted it: {@link Fit#stop()}. */
        INTERRUPTED,
        /** Something was thrown. */
        FAILED
    }

    /**
     * How a run ended.
     *
     * @param reason in words; empty if it is done
     * @param failure what was thrown; null unless it failed
     */
    public record End(Outcome outcome, String reason, Throwable failure) {}

    /** Samples in a batch of a measurement, at least: it needs no memory for gradients. */
    private static final int LEAST_MEASURED = 128;

    private final Trainer trainer;
    private final DataSplit data;
    private final Normalization normalization;
    private final Augmentation augmentation;
    private final int batchSize;
    private final long seed;
    private final int softClasses;
    private final boolean reconstructs;
    private Checkpoints checkpoints = Checkpoints.NONE;
    private Path resumed;
    private int workers = BatchAhead.DEFAULT_WORKERS;
    private volatile boolean stopped;
    private volatile String enough;

    /**
     * @param normalization applied to every sample; {@code Normalization.of(data.train())} as a rule
     * @param augmentation of the training images, anew in each epoch
     * @param seed of the order of the samples and of the augmentation
     * @throws IllegalArgumentException if a batch is larger than the training set, the data does not fit the model, or images are mixed
     *     and the trainer's loss takes no probabilities
     */
    public Fit(
            Trainer trainer,
            DataSplit data,
            Normalization normalization,
            Augmentation augmentation,
            int batchSize,
            long seed) {
        long wanted = (long) batchSize * trainer.accumulate();
        if (batchSize < 1 || wanted > data.train().size()) {
            throw new IllegalArgumentException("a batch of " + wanted + " does not fit a training set of "
                    + data.train().size() + " samples: choose a batch from 1 to "
                    + data.train().size());
        }
        Evaluator.requireFits(trainer.model(), data.train());
        this.trainer = trainer;
        this.data = data;
        this.normalization = normalization;
        this.augmentation = augmentation;
        this.batchSize = batchSize;
        this.seed = seed;
        boolean soft = trainer.loss() instanceof Loss.SoftCrossEntropy;
        if (!soft && !augmentation.mixing().isNone()) {
            throw new IllegalArgumentException("the targets of mixed images (" + augmentation.mixing()
                    + ") are probabilities, which " + trainer.loss()
                    + " does not take: build the trainer with Loss.softCrossEntropy()");
        }
        reconstructs = Evaluator.reconstructs(trainer.model(), trainer.loss());
        softClasses = soft ? (int) trainer.model().outputShape().dim(0) : 0;
    }

    /**
     * How many threads prepare batches, at least 1, the default. More help only where reading a sample takes long (see {@link
     * EpochResult#inputSeconds}): they take the processors away from those who compute.
     */
    public Fit workers(int workers) {
        if (workers < 1) throw new IllegalArgumentException("at least 1 thread prepares batches, not " + workers);
        this.workers = workers;
        return this;
    }

    /**
     * Goes on where a run was when it saved its state, if there is one: the same steps on the same samples follow, and end with the same
     * weights to the bit, on the same machine with the same threads. What was otherwise when that run began (optimizer, parameter groups,
     * seeds, augmentation…) is refused, but for the number of epochs and the schedule: others hold from here on, see {@link
     * FitProgress#scheduleBefore}.
     *
     * @param folder that {@link Checkpoints} of that run went to
     */
    public Fit resume(Path folder) {
        this.resumed = folder.resolve(Checkpoints.STATE);
        return this;
    }

    /** What is to be saved, where and how often; default: nothing. */
    public Fit checkpoints(Checkpoints checkpoints) {
        this.checkpoints = checkpoints;
        return this;
    }

    /**
     * Trains, and measures with the trainer's backend, threads and loss, in float32; ends early after {@link #stop}. Returns what each
     * epoch came to.
     *
     * @throws UncheckedIOException if a checkpoint cannot be written, or the state to resume from is damaged or of another run
     */
    public List<EpochResult> run(int epochs, Listener... listeners) {
        return run(epochs, List.of(listeners));
    }

    /** As {@link #run(int, Listener...)}. */
    public List<EpochResult> run(int epochs, List<? extends Listener> listeners) {
        BatchLoader loader = new BatchLoader(data.train(), batchSize, true, seed, true, normalization, augmentation);
        if (softClasses > 0) loader = loader.softTargets(softClasses);
        if (reconstructs) loader = loader.reconstruction();
        TrainingBatch batch = trainer.batch(batchSize);
        boolean resumes = resumed != null && Files.exists(resumed);
        FitProgress progress = new FitProgress(this, batch, epochs, loader.batches() / trainer.accumulate(), resumes);
        progress.begin(1);
        List<EpochResult> results = new ArrayList<>();
        if (resumes) restore(progress, listeners);
        Throwable failure = null;
        int started = 0;
        try (BatchAhead ahead = new BatchAhead(loader, workers);
                Evaluator evaluator = evaluator(trainer.model())) {
            if (progress.epoch() <= epochs) ahead.begin(progress.epoch(), progress.step() * trainer.accumulate());
            for (Listener listener : listeners) {
                started++;
                listener.start(progress);
            }
            checkpoints.start(this);
            while (progress.epoch() <= epochs && !isOver()) {
                EpochResult result = epoch(progress, ahead, evaluator, listeners);
                // Stopped before the first step of an epoch: there is nothing new.
                if (progress.step() == 0) break;
                results.add(result);
                for (Listener listener : listeners) listener.epoch(result);
                // Otherwise whoever goes on from here has an epoch to end, or to measure.
                if (result.complete() && result.test() != null) progress.begin(progress.epoch() + 1);
                checkpoints.epoch(progress, result, listeners);
            }
            finish(progress);
        } catch (IOException e) {
            failure = e;
            throw new UncheckedIOException(e);
        } catch (RuntimeException | Error e) {
            failure = e;
            throw e;
        } finally {
            tellEnd(listeners.subList(0, started), failure);
        }
        return results;
    }

    /** Every one of them, whatever another throws; that does not hide what ended the run. */
    private void tellEnd(List<? extends Listener> started, Throwable failure) {
        End end = end(failure);
        RuntimeException thrown = null;
        for (Listener listener : started) {
            try {
                listener.end(end);
            } catch (RuntimeException e) {
                Throwable told = failure != null ? failure : thrown;
                if (told == null) thrown = e;
                else if (!told.equals(e)) told.addSuppressed(e);
            }
        }
        if (thrown != null) throw thrown;
    }

    private void restore(FitProgress progress, List<? extends Listener> listeners) {
        try {
            FitState.restore(resumed, progress, checkpoints, listeners);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private EpochResult epoch(
            FitProgress progress, BatchAhead ahead, Evaluator evaluator, List<? extends Listener> listeners)
            throws IOException {
        int epoch = progress.epoch();
        TrainingBatch batch = progress.batch();
        ahead.begin(epoch, progress.step() * trainer.accumulate());
        double waited = ahead.waitedSeconds();
        long start = System.nanoTime() - (long) (progress.seconds() * 1e9);
        while (progress.step() < progress.steps() && !isOver()) {
            trainer.epoch(epoch - 1 + (double) progress.step() / progress.steps());
            double rate = trainer.learningRate();
            double loss = 0;
            int correct = 0;
            for (int part = 0; part < trainer.accumulate(); part++) {
                ahead.next(batch.input().segment(), batch.target().segment());
                // What comes after a part that is skipped would be no whole step.
                if (Double.isNaN(loss)) continue;
                loss += batch.step() / trainer.accumulate();
                correct = Double.isNaN(loss) ? 0 : correct + batch.correct();
            }
            progress.stepped(loss, correct, rate, (System.nanoTime() - start) * 1e-9);
            for (int i = 0; i < listeners.size(); i++) listeners.get(i).step(progress);
            checkpoints.step(progress, listeners);
        }
        double seconds = (System.nanoTime() - start) * 1e-9;
        double inputSeconds = ahead.waitedSeconds() - waited;
        // The next epoch's first batches are prepared while this one is measured.
        if (progress.step() == progress.steps() && epoch < progress.epochs() && !isOver()) ahead.begin(epoch + 1);
        Evaluation test =
                evaluator.evaluate(data.test(), normalization, this::isStopped).orElse(null);
        // An epoch that is gone on with after its measurement was cut off has been taken once.
        if (progress.step() == progress.steps() && test != null) trainer.epochDone(epoch);
        if (trainer.averaging() instanceof Averaging.Ema && test != null) measureAverage(progress);
        return new EpochResult(
                epoch,
                progress.loss(),
                progress.accuracy(),
                test,
                progress.learningRate(),
                seconds,
                progress.samples() / seconds,
                inputSeconds,
                progress.step() == progress.steps());
    }

    /** Stochastic weight averaging ends with statistics for the average. */
    private void finish(FitProgress progress) throws IOException {
        Optional<Model> average = trainer.averaged();
        if (stopped || !(trainer.averaging() instanceof Averaging.Swa) || average.isEmpty()) return;
        boolean normalizes = average.get().parameters().specs().stream()
                .anyMatch(p -> p.name().endsWith("running_mean"));
        if (normalizes) {
            UpdateBatchNorm.of(average.get())
                    .backend(trainer.backend())
                    .threads(trainer.threads())
                    .precision(trainer.precision())
                    .batchSize(batchSize)
                    .seed(seed)
                    .run(data.train(), normalization);
        }
        measureAverage(progress);
        checkpoints.averaged(progress, progress.epoch() - 1);
    }

    private Evaluator evaluator(Model model) {
        return new Evaluator(
                        model,
                        trainer.backend(),
                        trainer.threads(),
                        trainer.loss(),
                        Math.max(batchSize, LEAST_MEASURED))
                .workers(workers);
    }

    private void measureAverage(FitProgress progress) {
        Optional<Model> average = trainer.averaged();
        if (average.isEmpty()) return;
        try (Evaluator evaluator = evaluator(average.get())) {
            evaluator.evaluate(data.test(), normalization, this::isStopped).ifPresent(progress::averaged);
        }
    }

    private End end(Throwable failure) {
        if (failure != null) return new End(Outcome.FAILED, String.valueOf(failure.getMessage()), failure);
        if (stopped) return new End(Outcome.INTERRUPTED, "interrupted", null);
        return enough != null ? new End(Outcome.ENOUGH, enough, null) : new End(Outcome.DONE, "", null);
    }

    /** Interrupts training after the current step, or the current batch of a measurement; from any thread. */
    public void stop() {
        stopped = true;
    }

    /**
     * Ends training after the current step as if there were no more to come: what was learned is measured and saved.
     *
     * @param reason in words, for whoever reads the log
     */
    public void stop(String reason) {
        enough = reason;
    }

    /** Whether {@link #stop()} was called. */
    public boolean isStopped() {
        return stopped;
    }

    private boolean isOver() {
        return stopped || enough != null;
    }

    /** The trainer that makes the steps. */
    public Trainer trainer() {
        return trainer;
    }

    /** The data that it trains and measures on. */
    public DataSplit data() {
        return data;
    }

    /** What samples are normalized with. */
    public Normalization normalization() {
        return normalization;
    }

    /** Whether the model is trained to give back its input. */
    public boolean reconstructs() {
        return reconstructs;
    }

    int samplesPerStep() {
        return batchSize * trainer.accumulate();
    }

    /** What must be the same in a run that goes on from another's state, as text by name. */
    Map<String, String> recipe() {
        Map<String, String> recipe = new LinkedHashMap<>();
        recipe.put("batch", Integer.toString(batchSize));
        recipe.put("accumulate", Integer.toString(trainer.accumulate()));
        recipe.put("seed", Long.toString(seed));
        recipe.put("samples", Integer.toString(data.train().size()));
        recipe.put("augmentation", augmentation.toString());
        recipe.put("optimizer", trainer.optimizer().toString());
        recipe.put("loss", trainer.loss().toString());
        recipe.put("clipping", trainer.clipping().toString());
        recipe.put("normalization", normalization.toString());
        recipe.put("averaging", trainer.averaging().toString());
        recipe.put("precision", trainer.precision().toString());
        recipe.put("dropout seed", Long.toString(trainer.seed()));
        recipe.put("parameter groups", ParameterGroup.describe(trainer.groups(), trainer.model()));
        return recipe;
    }
}
