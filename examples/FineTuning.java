import dev.ondine.data.Augmentation;
import dev.ondine.data.DataSplit;
import dev.ondine.data.ImageFolder;
import dev.ondine.data.LazyImages;
import dev.ondine.data.Normalization;
import dev.ondine.nn.BatchNorm;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import dev.ondine.train.Checkpoint;
import dev.ondine.train.Fit;
import dev.ondine.train.ModelCard;
import dev.ondine.train.Optimizer;
import dev.ondine.train.ParameterGroup;
import dev.ondine.train.SavedModel;
import dev.ondine.train.Schedule;
import dev.ondine.train.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Teaches a trained network classes of one's own, from a few hundred images. Its last layer is replaced by a new one, which learns ten times as
 * fast as the rest: that knows how to see already. Batch normalization keeps the statistics of the many images that the
 * network was trained on, because those of few would be poor ones; γ and β go on learning.
 *
 * <p>Arguments: the network's checkpoint; a folder or zip with {@code train/CLASS/*.jpg} and {@code test/CLASS/*.jpg} (or png); the file to
 * write; the number of epochs (default 10); and the network's name, as {@code ondine models} lists it, if the checkpoint does not say it,
 * because it was saved from PyTorch: {@code save_file(torchvision.models.resnet18(weights="DEFAULT").state_dict(), "resnet18.safetensors")}.
 */
public final class FineTuning {
    /** What torchvision's networks were trained with: for files that do not say it. */
    private static final Normalization IMAGENET =
            new Normalization(new float[] {0.485f, 0.456f, 0.406f}, new float[] {0.229f, 0.224f, 0.225f});

    private static final int BATCH = 32;
    private static final double RATE = 0.002;
    private static final double HEAD_FASTER = 10;

    private FineTuning() {}

    /** {@code fc.} or {@code classifier.}, say: how the names of the last linear layer's parameters begin. */
    private static String head(Model model) {
        ParameterSpec last = model.parameters().specs().getLast();
        return last.name().substring(0, last.name().lastIndexOf('.') + 1);
    }

    /** Everything that was learned and measured, but for the last layer. */
    private static void copyTrunk(Model from, Model to, String head) {
        for (ParameterSpec spec : to.parameters().specs()) {
            if (spec.name().startsWith(head)) continue;
            to.parameters().get(spec.name()).copyFrom(from.parameters().get(spec.name()));
        }
        to.parameters().touch();
    }

    /** Images to learn from and to measure on, as large as the network takes them. */
    private static DataSplit images(Path folder, Shape sample) {
        int height = (int) sample.dim(1);
        int width = (int) sample.dim(2);
        DataSplit data = ImageFolder.open(folder, height, width);
        boolean fits = data.train().sampleShape().equals(sample);
        return fits ? data : LazyImages.open(folder, height, width); // grey images for a network that sees colours
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length < 3) {
            System.err.println("Usage: FineTuning CHECKPOINT IMAGES RESULT [EPOCHS [NETWORK]]");
            System.exit(2);
        }
        SavedModel.Opener checkpoint = SavedModel.file(Path.of(arguments[0]));
        int epochs = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 10;
        if (arguments.length > 4) checkpoint.model(arguments[4]);
        try (SavedModel trained = checkpoint.open()) {
            Shape sample = trained.model().sampleShape();
            Normalization normalization =
                    trained.card().map(ModelCard::normalization).orElse(IMAGENET);
            DataSplit data = images(Path.of(arguments[1]), sample);
            List<String> classes = data.train().classes();
            Layer network = BatchNorm.frozen(Models.create(trained.name(), sample, classes.size()));
            try (Model model = Model.of(network, sample, 1)) {
                String head = head(model);
                copyTrunk(trained.model(), model, head);
                train(model, head, data, normalization, epochs);
                ModelCard card = ModelCard.of(trained.name(), model, classes, normalization);
                Checkpoint.save(Path.of(arguments[2]), model, card.metadata(epochs));
            }
        }
    }

    private static void train(Model model, String head, DataSplit data, Normalization normalization, int epochs) {
        Trainer.Builder settings = Trainer.of(model)
                .optimizer(Optimizer.Sgd.of(RATE).momentum(0.9).nesterov(true).weightDecay(1e-4))
                .group(ParameterGroup.of(p -> p.name().startsWith(head)).rate(HEAD_FASTER))
                .schedule(Schedule.cosine(epochs));
        int batch = Math.min(BATCH, data.train().size());
        try (Trainer trainer = settings.build()) {
            new Fit(trainer, data, normalization, Augmentation.NONE, batch, 1).run(epochs, new Fit.Listener() {
                @Override
                public void epoch(Fit.EpochResult result) {
                    double right = 100 * result.test().accuracy();
                    System.out.printf("epoch %d: %.1f %% of the test images are told right%n", result.epoch(), right);
                }
            });
        }
    }
}
