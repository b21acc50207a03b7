package dev.ondine.train;

import dev.ondine.data.Augmentation;
import dev.ondine.data.BatchAhead;
import dev.ondine.data.BatchLoader;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Normalization;
import java.util.ArrayList;
import java.util.List;

/**
 * Trains for some epochs over a data set of labelled samples and measures after each.
 *
 * <p>Each epoch sees the samples in an order of its own, a pure function of seed and epoch. An incomplete last batch is left out: its
 * samples come elsewhere in the next epoch's order. While a step runs, the next batch is prepared on a thread of its own.
 */
public final class Fit {
    /** Told how training goes, on the training thread. */
    public interface Listener {
        /**
         * After each step.
         *
         * @param epoch which one, from 1
         * @param step which one of the epoch, from 1
         * @param steps of the epoch
         * @param loss mean over the epoch so far
         * @param accuracy share that was classified rightly in the epoch so far
         */
        default void step(int epoch, int step, int steps, double loss, double accuracy, double imagesPerSecond) {}

        /** After each epoch. */
        default void epoch(EpochResult result) {}
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
            boolean complete) {}

    private final Trainer trainer;
    private final DataSplit data;
    private final Normalization normalization;
    private final Augmentation augmentation;
    private final int batchSize;
    private final long seed;
    private volatile boolean stopped;

    /**
     * @param normalization applied to every sample; {@code Normalization.of(data.train())} as a rule
     * @param augmentation of the training images, anew in each epoch
     * @param seed of the order of the samples and of the augmentation
     * @throws IllegalArgumentException if a batch is larger than the training set, or the data does not fit the model
     */
    public Fit(
            Trainer trainer,
            DataSplit data,
            Normalization normalization,
            Augmentation augmentation,
            int batchSize,
            long seed) {
        if (batchSize < 1 || batchSize > data.train().size()) {
            throw new IllegalArgumentException("a batch of " + batchSize + " does not fit a training set of "
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
    }

    /** Trains, and measures with the trainer's backend, threads and loss, in float32; ends early after {@link #stop}. Returns what each epoch came to. */
    public List<EpochResult> run(int epochs, Listener listener) {
        BatchLoader loader = new BatchLoader(data.train(), batchSize, true, seed, true, normalization, augmentation);
        TrainingBatch batch = trainer.batch(batchSize);
        List<EpochResult> results = new ArrayList<>();
        try (BatchAhead ahead = new BatchAhead(loader);
                Evaluator evaluator = new Evaluator(
                        trainer.model(),
                        trainer.backend(),
                        trainer.threads(),
                        trainer.loss(),
                        Math.max(batchSize, 128))) {
            for (int epoch = 1; epoch <= epochs && !stopped; epoch++) {
                EpochResult result = epoch(epoch, loader, ahead, batch, evaluator, listener);
                results.add(result);
                listener.epoch(result);
            }
        }
        return results;
    }

    private EpochResult epoch(
            int epoch,
            BatchLoader loader,
            BatchAhead ahead,
            TrainingBatch batch,
            Evaluator evaluator,
            Listener listener) {
        ahead.begin(epoch);
        int steps = loader.batches();
        int done = 0;
        double loss = 0;
        long correct = 0;
        long start = System.nanoTime();
        double rate = trainer.learningRate();
        while (done < steps && !stopped) {
            trainer.epoch(epoch - 1 + (double) done / steps);
            rate = trainer.learningRate();
            ahead.next(batch.input().segment(), batch.target().segment());
            loss += batch.step();
            correct += batch.correct();
            done++;
            double seconds = (System.nanoTime() - start) * 1e-9;
            long seen = (long) done * batchSize;
            listener.step(epoch, done, steps, loss / done, (double) correct / seen, seen / seconds);
        }
        double seconds = (System.nanoTime() - start) * 1e-9;
        long seen = Math.max(1, (long) done * batchSize);
        Evaluation test =
                evaluator.evaluate(data.test(), normalization, this::isStopped).orElse(null);
        return new EpochResult(
                epoch,
                loss / Math.max(1, done),
                (double) correct / seen,
                test,
                rate,
                seconds,
                seen / seconds,
                done == steps);
    }

    /** Ends training after the current step, or the current batch of a measurement; from any thread. */
    public void stop() {
        stopped = true;
    }

    /** Whether {@link #stop} was called. */
    public boolean isStopped() {
        return stopped;
    }
}
