package dev.ondine.study;

import dev.ondine.backend.Backend;
import dev.ondine.backend.PlanOptions;
import dev.ondine.data.BatchAhead;
import dev.ondine.data.BatchLoader;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.study.StudyRun.Setting;
import dev.ondine.train.Evaluator;
import dev.ondine.train.Loss;
import dev.ondine.train.Optimizer;
import dev.ondine.train.Trainer;
import dev.ondine.train.TrainingBatch;
import dev.ondine.train.TrainingException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Trains one network with batch normalization and without, in several ways: learning rates of 1, 5 and 30 times a base rate, as Ioffe and
 * Szegedy (2015) did; with dropout; at several batch sizes, the learning rate in proportion to the batch. Every run sees the same samples
 * in the same order from the same first weights; SGD with momentum 0.9, without weight decay, the learning rate constant.
 */
public final class BatchNormStudy {
    /** At the batch size {@link #BATCH}. */
    static final double BASE_RATE = 0.01;

    static final int BATCH = 64;
    static final double DROPOUT = 0.5;
    static final List<Integer> OTHER_BATCHES = List.of(4, 16, 256);
    private static final double MOMENTUM = 0.9;

    /** Measurements an epoch. */
    private static final int MEASUREMENTS = 6;

    /** Told how the study goes, on the thread that runs it. */
    public interface Progress {
        /**
         * Now and then.
         *
         * @param run which one, from 1
         * @param runs how many there are
         * @param what is trained, in words
         * @param done share of this run
         */
        void step(int run, int runs, String what, double done);

        /** When a run is done, in words. */
        void done(int run, int runs, String what, String result);
    }

    private final DataSplit data;
    private final Normalization normalization;
    private final Backend backend;
    private final PlanOptions options;
    private final int epochs;
    private final long seed;

    /**
     * @param options threads and precision
     * @param seed of the weights, the order of the samples and dropout
     */
    public BatchNormStudy(DataSplit data, Backend backend, PlanOptions options, int epochs, long seed) {
        int most = OTHER_BATCHES.stream().mapToInt(Integer::intValue).max().orElse(BATCH);
        if (data.train().size() < most) {
            throw new IllegalArgumentException("the study trains with batches of up to " + most + " samples; "
                    + data.name() + " has " + data.train().size());
        }
        this.data = data;
        this.normalization = Normalization.of(data.train());
        this.backend = backend;
        this.options = options;
        this.epochs = epochs;
        this.seed = seed;
    }

    /** What is trained, in order. */
    static List<Setting> settings() {
        List<Setting> settings = new ArrayList<>();
        for (double times : new double[] {1, 5, 30}) {
            for (boolean normalized : new boolean[] {true, false}) {
                settings.add(new Setting(normalized, times, 0, BATCH));
            }
        }
        settings.add(new Setting(true, 1, DROPOUT, BATCH));
        settings.add(new Setting(false, 1, DROPOUT, BATCH));
        for (int batch : OTHER_BATCHES) {
            for (boolean normalized : new boolean[] {true, false}) {
                settings.add(new Setting(normalized, (double) batch / BATCH, 0, batch));
            }
        }
        return settings;
    }

    /** Runs everything; nothing if {@code stop}, asked before every step, says yes. */
    public Optional<StudyResult> run(Progress progress, BooleanSupplier stop) {
        List<Setting> settings = settings();
        List<StudyRun> runs = new ArrayList<>();
        for (int i = 0; i < settings.size(); i++) {
            int number = i + 1;
            Setting setting = settings.get(i);
            String what = words(setting);
            Optional<StudyRun> run = train(setting, done -> progress.step(number, settings.size(), what, done), stop);
            if (run.isEmpty()) return Optional.empty();
            runs.add(run.get());
            progress.done(number, settings.size(), what, result(run.get()));
        }
        return Optional.of(new StudyResult(
                data.name(),
                data.train().size(),
                data.test().size(),
                data.train().classes().size(),
                epochs,
                seed,
                List.copyOf(runs)));
    }

    private static String words(Setting s) {
        return s.network() + ", rate " + StudyFindings.number(s.times() * BASE_RATE) + ", batch " + s.batch()
                + (s.dropout() > 0 ? ", dropout" : "");
    }

    private static String result(StudyRun run) {
        String time = " (" + Math.round(run.seconds()) + " s)";
        return (run.diverged() ? "diverged at step " + run.divergedAt() : StudyFindings.percent(run.accuracy())) + time;
    }

    /** Of one run. */
    private interface Share {
        void done(double share);
    }

    private Optional<StudyRun> train(Setting setting, Share progress, BooleanSupplier stop) {
        long start = System.nanoTime();
        int classes = data.train().classes().size();
        boolean drifts = setting.times() == 1 && setting.dropout() == 0 && setting.batch() == BATCH;
        try (Model model = Model.of(
                        StudyNetwork.of(
                                data.train().sampleShape(), classes, setting.normalized(), setting.dropout(), false),
                        data.train().sampleShape(),
                        seed);
                Trainer trainer = Trainer.of(model)
                        .backend(backend)
                        .optimizer(Optimizer.Sgd.of(BASE_RATE * setting.times()).momentum(MOMENTUM))
                        .threads(options.threads())
                        .precision(options.precision())
                        .seed(seed)
                        .build();
                Evaluator evaluator = new Evaluator(model, backend, options, Loss.crossEntropy(), 250);
                DriftProbe probe = drifts
                        ? new DriftProbe(model, setting.normalized(), data.test(), normalization, backend, options)
                        : null) {
            Measurements measured = new Measurements(evaluator, probe);
            BatchLoader loader = new BatchLoader(data.train(), setting.batch(), true, seed, true, normalization);
            TrainingBatch batch = trainer.batch(setting.batch());
            int steps = loader.batches();
            long divergedAt = 0;
            measured.drift(0);
            try (BatchAhead ahead = new BatchAhead(loader)) {
                for (int epoch = 1; epoch <= epochs; epoch++) {
                    ahead.begin(epoch);
                    for (int step = 1; step <= steps; step++) {
                        if (stop.getAsBoolean()) return Optional.empty();
                        ahead.next(batch.input().segment(), batch.target().segment());
                        measured.step(batch.step(), batch.correct(), setting.batch());
                        boolean due = step * MEASUREMENTS / steps > (step - 1) * MEASUREMENTS / steps;
                        if (due) {
                            measured.measure((double) trainer.steps() * setting.batch());
                            progress.done(((epoch - 1) + (double) step / steps) / epochs);
                        }
                    }
                }
            } catch (TrainingException _) {
                divergedAt = trainer.steps() + 1;
            }
            return Optional.of(measured.run(setting, divergedAt, (System.nanoTime() - start) * 1e-9));
        }
    }

    /** What one run came to so far. */
    private final class Measurements {
        private final Evaluator evaluator;
        private final DriftProbe probe;
        private final List<double[]> rows = new ArrayList<>();
        private final List<StudyRun.Spread> drift = new ArrayList<>();
        private double loss;
        private long correct;
        private long seen;
        private int steps;

        Measurements(Evaluator evaluator, DriftProbe probe) {
            this.evaluator = evaluator;
            this.probe = probe;
        }

        void step(double stepLoss, long stepCorrect, int samples) {
            loss += stepLoss;
            correct += stepCorrect;
            seen += samples;
            steps++;
        }

        void measure(double samples) {
            double test = evaluator.evaluate(data.test(), normalization).accuracy();
            rows.add(new double[] {samples, test, (double) correct / seen, loss / steps});
            loss = 0;
            correct = 0;
            seen = 0;
            steps = 0;
            drift(samples);
        }

        void drift(double samples) {
            if (probe != null) drift.add(probe.look(samples));
        }

        StudyRun run(Setting setting, long divergedAt, double seconds) {
            return new StudyRun(
                    setting, column(0), column(1), column(2), column(3), divergedAt, List.copyOf(drift), seconds);
        }

        private double[] column(int index) {
            return rows.stream().mapToDouble(row -> row[index]).toArray();
        }
    }
}
