package dev.ondine.nn.models;

import static dev.ondine.nn.Layers.batchNorm1d;
import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.flatten;
import static dev.ondine.nn.Layers.linear;
import static dev.ondine.nn.Layers.maxPool2d;
import static dev.ondine.nn.Layers.relu;

import dev.ondine.nn.Layer;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.Shape;

/** LeNet (LeCun et al. 1998, "Gradient-based learning applied to document recognition"). */
public final class LeNet {
    private LeNet() {}

    /**
     * LeNet in the size that Caffe made common: two 5x5 convolutions of 20 and 50 channels with max pooling, a hidden layer of 500; with
     * batch normalization and ReLU. Images of at least 16 pixels a side.
     */
    public static Layer of(Shape image, int classes) {
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
}
