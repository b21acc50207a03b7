package dev.ondine.nn.models;

import static dev.ondine.nn.Layers.adaptiveAvgPool;
import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.dropout;
import static dev.ondine.nn.Layers.flatten;
import static dev.ondine.nn.Layers.globalAvgPool;
import static dev.ondine.nn.Layers.linear;
import static dev.ondine.nn.Layers.maxPool2d;
import static dev.ondine.nn.Layers.relu;

import dev.ondine.nn.Initializer;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Linear;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * VGG with batch normalization (Simonyan and Zisserman 2015, "Very deep convolutional networks for large-scale image recognition"):
 * 3x3 convolutions in five stages, each with max pooling behind it. Parameters are named and begin as in torchvision's
 * {@code vgg11_bn} and {@code vgg16_bn}.
 */
public final class Vgg {
    private static final int HIDDEN = 4096;

    /** What every torchvision VGG pools its last stage to, whatever the image. */
    private static final int GRID = 7;

    private static final Initializer ZERO = new Initializer.Constant(0);

    private Vgg() {}

    /**
     * torchvision's networks, with two hidden layers of 4096 and dropout: 132,868,840 parameters for depth 11, 3 channels and 1000
     * classes, 138,365,992 for depth 16.
     *
     * @param depth 11, 13, 16 or 19
     * @param image (channels, height, width), sides of 32 at least: what the stages leave of them is averaged to 7x7, as in torchvision
     */
    public static Layer of(int depth, Shape image, int classes) {
        return of(depth, image, classes, 64, HIDDEN, 0.5);
    }

    /** As {@link #of(int, Shape, int)}, narrower or wider: {@code width} channels in the first stage and {@code hidden} features. */
    static Layer of(int depth, Shape image, int classes, int width, int hidden, double dropout) {
        int top = 8 * width;
        Sequential net = Sequential.named().then("features", stages(depth, Math.toIntExact(image.dim(0)), width));
        long rows = left(image.dim(1), image);
        long columns = left(image.dim(2), image);
        if (rows != GRID || columns != GRID) net = net.then("avgpool", adaptiveAvgPool(GRID, GRID));
        return net.then("flatten", flatten())
                .then(
                        "classifier",
                        Sequential.of(
                                start(linear(top * GRID * GRID, hidden)),
                                relu(),
                                dropout(dropout),
                                start(linear(hidden, hidden)),
                                relu(),
                                dropout(dropout),
                                start(linear(hidden, classes))));
    }

    /**
     * For 32x32 images, as is common for CIFAR: the five stages, then a single linear layer. 9,231,114 parameters for depth 11, 3
     * channels and 10 classes, 14,728,266 for depth 16. Larger images are averaged over what the stages leave of them.
     */
    public static Layer cifar(int depth, int channels, int classes) {
        return cifar(depth, channels, classes, 64);
    }

    static Layer cifar(int depth, int channels, int classes, int width) {
        return Sequential.named()
                .then("features", stages(depth, channels, width))
                .then("avgpool", globalAvgPool())
                .then("flatten", flatten())
                .then("classifier", start(linear(8 * width, classes)));
    }

    /** What five poolings leave of a side. */
    private static long left(long side, Shape image) {
        if (side < 32) {
            throw new IllegalArgumentException("VGG halves its images five times: sides have at least 32 pixels, not "
                    + image + "; for small images there are the variants for CIFAR");
        }
        return side / 32;
    }

    private static Layer stages(int depth, int channels, int width) {
        List<Layer> layers = new ArrayList<>();
        int in = channels;
        int[] convolutions = convolutions(depth);
        for (int stage = 0; stage < convolutions.length; stage++) {
            int out = width << Math.min(stage, 3);
            for (int i = 0; i < convolutions[stage]; i++) {
                // A bias before batch normalization does nothing, but torchvision's checkpoints have it.
                layers.add(conv2d(in, out, 3).padding(1).withKaiming().biasStart(ZERO));
                layers.add(batchNorm2d(out));
                layers.add(relu());
                in = out;
            }
            layers.add(maxPool2d(2));
        }
        return Sequential.of(layers);
    }

    /** Convolutions of each stage: configurations A, B, D and E of the paper's table 1. */
    private static int[] convolutions(int depth) {
        return switch (depth) {
            case 11 -> new int[] {1, 1, 2, 2, 2};
            case 13 -> new int[] {2, 2, 2, 2, 2};
            case 16 -> new int[] {2, 2, 3, 3, 3};
            case 19 -> new int[] {2, 2, 4, 4, 4};
            default -> throw new IllegalArgumentException("VGG has a depth of 11, 13, 16 or 19, not " + depth);
        };
    }

    private static Linear start(Linear linear) {
        return linear.start(new Initializer.Normal(0.01)).biasStart(ZERO);
    }
}
