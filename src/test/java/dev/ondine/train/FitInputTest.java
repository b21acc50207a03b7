package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.data.Augmentation;
import dev.ondine.data.Cutout;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Datasets;
import dev.ondine.data.Mixing;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Model;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What training is fed with. */
class FitInputTest {
    /** On every backend the same losses: the same masks, mixed pairs and probabilities; and it learns. */
    @Test
    void mixedImagesAreLearnedWithProbabilities() {
        DataSplit data = Datasets.open("digits:200,100", 3);
        Augmentation mixed = Augmentation.of(new Cutout(6)).mixing(new Mixing(0.4, 1));
        List<Double> losses = new ArrayList<>();
        for (String backend : List.of("onednn", "reference")) {
            try (Model model = Model.of(
                            Layers.sequential(
                                    Layers.conv2d(1, 4, 3).stride(2).bias(false),
                                    Layers.batchNorm2d(4),
                                    Layers.relu(),
                                    Layers.spatialDropout(0.1),
                                    Layers.flatten(),
                                    Layers.linear(4 * 13 * 13, 10)),
                            data.train().sampleShape(),
                            1);
                    Trainer trainer = Trainer.of(model)
                            .backend(Backends.named(backend))
                            .threads(2)
                            .loss(Loss.softCrossEntropy().smoothing(0.1))
                            .build()) {
                Fit fit = new Fit(trainer, data, Normalization.of(data.train()), mixed, 50, 1);
                List<Fit.EpochResult> results = fit.workers(2).run(3);
                assertTrue(results.getLast().test().accuracy() > 0.4, results.toString());
                assertTrue(results.getLast().trainAccuracy() > 0.2, results.toString());
                assertTrue(results.getLast().inputSeconds() <= results.getLast().seconds(), results.toString());
                losses.add(results.getFirst().trainLoss());
            }
        }
        // Twelve steps whose sums are rounded differently.
        assertEquals(losses.get(0), losses.get(1), 1e-4 * losses.get(0));
    }

    @Test
    void mixedImagesNeedALossThatTakesThem() {
        DataSplit data = Datasets.open("digits:20,10", 3);
        try (Model model = Model.of(
                        Layers.sequential(Layers.flatten(), Layers.linear(784, 10)),
                        data.train().sampleShape(),
                        1);
                Trainer trainer = Trainer.of(model).build()) {
            Augmentation mixed = Augmentation.NONE.mixing(Mixing.mixup(1));
            var error = assertThrows(
                    IllegalArgumentException.class,
                    () -> new Fit(trainer, data, Normalization.identity(1), mixed, 5, 1));
            assertTrue(error.getMessage().contains("softCrossEntropy"), error.getMessage());
        }
    }
}
