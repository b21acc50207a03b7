package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.data.Augmentation;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Dataset;
import dev.ondine.data.Datasets;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What listeners are told, when training ends, and what is saved. */
class FitTest {
    /** Trains something small, and lets a listener watch. */
    private static List<Fit.EpochResult> fit(int epochs, Checkpoints checkpoints, Fit.Listener... listeners)
            throws IOException {
        DataSplit data = Datasets.open("digits:64,32", 1);
        Sequential net = Sequential.of(
                Layers.flatten(), Layers.linear(784, 12), Layers.batchNorm1d(12), Layers.relu(), Layers.linear(12, 10));
        try (Model model = Model.of(net, data.train().sampleShape(), 1);
                Trainer trainer = Trainer.of(model)
                        .backend(Backends.named("reference"))
                        .threads(1)
                        .optimizer(Optimizer.Sgd.of(0.05))
                        .build()) {
            Fit fit = new Fit(trainer, data, Normalization.of(data.train()), Augmentation.NONE, 16, 1);
            return fit.checkpoints(checkpoints).run(epochs, listeners);
        }
    }

    /** Writes down what it is told. */
    private static class Recorder implements Fit.Listener {
        final List<String> told = new ArrayList<>();
        FitProgress progress;

        @Override
        public void start(FitProgress progress) {
            this.progress = progress;
            told.add("start of " + progress.epochs() + "x" + progress.steps());
        }

        @Override
        public void step(FitProgress progress) {
            assertSame(this.progress, progress);
            told.add("step " + progress.epoch() + "." + progress.step() + " = " + progress.totalSteps());
        }

        @Override
        public void epoch(Fit.EpochResult result) {
            told.add("epoch " + result.epoch() + (result.complete() ? "" : " cut"));
        }

        @Override
        public void checkpoint(Checkpoints.Saved saved) {
            told.add("checkpoint " + saved.epoch() + " = " + saved.steps());
        }

        @Override
        public void end(Fit.End end) {
            told.add("end " + end.outcome());
        }
    }

    @Test
    void listenersAreToldInOrder(@TempDir Path folder) throws IOException {
        Recorder recorder = new Recorder();
        List<Fit.EpochResult> results =
                fit(2, new Checkpoints(folder, Monitor.LOSS, e -> Map.of("epochs", "" + e)), recorder);
        assertEquals(
                List.of(
                        "start of 2x4",
                        "step 1.1 = 1",
                        "step 1.2 = 2",
                        "step 1.3 = 3",
                        "step 1.4 = 4",
                        "epoch 1",
                        "checkpoint 1 = 4",
                        "step 2.1 = 5",
                        "step 2.2 = 6",
                        "step 2.3 = 7",
                        "step 2.4 = 8",
                        "epoch 2",
                        "checkpoint 2 = 8",
                        "end DONE"),
                recorder.told);
        assertEquals(2, results.size());
        assertEquals("2", Checkpoint.metadata(folder.resolve(Checkpoints.MODEL)).get("epochs"));
    }

    @Test
    void theMeansAreThoseOfTheSteps() throws IOException {
        double[] sum = new double[1];
        List<Fit.EpochResult> results = fit(1, Checkpoints.NONE, new Fit.Listener() {
            @Override
            public void step(FitProgress progress) {
                sum[0] += progress.stepLoss();
                assertEquals(sum[0] / progress.step(), progress.loss());
                assertEquals(0.05, progress.learningRate());
            }
        });
        assertEquals(sum[0] / 4, results.getFirst().trainLoss());
    }

    @Test
    void aListenerEndsTheRunAndAnotherStopsIt() throws IOException {
        Recorder recorder = new Recorder();
        Fit.Listener enough = new Fit.Listener() {
            @Override
            public void step(FitProgress progress) {
                if (progress.totalSteps() == 6) progress.fit().stop("enough for a test");
            }

            @Override
            public void end(Fit.End end) {
                assertEquals("enough for a test", end.reason());
            }
        };
        List<Fit.EpochResult> results = fit(9, Checkpoints.NONE, enough, recorder);
        assertEquals(List.of("step 2.2 = 6", "epoch 2 cut", "end ENOUGH"), recorder.told.subList(7, 10));
        assertFalse(results.getLast().complete());
        assertEquals(32, results.getLast().test().samples(), "what was learned is measured");

        Recorder second = new Recorder();
        results = fit(
                9,
                Checkpoints.NONE,
                new Fit.Listener() {
                    @Override
                    public void step(FitProgress progress) {
                        if (progress.totalSteps() == 6) progress.fit().stop();
                    }
                },
                second);
        assertEquals("end INTERRUPTED", second.told.getLast());
        assertNull(results.getLast().test(), "who is in a hurry gets no measurement");
    }

    @Test
    void aFailureEndsEveryListener() {
        Recorder recorder = new Recorder();
        Fit.Listener failing = new Fit.Listener() {
            @Override
            public void epoch(Fit.EpochResult result) {
                throw new IllegalStateException("for a test");
            }
        };
        var e = assertThrows(IllegalStateException.class, () -> fit(2, Checkpoints.NONE, recorder, failing));
        assertEquals("for a test", e.getMessage());
        assertEquals("end FAILED", recorder.told.getLast());
    }

    /** Who was not told of the start could not know what the end is of; and nobody hides why the run ended. */
    @Test
    void whoWasNotToldOfTheStartIsNotToldOfTheEnd() {
        Recorder before = new Recorder();
        Recorder after = new Recorder();
        Fit.Listener failing = new Fit.Listener() {
            @Override
            public void start(FitProgress progress) {
                throw new IllegalStateException("no room for a test");
            }

            @Override
            public void end(Fit.End end) {
                throw new IllegalArgumentException("nor at the end");
            }
        };
        Recorder first = new Recorder() {
            @Override
            public void end(Fit.End end) {
                super.end(end);
                throw new UnsupportedOperationException("nor at its own");
            }
        };
        var e = assertThrows(
                IllegalStateException.class, () -> fit(1, Checkpoints.NONE, first, before, failing, after));
        assertEquals("no room for a test", e.getMessage());
        assertEquals(2, e.getSuppressed().length, "what failed at the end is told, too");
        assertEquals(List.of("start of 1x4", "end FAILED"), before.told);
        assertEquals(List.of(), after.told);
    }

    /** The best model is the one of the epoch that measured best, whatever came later. */
    @Test
    void theBestModelIsKept(@TempDir Path folder) throws IOException {
        byte[][] best = new byte[1][];
        double[] least = {Double.POSITIVE_INFINITY};
        Checkpoints checkpoints = new Checkpoints(folder, Monitor.LOSS, _ -> Map.of());
        Fit.Listener worsens = new Fit.Listener() {
            private Fit.EpochResult result;

            @Override
            public void step(FitProgress progress) {
                // From the third epoch on, what was learned is spoiled.
                if (progress.epoch() < 3) return;
                var weight = progress.trainer().model().parameters().get("4.weight");
                for (long i = 0; i < weight.elements(); i++) weight.setFloatAt(i, (float) (i % 3));
                progress.trainer().model().parameters().touch();
            }

            @Override
            public void epoch(Fit.EpochResult result) {
                this.result = result;
            }

            @Override
            public void checkpoint(Checkpoints.Saved saved) {
                assertEquals(result.test().loss() < least[0], saved.best(), "epoch " + saved.epoch());
                try {
                    if (saved.best()) best[0] = Files.readAllBytes(folder.resolve(Checkpoints.MODEL));
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
                least[0] = Math.min(least[0], result.test().loss());
            }
        };
        fit(4, checkpoints, worsens);
        assertEquals(least[0], checkpoints.best().orElseThrow());
        assertArrayEquals(best[0], Files.readAllBytes(folder.resolve(Checkpoints.BEST)));
        assertFalse(java.util.Arrays.equals(best[0], Files.readAllBytes(folder.resolve(Checkpoints.MODEL))));
    }

    private static Fit.EpochResult measured(int epoch, double loss, long correct) {
        return new Fit.EpochResult(epoch, 0, 0, new Evaluation(loss, correct, 100), 0, 0, 0, 0, true);
    }

    /** While an epoch is measured, the samples of the next one are read already. */
    @Test
    void theNextEpochsFirstBatchesArePreparedInTime() throws IOException {
        AtomicInteger reads = new AtomicInteger();
        DataSplit digits = Datasets.open("digits:64,32", 1);
        Dataset counted = new Dataset() {
            @Override
            public int size() {
                return digits.train().size();
            }

            @Override
            public Shape sampleShape() {
                return digits.train().sampleShape();
            }

            @Override
            public List<String> classes() {
                return digits.train().classes();
            }

            @Override
            public int label(int index) {
                return digits.train().label(index);
            }

            @Override
            public void read(int index, float[] into, int offset) {
                reads.incrementAndGet();
                digits.train().read(index, into, offset);
            }
        };
        List<Integer> seen = new ArrayList<>();
        Fit.Listener waits = new Fit.Listener() {
            @Override
            public void epoch(Fit.EpochResult result) {
                // Of all 64 of this epoch, and 16 of the next. Another second of waiting for who does not come.
                int wanted = result.epoch() < 2 ? 80 * result.epoch() : 128;
                for (int i = 0; i < 1000 && reads.get() < wanted; i++) LockSupport.parkNanos(1_000_000);
                seen.add(reads.get());
            }
        };
        Sequential net = Sequential.of(Layers.flatten(), Layers.linear(784, 10));
        try (Model model = Model.of(net, counted.sampleShape(), 1);
                Trainer trainer = Trainer.of(model)
                        .backend(Backends.named("reference"))
                        .threads(1)
                        .build()) {
            DataSplit data = new DataSplit("counted", counted, digits.test());
            new Fit(trainer, data, Normalization.identity(1), Augmentation.NONE, 16, 1).run(2, waits);
        }
        assertEquals(List.of(80, 128), seen, "a batch ahead, and none behind the last epoch");
    }

    @Test
    void patienceCountsEpochsWithoutAGain() throws IOException {
        // 0.8 again is no gain.
        double[] losses = {1.0, 0.8, 0.85, 0.8, 0.79, 0.79, 0.9, 0.8};
        EarlyStopping stopping = new EarlyStopping(Monitor.LOSS, 3, 0);
        List<Integer> epochs = new ArrayList<>();
        fit(1, Checkpoints.NONE, new Fit.Listener() {
            @Override
            public void start(FitProgress progress) {
                stopping.start(progress);
                for (int e = 1; e <= losses.length; e++) {
                    stopping.epoch(measured(e, losses[e - 1], 50));
                    epochs.add(Integer.parseInt(stopping.state().get("waited")));
                }
            }

            @Override
            public void end(Fit.End end) {
                assertEquals(Fit.Outcome.ENOUGH, end.outcome());
                assertEquals("no better test loss than 0.79 in 3 epochs", end.reason());
            }
        });
        assertEquals(List.of(0, 0, 1, 2, 0, 1, 2, 3), epochs);

        EarlyStopping resumed = new EarlyStopping(Monitor.LOSS, 3, 0);
        resumed.restore(Map.of("best", "0.79", "waited", "2"));
        assertEquals(Map.of("best", "0.79", "waited", "2"), resumed.state());
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new EarlyStopping(Monitor.ACCURACY, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new EarlyStopping(Monitor.ACCURACY, 1, -1));
        assertTrue(Monitor.ACCURACY.gain(0.9, Monitor.ACCURACY.worst()) > 0);
        assertTrue(Monitor.LOSS.gain(0.9, 0.8) < 0);
    }

    /** Trains a network with dropout, on shifted and mirrored samples; fails after so many steps, or goes on from a folder. */
    private static byte[] dropoutRun(
            Path folder, int failAt, boolean resume, UnaryOperator<Trainer.Builder> settings, String backend)
            throws IOException {
        DataSplit data = Datasets.open("digits:60,20", 1);
        Sequential net = Sequential.of(
                Layers.conv2d(1, 4, 3).stride(2),
                Layers.batchNorm2d(4),
                Layers.relu(),
                Layers.dropout(0.3),
                Layers.flatten(),
                Layers.linear(676, 10));
        try (Model model = Model.of(net, data.train().sampleShape(), resume ? 99 : 1);
                Trainer trainer = settings.apply(Trainer.of(model))
                        .backend(Backends.named(backend))
                        .threads(1)
                        .schedule(Schedule.cosine(3).warmup(1))
                        .seed(4)
                        .build()) {
            Fit fit = new Fit(trainer, data, Normalization.of(data.train()), new Augmentation(2, true), 16, 1);
            fit.checkpoints(new Checkpoints(folder, Monitor.ACCURACY, _ -> Map.of()).everySteps(2));
            if (resume) fit.resume(folder);
            fit.run(
                    3,
                    new ReduceOnPlateau(Monitor.LOSS, 0.5, 0, 0),
                    new EarlyStopping(Monitor.LOSS, 2, 0.1),
                    new Fit.Listener() {
                        @Override
                        public void step(FitProgress progress) {
                            if (progress.totalSteps() == failAt) throw new IllegalStateException("power failure");
                        }
                    });
            if (!(trainer.averaging() instanceof Averaging.None)) {
                return Files.readAllBytes(folder.resolve(Checkpoints.AVERAGED));
            }
        }
        return Files.readAllBytes(folder.resolve(Checkpoints.MODEL));
    }

    /** Three steps an epoch: within one, at its end, and before the first that is saved. */
    @ParameterizedTest
    @CsvSource({"1, reference", "5, reference", "6, reference", "8, reference", "5, onednn", "5, vector"})
    void dropoutAndAugmentationGoOnToTheBit(int failAt, String backend, @TempDir Path whole, @TempDir Path cut)
            throws IOException {
        assertGoesOn(failAt, b -> b.optimizer(Optimizer.Adam.of(0.01)), backend, whole, cut);
    }

    private static void assertGoesOn(
            int failAt, UnaryOperator<Trainer.Builder> settings, String backend, Path whole, Path cut)
            throws IOException {
        byte[] expected = dropoutRun(whole, Integer.MAX_VALUE, false, settings, backend);
        assertThrows(IllegalStateException.class, () -> dropoutRun(cut, failAt, false, settings, backend));
        // Where nothing was saved yet, there is nothing to go on from, and the run begins anew.
        byte[] resumed = dropoutRun(cut, Integer.MAX_VALUE, failAt > 2, settings, backend);
        assertArrayEquals(expected, resumed);
    }

    /** Whatever an optimizer or an average remembers is in the state. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5})
    void whateverIsRememberedGoesOnToTheBit(int which, @TempDir Path whole, @TempDir Path cut) throws IOException {
        List<UnaryOperator<Trainer.Builder>> all = List.of(
                b -> b.optimizer(Optimizer.Lookahead.of(Optimizer.Sgd.of(0.05).momentum(0.9))),
                b -> b.optimizer(Optimizer.Muon.of(0.02)).averaging(Averaging.ema(0.9)),
                b -> b.optimizer(Optimizer.RmsProp.of(0.01).momentum(0.5).centered(true)),
                b -> b.optimizer(Optimizer.Lamb.of(0.01)).averaging(Averaging.swa(2)),
                b -> b.optimizer(Optimizer.Lars.of(0.5)).clipping(Clipping.byNorm(1)),
                b -> b.optimizer(Optimizer.Sgd.of(0.05).momentum(0.9)).averaging(Averaging.swa(1)));
        // Within the second epoch, or after its end.
        assertGoesOn(which % 2 == 0 ? 5 : 7, all.get(which), "onednn", whole, cut);
    }

    /** Every sample is right but one, which spoils a step of each epoch. */
    private record Spoiled(Dataset right) implements Dataset {
        @Override
        public int size() {
            return right.size();
        }

        @Override
        public Shape sampleShape() {
            return right.sampleShape();
        }

        @Override
        public List<String> classes() {
            return right.classes();
        }

        @Override
        public int label(int index) {
            return right.label(index);
        }

        @Override
        public void read(int index, float[] into, int offset) {
            right.read(index, into, offset);
            if (index == 7) into[offset] = Float.NaN;
        }
    }

    private static long skipped(Path folder, int epochs, boolean resume) throws IOException {
        DataSplit digits = Datasets.open("digits:64,32", 1);
        DataSplit data = new DataSplit("spoiled", new Spoiled(digits.train()), digits.test());
        Sequential net = Sequential.of(Layers.flatten(), Layers.linear(784, 10));
        try (Model model = Model.of(net, data.train().sampleShape(), 1);
                Trainer trainer = Trainer.of(model)
                        .backend(Backends.named("reference"))
                        .threads(1)
                        .onNonFinite(NonFinite.SKIP)
                        .build()) {
            Fit fit = new Fit(trainer, data, Normalization.of(digits.train()), Augmentation.NONE, 16, 1);
            fit.checkpoints(new Checkpoints(folder, Monitor.LOSS, _ -> Map.of()));
            if (resume) fit.resume(folder);
            fit.run(epochs);
            assertTrue(trainer.lastSkipped().orElseThrow().contains("holds a NaN"));
            return trainer.skippedSteps();
        }
    }

    @Test
    void stepsThatWereLeftOutAreCountedOverResumptions(@TempDir Path folder) throws IOException {
        assertEquals(2, skipped(folder, 2, false));
        // Nothing is left to do.
        assertEquals(2, skipped(folder, 2, true));
        assertEquals(3, skipped(folder, 3, true));
    }

    /** What is nobody's checkpoints remembers nothing of a run; and a listener begins anew with each run that does. */
    @Test
    void whatIsUsedForSeveralRunsBeginsAnew(@TempDir Path folder) throws IOException {
        skipped(folder, 1, false);
        ReduceOnPlateau plateau = new ReduceOnPlateau(Monitor.LOSS, 0.5, 0, 0);
        plateau.restore(Map.of("best", "-1.0", "bad", "0", "scale", "0.25"));
        fit(1, Checkpoints.NONE, plateau, new Fit.Listener() {
            @Override
            public void step(FitProgress progress) {
                assertEquals(0.05, progress.learningRate());
            }
        });
        assertEquals("1.0", plateau.state().get("scale"));
        Checkpoints.NONE.restore("0.5", 1);
        assertTrue(Checkpoints.NONE.best().isEmpty());
    }

    @Test
    void accumulatedStepsGoOnToTheBit(@TempDir Path whole, @TempDir Path cut) throws IOException {
        // One step an epoch; saved after the second.
        UnaryOperator<Trainer.Builder> settings = b -> b.accumulate(2).averaging(Averaging.ema(0.5));
        assertGoesOn(3, settings, "onednn", whole, cut);
    }
}
