package dev.ondine.nn;

import static dev.ondine.nn.Layers.batchNorm1d;
import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.convTranspose2d;
import static dev.ondine.nn.Layers.flatten;
import static dev.ondine.nn.Layers.globalAvgPool;
import static dev.ondine.nn.Layers.linear;
import static dev.ondine.nn.Layers.maxPool2d;
import static dev.ondine.nn.Layers.relu;

import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;

/**
 * Whole networks, by name or by a method of their own; the residual ones are in {@link ResNets}. Each takes images (channels, height,
 * width). All but the autoencoder give logits (classes).
 */
public final class Models {
    /** Makes a network for one shape of images and a number of classes. */
    @FunctionalInterface
    public interface Factory {
        Layer create(Shape image, int classes);
    }

    private static final SequencedMap<String, Factory> CLASSIFIERS = new TreeMap<>(Map.of(
            "mlp-bn", (image, classes) -> mlp(Math.toIntExact(image.elements()), 256, classes),
            "lenet-bn", Models::lenet,
            "cnn-bn", (image, classes) -> cnn(channels(image), classes),
            "resnet20", (image, classes) -> ResNets.cifar(20, channels(image), classes),
            "resnet18-cifar", (image, classes) -> ResNets.resnet18Cifar(channels(image), classes),
            "resnet18", (image, classes) -> ResNets.resnet18(channels(image), classes),
            "resnet34", (image, classes) -> ResNets.resnet34(channels(image), classes),
            "resnet50", (image, classes) -> ResNets.resnet50(channels(image), classes)));

    private static final SequencedMap<String, Factory> BY_NAME = new TreeMap<>(CLASSIFIERS);

    static {
        BY_NAME.put("autoencoder", (image, _) -> autoencoder(image));
    }

    private Models() {}

    /** The names that {@link #create} knows. */
    public static List<String> names() {
        return List.copyOf(BY_NAME.keySet());
    }

    /** Those of the {@link #names} whose networks give logits; the others give back an image. */
    public static List<String> classifiers() {
        return List.copyOf(CLASSIFIERS.keySet());
    }

    /**
     * The network of this name.
     *
     * @param classes that a classifier tells apart; without meaning for the others
     * @throws IllegalArgumentException for an unknown name, listing the known ones, or images that the network cannot take
     */
    public static Layer create(String name, Shape image, int classes) {
        Factory factory = BY_NAME.get(name);
        if (factory == null) {
            throw new IllegalArgumentException("no model is called '" + name + "'; there are " + names());
        }
        return factory.create(image, classes);
    }

    /** Two hidden layers, each with batch normalization and ReLU. */
    public static Layer mlp(int in, int hidden, int classes) {
        return Sequential.of(
                flatten(),
                linear(in, hidden),
                batchNorm1d(hidden),
                relu(),
                linear(hidden, hidden),
                batchNorm1d(hidden),
                relu(),
                linear(hidden, classes));
    }

    /**
     * LeNet (LeCun et al. 1998) in the size that Caffe made common: two 5x5 convolutions of 20 and 50 channels with max pooling, a
     * hidden layer of 500; with batch normalization and ReLU. Images of at least 16 pixels a side.
     */
    public static Layer lenet(Shape image, int classes) {
        int pixels = pooled(image.dim(1)) * pooled(image.dim(2));
        return Sequential.named()
                .then("conv1", conv2d(Math.toIntExact(image.dim(0)), 20, 5).bias(false))
                .then("bn1", batchNorm2d(20))
                .then("relu1", relu())
                .then("pool1", maxPool2d(2))
                .then("conv2", conv2d(20, 50, 5).bias(false))
                .then("bn2", batchNorm2d(50))
                .then("relu2", relu())
                .then("pool2", maxPool2d(2))
                .then("flatten", flatten())
                .then("fc1", linear(50 * pixels, 500).bias(false))
                .then("bn3", batchNorm1d(500))
                .then("relu3", relu())
                .then("fc2", linear(500, classes));
    }

    /** What two 5-wide convolutions, each with pooling behind it, leave of a side. */
    private static int pooled(long pixels) {
        if (pixels < 16) {
            throw new IllegalArgumentException("lenet-bn takes images of at least 16 pixels a side, not " + pixels);
        }
        return Math.toIntExact(((pixels - 4) / 2 - 4) / 2);
    }

    /** Six 3x3 convolutions in three stages of 16, 32 and 64 channels, each with batch normalization and ReLU. */
    public static Layer cnn(int channels, int classes) {
        List<Layer> layers = new ArrayList<>();
        int in = channels;
        for (int out : new int[] {16, 32, 64}) {
            if (out > 16) layers.add(maxPool2d(2));
            for (int i = 0; i < 2; i++) {
                layers.add(conv2d(in, out, 3).padding(1).bias(false).withKaiming());
                layers.add(batchNorm2d(out));
                layers.add(relu());
                in = out;
            }
        }
        layers.addAll(List.of(globalAvgPool(), flatten(), linear(in, classes)));
        return Sequential.of(layers);
    }

    /**
     * A convolutional autoencoder with batch normalization: three 3x3 convolutions that each halve the sides, to 32, 64 and 128
     * channels, and three 4x4 transposed ones that double them again, the last without normalization. Its output has the shape of
     * its input, to be compared with it. 257,441 parameters for one channel.
     *
     * @throws IllegalArgumentException unless the sides are multiples of 8
     */
    public static Layer autoencoder(Shape image) {
        if (image.rank() != 3 || image.dim(1) % 8 != 0 || image.dim(2) % 8 != 0) {
            throw new IllegalArgumentException(
                    "autoencoder takes images (channels, height, width) whose sides are multiples of 8, not " + image
                            + ": its output would have another size");
        }
        List<Layer> layers = new ArrayList<>();
        int channels = Math.toIntExact(image.dim(0));
        int in = channels;
        for (int out : new int[] {32, 64, 128}) {
            layers.addAll(List.of(conv2d(in, out, 3).stride(2).padding(1).bias(false), batchNorm2d(out), relu()));
            in = out;
        }
        for (int out : new int[] {64, 32}) {
            layers.addAll(
                    List.of(convTranspose2d(in, out, 4).stride(2).padding(1).bias(false), batchNorm2d(out), relu()));
            in = out;
        }
        layers.add(convTranspose2d(in, channels, 4).stride(2).padding(1));
        return Sequential.of(layers);
    }

    private static int channels(Shape image) {
        return Math.toIntExact(image.dim(0));
    }
}
