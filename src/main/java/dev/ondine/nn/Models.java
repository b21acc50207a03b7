package dev.ondine.nn;

import static dev.ondine.nn.Layers.batchNorm1d;
import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.flatten;
import static dev.ondine.nn.Layers.globalAvgPool;
import static dev.ondine.nn.Layers.linear;
import static dev.ondine.nn.Layers.maxPool2d;
import static dev.ondine.nn.Layers.relu;

import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.SequencedMap;
import java.util.TreeMap;

/** Whole networks. Each takes images (channels, height, width) and gives logits (classes). */
public final class Models {
    /** Makes a network for one shape of images and a number of classes. */
    @FunctionalInterface
    public interface Factory {
        Layer create(Shape image, int classes);
    }

    private static final SequencedMap<String, Factory> BY_NAME = new TreeMap<>(java.util.Map.of(
            "mlp-bn", (image, classes) -> mlp(Math.toIntExact(image.elements()), 256, classes),
            "lenet-bn", Models::lenet,
            "cnn-bn", (image, classes) -> cnn(Math.toIntExact(image.dim(0)), classes),
            "resnet20", (image, classes) -> resnetCifar(20, Math.toIntExact(image.dim(0)), classes)));

    private Models() {}

    /** The names that {@link #create} knows. */
    public static List<String> names() {
        return List.copyOf(BY_NAME.keySet());
    }

    /**
     * The network of this name.
     *
     * @throws IllegalArgumentException for an unknown name; lists the known ones
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
     * The ResNet for 32x32 images of He et al. 2016, section 4.2, with {@code depth} = 6n + 2 layers (20, 32, 44, 56, 110) and
     * projection shortcuts where the shape changes.
     */
    public static Layer resnetCifar(int depth, int channels, int classes) {
        if (depth < 8 || depth % 6 != 2) {
            throw new IllegalArgumentException(
                    "the depth of a CIFAR ResNet is 6n + 2 (20, 32, 44, 56, 110), not " + depth);
        }
        Sequential net = Sequential.named()
                .then("conv1", conv2d(channels, 16, 3).padding(1).bias(false).withKaiming())
                .then("bn1", batchNorm2d(16))
                .then("relu", relu());
        int in = 16;
        for (int stage = 1; stage <= 3; stage++) {
            int out = 8 << stage;
            List<Layer> blocks = new ArrayList<>();
            for (int i = 0; i < (depth - 2) / 6; i++) {
                blocks.add(basicBlock(in, out, stage > 1 && i == 0 ? 2 : 1));
                in = out;
            }
            net = net.then("layer" + stage, Sequential.of(blocks));
        }
        return net.then("avgpool", globalAvgPool()).then("flatten", flatten()).then("fc", linear(in, classes));
    }

    /** Two 3x3 convolutions around a shortcut; the shortcut is a 1x1 convolution where the shape changes. */
    static Layer basicBlock(int in, int out, int stride) {
        Layer body = Sequential.named()
                .then(
                        "conv1",
                        conv2d(in, out, 3).stride(stride).padding(1).bias(false).withKaiming())
                .then("bn1", batchNorm2d(out))
                .then("relu", relu())
                .then("conv2", conv2d(out, out, 3).padding(1).bias(false).withKaiming())
                .then("bn2", batchNorm2d(out));
        if (stride == 1 && in == out) return Residual.of(body);
        return Residual.of(
                body,
                Sequential.of(conv2d(in, out, 1).stride(stride).bias(false).withKaiming(), batchNorm2d(out)));
    }
}
