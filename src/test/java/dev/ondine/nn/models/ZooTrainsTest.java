package dev.ondine.nn.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backend;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Model;
import dev.ondine.onednn.OneDnnBackend;
import dev.ondine.onednn.OneDnnPlan;
import dev.ondine.reference.ReferenceBackend;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Loss;
import dev.ondine.train.Optimizer;
import dev.ondine.train.Trainer;
import dev.ondine.train.TrainingBatch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every family of the zoo trains: some steps on the same batch, with the same losses on the native backend and the reference. The
 * networks have their own depth, but few channels and small images, so that the scalar reference takes a second.
 */
class ZooTrainsTest {
    private static final int STEPS = 3;
    private static final int CLASSES = 5;

    /**
     * Each step is so long that the loss would fall by this share of itself if it were linear; the networks' gradients have lengths from
     * below one to some thousands at the beginning.
     */
    private static final double FALL = 0.05;

    /**
     * Of the losses, relative. Each is a mean of logarithms behind up to 110 normalizations, over as few as 8 values, that blow the
     * roundings before them up; and from the second step on the parameters have moved along gradients in which a value within a
     * rounding of zero fell on one side of a ReLU here and on the other there, which costs up to some percent of a gradient, so of the
     * fall.
     */
    private static final double LOSS = FALL / 20;

    private static Arguments of(String label, Layer layer, int batch, int channels, int height, int width) {
        return Arguments.of(label, layer, Shape.of(channels, height, width), batch);
    }

    static Stream<Arguments> networks() {
        return Stream.of(
                of("mlp-bn", Mlp.of(64, 32, CLASSES), 8, 1, 8, 8),
                of("lenet-bn", LeNet.of(Shape.of(1, 17, 16), CLASSES), 4, 1, 17, 16),
                of("cnn-bn", Cnn.of(1, CLASSES), 4, 1, 12, 12),
                of("vgg11-bn", Vgg.of(11, Shape.of(3, 224, 224), CLASSES, 2, 16, 0.5), 2, 3, 224, 224),
                of("vgg11-bn, other sides", Vgg.of(11, Shape.of(3, 96, 288), CLASSES, 2, 16, 0.5), 4, 3, 96, 288),
                of("vgg11-bn-cifar", Vgg.cifar(11, 3, CLASSES, 4), 4, 3, 64, 64),
                of("vgg16-bn-cifar", Vgg.cifar(16, 3, CLASSES, 4), 4, 3, 64, 64),
                of("resnet20", ResNets.cifar(20, 3, CLASSES), 4, 3, 12, 12),
                of("resnet32-a", ResNets.cifar(32, 3, CLASSES, ResNets.Shortcut.PADDED), 4, 3, 11, 12),
                of("resnet56", ResNets.cifar(56, 3, CLASSES), 2, 3, 8, 8),
                of("resnet110-a", ResNets.cifar(110, 3, CLASSES, ResNets.Shortcut.PADDED), 2, 3, 8, 8),
                of("resnet18", ResNets.basic(3, CLASSES, 8, 2, 2, 2, 2), 4, 3, 64, 64),
                of("resnet34", ResNets.basic(3, CLASSES, 8, 3, 4, 6, 3), 4, 3, 64, 64),
                of("resnet50", ResNets.bottleneck(3, CLASSES, 8, 1, 3, 4, 6, 3), 4, 3, 64, 64),
                of("resnet101", ResNets.bottleneck(3, CLASSES, 4, 1, 3, 4, 23, 3), 4, 3, 64, 64),
                of("resnext50", ResNets.bottleneck(3, CLASSES, 16, 32, 3, 4, 6, 3), 4, 3, 40, 40),
                of("wrn28-1", WideResNets.of(28, 1, 0.3, 3, CLASSES), 4, 3, 8, 8),
                of("wrn10-2", WideResNets.of(10, 2, 0, 3, CLASSES), 4, 3, 8, 9),
                of("densenet121", DenseNets.imageNet(3, CLASSES, 4, 6, 12, 24, 16), 4, 3, 64, 64),
                of("densenet-bc40", DenseNets.cifar(40, 6, 3, CLASSES), 4, 3, 8, 8),
                of("mobilenetv2", MobileNetV2.of(3, CLASSES, 0.25, 0.2), 4, 3, 64, 64),
                of("vit-bn", VisionTransformers.of(Shape.of(1, 14, 13), CLASSES, 24, 3, 2, 40), 4, 1, 14, 13),
                of("unet-small", new UNet(3, CLASSES, 4, 3), 2, 3, 16, 24),
                of("unet-small, odd sides", new UNet(3, CLASSES, 4, 2), 2, 3, 13, 15),
                of("unet-bilinear", new UNet(3, CLASSES, 4, 3).bilinear(true), 2, 3, 16, 24),
                of("unet-bilinear, odd sides", new UNet(3, CLASSES, 3, 2).bilinear(true), 2, 3, 13, 15),
                of("autoencoder", Autoencoders.convolutional(Shape.of(1, 28, 28), 8, 3), 4, 1, 28, 28),
                of("denoising-autoencoder", Autoencoders.denoising(Shape.of(1, 16, 16), 0.3, 8, 2), 4, 1, 16, 16));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("networks")
    void lossesAreTheSame(String label, Layer layer, Shape sample, int batch) {
        Loss loss = label.contains("autoencoder") ? Loss.meanSquaredError() : Loss.crossEntropy();
        double rate =
                run(new ReferenceBackend(), loss, layer, sample, batch, 0, 1).rate();
        double[] expected = run(new ReferenceBackend(), loss, layer, sample, batch, rate, STEPS)
                .losses();
        double[] actual = run(new OneDnnBackend(), loss, layer, sample, batch, rate, STEPS)
                .losses();
        for (int step = 0; step < STEPS; step++) {
            assertEquals(1, actual[step] / expected[step], LOSS, label + ", loss of step " + step);
        }
        // Moved far enough that a step in a wrong direction would have shown.
        assertTrue(expected[STEPS - 1] < expected[0] * (1 - 5 * LOSS), expected[0] + " to " + expected[STEPS - 1]);
    }

    /** @param rate with which a step from the last gradient would lower the loss by {@link #FALL} */
    private record Run(double[] losses, double rate) {}

    private static Run run(Backend backend, Loss loss, Layer layer, Shape sample, int size, double rate, int steps) {
        try (Model model = Model.of(layer, sample, 1);
                Trainer trainer = Trainer.of(model)
                        .backend(backend)
                        .loss(loss)
                        .optimizer(Optimizer.Sgd.of(Math.max(rate, Float.MIN_NORMAL)))
                        .threads(2)
                        .seed(1)
                        .build()) {
            TrainingBatch batch = trainer.batch(size);
            if (batch.plan() instanceof OneDnnPlan plan) assertEquals(List.of(), plan.warnings());
            fill(batch.input(), batch.target());
            double[] losses = new double[steps];
            for (int step = 0; step < steps; step++) losses[step] = batch.step();
            return new Run(
                    losses, FALL * losses[steps - 1] / squares(batch.plan().gradients()));
        }
    }

    private static double squares(MemorySegment floats) {
        double sum = 0;
        for (long i = 0; i < floats.byteSize() / Float.BYTES; i++) {
            float v = floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            sum += (double) v * v;
        }
        return sum;
    }

    private static void fill(Tensor input, Tensor target) {
        Random random = new Random(3);
        for (long i = 0; i < input.elements(); i++) input.setFloatAt(i, (float) random.nextGaussian());
        if (target.dataType() == DataType.INT32) {
            for (long i = 0; i < target.elements(); i++) target.setIntAt(i, random.nextInt(CLASSES));
        } else {
            target.copyFrom(input);
        }
    }
}
