package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.data.Augmentation;
import dev.ondine.data.DataSplit;
import dev.ondine.data.Datasets;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Whole networks on real images, where they are there; and on digits that are made on the spot, everywhere. */
class RealDataTest {
    private static final Path DATA = Path.of("..", "shared", "data");

    private static List<Fit.EpochResult> train(
            String name, DataSplit data, int epochs, int batch, double rate, Augmentation augmentation) {
        Shape sample = data.train().sampleShape();
        int classes = data.train().classes().size();
        try (Model model = Model.of(Models.create(name, sample, classes), sample, 1);
                Trainer trainer = Trainer.of(model)
                        .seed(1)
                        .optimizer(Optimizer.Sgd.of(rate)
                                .momentum(0.9)
                                .weightDecay(5e-4)
                                .nesterov(true))
                        .schedule(Schedule.cosine(epochs).warmup(0.3))
                        .build()) {
            return new Fit(trainer, data, Normalization.of(data.train()), augmentation, batch, 1)
                    .run(epochs, new Fit.Listener() {});
        }
    }

    private static double best(List<Fit.EpochResult> results) {
        return results.stream().mapToDouble(r -> r.test().accuracy()).max().orElse(0);
    }

    @Test
    void lenetReadsMnist() {
        assumeTrue(Files.isDirectory(DATA.resolve("mnist10k")), "no MNIST beside the repository");
        DataSplit data = Datasets.open("mnist:" + DATA.resolve("mnist10k"), 1);
        double accuracy = best(train("lenet-bn", data, 5, 64, 0.05, new Augmentation(1, false)));
        assertTrue(accuracy >= 0.985, "accuracy " + accuracy);
    }

    /** A fifth of an epoch of CIFAR-10: chance is 10 %, and a network whose gradients are wrong stays near it. */
    @Test
    void resnet20LearnsCifar10() {
        assumeTrue(Files.exists(DATA.resolve("cifar10-jpeg.zip")), "no CIFAR-10 beside the repository");
        DataSplit all = Datasets.open("images:" + DATA.resolve("cifar10-jpeg.zip"), 1);
        DataSplit data =
                new DataSplit(all.name(), Datasets.take(all.train(), 10_000, 1), Datasets.take(all.test(), 2_000, 1));
        double accuracy = best(train("resnet20", data, 2, 64, 0.1, new Augmentation(4, true)));
        assertTrue(accuracy >= 0.4, "accuracy " + accuracy);
    }

    @Test
    void cnnReadsDigits() {
        DataSplit data = Datasets.open("digits:4000,1000", 1);
        double accuracy = best(train("cnn-bn", data, 3, 64, 0.1, Augmentation.NONE));
        assertTrue(accuracy >= 0.95, "accuracy " + accuracy);
    }
}
