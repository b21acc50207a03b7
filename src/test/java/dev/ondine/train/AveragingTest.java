package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.data.Augmentation;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Datasets;
import dev.ondine.data.Normalization;
import dev.ondine.graph.ModelException;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Averages of the weights, kept beside them. */
class AveragingTest {
    private static Map<String, float[]> values(Model model) {
        Map<String, float[]> values = new LinkedHashMap<>();
        for (ParameterSpec spec : model.parameters().specs()) {
            if (spec.dataType() == DataType.FLOAT32) {
                values.put(spec.name(), model.parameters().get(spec.name()).toFloatArray());
            }
        }
        return values;
    }

    /** To the bit: the same formula in the same precision, statistics included; and training goes on as if nobody averaged. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void anExponentialAverageFollowsEachStep(String backend) {
        Map<String, float[]> expected = new LinkedHashMap<>();
        Map<String, float[]> alone = new LinkedHashMap<>();
        for (Averaging averaging : List.of(Averaging.none(), Averaging.ema(0.75))) {
            try (Model model = Model.of(Fixtures.network(3), Shape.of(3, 12, 12), 3);
                    Trainer trainer = Trainer.of(model)
                            .backend(Backends.named(backend))
                            .threads(2)
                            .averaging(averaging)
                            .build()) {
                TrainingBatch batch = trainer.batch(8);
                assertTrue(trainer.averaged().isEmpty());
                for (int step = 0; step < 3; step++) {
                    Fixtures.fill(batch.input(), batch.target(), step);
                    batch.step();
                    if (averaging instanceof Averaging.None) {
                        for (Map.Entry<String, float[]> now : values(model).entrySet()) {
                            float[] average = expected.get(now.getKey());
                            if (average == null) {
                                expected.put(now.getKey(), now.getValue().clone());
                                continue;
                            }
                            for (int i = 0; i < average.length; i++) {
                                average[i] = average[i] + 0.25f * (now.getValue()[i] - average[i]);
                            }
                        }
                    }
                }
                if (averaging instanceof Averaging.None) {
                    alone = values(model);
                } else {
                    Map<String, float[]> own = values(model);
                    alone.forEach((name, v) -> assertArrayEquals(v, own.get(name), name));
                    Map<String, float[]> average = values(trainer.averaged().orElseThrow());
                    expected.forEach((name, v) -> assertArrayEquals(v, average.get(name), name));
                }
            }
        }
    }

    /** The mean over epochs, with statistics of its own: those that {@link UpdateBatchNorm} finds for these weights. */
    @Test
    void stochasticAveragingEndsWithStatisticsOfItsOwn() {
        DataSplit data = Datasets.open("digits:64,32", 1);
        Normalization normalization = Normalization.of(data.train());
        Sequential net = Sequential.of(
                Layers.flatten(), Layers.linear(784, 12), Layers.batchNorm1d(12), Layers.relu(), Layers.linear(12, 10));
        List<Map<String, float[]>> epochs = new ArrayList<>();
        try (Model model = Model.of(net, data.train().sampleShape(), 1);
                Trainer trainer = Trainer.of(model)
                        .backend(Backends.named("onednn"))
                        .threads(1)
                        .averaging(Averaging.swa(2))
                        .build();
                Model again = Model.of(net, data.train().sampleShape(), 1)) {
            Evaluation[] measured = new Evaluation[1];
            new Fit(trainer, data, normalization, Augmentation.NONE, 16, 1).run(4, new Fit.Listener() {
                private FitProgress progress;

                @Override
                public void start(FitProgress progress) {
                    this.progress = progress;
                }

                @Override
                public void epoch(Fit.EpochResult result) {
                    if (result.epoch() >= 2) epochs.add(values(model));
                }

                @Override
                public void end(Fit.End end) {
                    measured[0] = progress.averaged();
                }
            });
            assertEquals(3, epochs.size());
            Model averaged = trainer.averaged().orElseThrow();
            Map<String, float[]> actual = values(averaged);
            for (String name : List.of("1.weight", "1.bias", "2.weight", "2.bias", "4.weight", "4.bias")) {
                float[] mean = new float[actual.get(name).length];
                for (int i = 0; i < mean.length; i++) {
                    double sum = 0;
                    for (Map<String, float[]> epoch : epochs) sum += epoch.get(name)[i];
                    mean[i] = (float) (sum / 3);
                }
                // Three roundings on the way.
                Tolerances.assertClose(
                        name,
                        dev.ondine.tensor.Tensor.of(mean, mean.length),
                        dev.ondine.tensor.Tensor.of(actual.get(name), mean.length),
                        Tolerances.sum(3));
                again.parameters().get(name).copyFrom(actual.get(name));
            }
            again.parameters().touch();
            UpdateBatchNorm.of(again)
                    .backend(Backends.named("onednn"))
                    .threads(1)
                    .batchSize(16)
                    .seed(1)
                    .run(data.train(), normalization);
            assertArrayEquals(values(again).get("2.running_mean"), actual.get("2.running_mean"));
            assertArrayEquals(values(again).get("2.running_var"), actual.get("2.running_var"));
            assertFalse(java.util.Arrays.equals(epochs.getLast().get("2.running_mean"), actual.get("2.running_mean")));
            try (Evaluator evaluator = new Evaluator(again, Backends.named("onednn"), 1, Loss.crossEntropy(), 128)) {
                assertEquals(evaluator.evaluate(data.test(), normalization).loss(), measured[0].loss());
            }
        }
    }

    /** 70 samples are two batches of 32 and 6 that make no virtual batches of 4: they are left out, as training leaves them out. */
    @Test
    void aLastBatchThatMakesNoVirtualBatchesIsLeftOut() {
        DataSplit data = Datasets.open("digits:70,32", 1);
        Normalization normalization = Normalization.of(data.train());
        Sequential net = Sequential.of(
                Layers.flatten(), Layers.linear(784, 6), Layers.batchNorm1d(6).ghost(4), Layers.linear(6, 10));
        try (Model model = Model.of(net, data.train().sampleShape(), 1)) {
            UpdateBatchNorm update = UpdateBatchNorm.of(model)
                    .backend(Backends.named("reference"))
                    .threads(1);
            assertEquals(2, update.batchSize(32).run(data.train(), normalization));
            assertEquals(
                    2 * 32 / 4,
                    model.parameters().get("2.num_batches_tracked").getLongAt(0),
                    "each virtual batch counts");
            var e = assertThrows(
                    ModelException.class, () -> update.batchSize(30).run(data.train(), normalization));
            assertTrue(
                    e.getMessage().contains("a batch of 30") && e.getMessage().contains("multiple of 4"),
                    e.getMessage());
        }
        try (Model model = Model.of(net, data.train().sampleShape(), 1);
                Trainer trainer = Trainer.of(model)
                        .backend(Backends.named("reference"))
                        .threads(1)
                        .averaging(Averaging.swa(1))
                        .build()) {
            List<Fit.EpochResult> results = new Fit(trainer, data, normalization, Augmentation.NONE, 32, 1).run(1);
            assertEquals(1, results.size(), "the average is finished, too");
        }
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> Averaging.ema(1));
        assertThrows(IllegalArgumentException.class, () -> Averaging.ema(0));
        assertThrows(IllegalArgumentException.class, () -> Averaging.swa(0));
    }
}
