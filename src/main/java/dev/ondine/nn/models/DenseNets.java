package dev.ondine.nn.models;

import static dev.ondine.nn.Layers.avgPool2d;
import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.flatten;
import static dev.ondine.nn.Layers.globalAvgPool;
import static dev.ondine.nn.Layers.linear;
import static dev.ondine.nn.Layers.maxPool2d;
import static dev.ondine.nn.Layers.relu;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.Context;
import dev.ondine.nn.Conv;
import dev.ondine.nn.Initializer;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Sequential;

/**
 * Densely connected networks (Huang et al. 2017, "Densely connected convolutional networks"), with bottlenecks and compression
 * (DenseNet-BC): each layer sees the outputs of all layers of its block before it, joined along the channels. Parameters are named
 * and begin as in torchvision's {@code densenet121}.
 */
public final class DenseNets {
    /** A layer's 1x1 convolution makes so many times as many channels as the layer adds. */
    private static final int BOTTLENECK = 4;

    private DenseNets() {}

    /** torchvision's {@code densenet121}: 7,978,856 parameters for 3 channels and 1000 classes. */
    public static Layer densenet121(int channels, int classes) {
        return imageNet(channels, classes, 32, 6, 12, 24, 16);
    }

    /** Blocks of so many layers, each adding {@code growth} channels, behind a stem that quarters the sides. */
    static Layer imageNet(int channels, int classes, int growth, int... layers) {
        int in = 2 * growth;
        Sequential stem = Sequential.named()
                .then("conv0", conv(channels, in, 7).stride(2).padding(3))
                .then("norm0", batchNorm2d(in))
                .then("relu0", relu())
                .then("pool0", maxPool2d(3).stride(2).padding(1));
        return blocks(stem, in, classes, growth, layers);
    }

    /**
     * DenseNet-BC for 32x32 images: three blocks behind a 3x3 convolution. 769,162 parameters for depth 100, growth 12, 3 channels
     * and 10 classes, the paper's 0.8M.
     *
     * @param depth 6n + 4
     * @param growth channels that each layer adds
     */
    public static Layer cifar(int depth, int growth, int channels, int classes) {
        if (depth < 10 || depth % 6 != 4) {
            throw new IllegalArgumentException(
                    "the depth of a DenseNet-BC for CIFAR is 6n + 4 (40, 100, 190, 250), not " + depth);
        }
        int layers = (depth - 4) / 6;
        Sequential stem =
                Sequential.named().then("conv0", conv(channels, 2 * growth, 3).padding(1));
        return blocks(stem, 2 * growth, classes, growth, layers, layers, layers);
    }

    private static Layer blocks(Sequential stem, int channels, int classes, int growth, int... layers) {
        Sequential features = stem;
        int in = channels;
        for (int block = 1; block <= layers.length; block++) {
            Sequential dense = Sequential.named();
            for (int i = 1; i <= layers[block - 1]; i++) {
                dense = dense.then("denselayer" + i, new Dense(added(in, growth)));
                in += growth;
            }
            features = features.then("denseblock" + block, dense);
            if (block < layers.length) {
                features = features.then("transition" + block, transition(in, in / 2));
                in /= 2;
            }
        }
        return Sequential.named()
                .then("features", features.then("norm5", batchNorm2d(in)))
                .then("relu", relu())
                .then("avgpool", globalAvgPool())
                .then("flatten", flatten())
                .then("classifier", linear(in, classes).biasStart(new Initializer.Constant(0)));
    }

    /** x, and behind its channels what {@code layer} makes of it. The layer's parameters are named as if it stood here itself. */
    private record Dense(Layer layer) implements Layer {
        @Override
        public Value build(Context context, Value x) {
            return context.add(new Op.Concat(1), x, layer.build(context, x));
        }
    }

    private static Layer added(int in, int growth) {
        int wide = BOTTLENECK * growth;
        return Sequential.named()
                .then("norm1", batchNorm2d(in))
                .then("relu1", relu())
                .then("conv1", conv(in, wide, 1))
                .then("norm2", batchNorm2d(wide))
                .then("relu2", relu())
                .then("conv2", conv(wide, growth, 3).padding(1));
    }

    private static Layer transition(int in, int out) {
        return Sequential.named()
                .then("norm", batchNorm2d(in))
                .then("relu", relu())
                .then("conv", conv(in, out, 1))
                .then("pool", avgPool2d(2));
    }

    private static Conv conv(int in, int out, int kernel) {
        return conv2d(in, out, kernel).bias(false).start(Initializer.kaimingFanIn());
    }
}
