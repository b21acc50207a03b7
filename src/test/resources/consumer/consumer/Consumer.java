package consumer;

import static dev.ondine.nn.Layers.*;

import dev.ondine.backend.Backends;
import dev.ondine.data.*;
import dev.ondine.io.onnx.*;
import dev.ondine.nn.*;
import dev.ondine.train.*;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** Trains for a few steps, saves, loads and predicts; with the argument {@code onnx} it goes through an ONNX file as well. */
public final class Consumer {
    private Consumer() {}

    /** Prints the backend, how many of the test images are recognized, and {@code done}. */
    public static void main(String[] arguments) throws IOException {
        DataSplit data = Datasets.open("digits:1280,64", 1);
        Normalization normalization = Normalization.of(data.train());
        System.out.println(Backends.best().name());
        Path file = Path.of("consumer.safetensors");
        try (Model model = Model.of(network(), data.train().sampleShape(), 1)) {
            try (Trainer trainer = Trainer.of(model)
                    .optimizer(Optimizer.Sgd.of(0.02).momentum(0.9))
                    .build()) {
                new Fit(trainer, data, normalization, Augmentation.NONE, 64, 1).run(2);
            }
            Checkpoint.save(file, model, Map.of());
        }
        try (Model model = Model.of(network(), data.train().sampleShape(), 2)) {
            Checkpoint.load(file, model);
            System.out.println(right(model, data.test(), normalization) + " of 64");
            if (arguments.length > 0 && arguments[0].equals("onnx")) {
                Path onnx = Path.of("consumer.onnx");
                OnnxExport.write(onnx, model, OnnxExport.Options.DEFAULT);
                try (OnnxNetwork network = OnnxNetwork.open(onnx);
                        Model imported = Model.of(network, network.sampleShape(), 0)) {
                    System.out.println(right(imported, data.test(), normalization) + " of 64");
                }
            }
        }
        System.out.println("done");
    }

    private static Layer network() {
        return sequential(
                conv2d(1, 8, 3).padding(1).bias(false),
                batchNorm2d(8),
                relu(),
                maxPool2d(4),
                flatten(),
                linear(8 * 7 * 7, 10));
    }

    private static int right(Model model, Dataset data, Normalization normalization) {
        int right = 0;
        float[] image = new float[28 * 28];
        try (Predictor predictor = Predictor.of(model, normalization)) {
            for (int i = 0; i < data.size(); i++) {
                data.read(i, image, 0);
                if (predictor.classify(image) == data.label(i)) right++;
            }
        }
        return right;
    }
}
