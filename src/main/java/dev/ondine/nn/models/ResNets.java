package dev.ondine.nn.models;

import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.flatten;
import static dev.ondine.nn.Layers.globalAvgPool;
import static dev.ondine.nn.Layers.linear;
import static dev.ondine.nn.Layers.maxPool2d;
import static dev.ondine.nn.Layers.relu;

import dev.ondine.nn.Conv;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Residual;
import dev.ondine.nn.Sequential;
import java.util.ArrayList;
import java.util.List;

/**
 * Residual networks (He et al. 2016, "Deep residual learning for image recognition"). Each takes images (channels, height, width) and
 * gives logits (classes). Parameters are named as in torchvision ({@code layer1.0.conv1.weight},
 * {@code layer2.0.downsample.0.weight}, {@code fc.bias}), so that its checkpoints fit, and begin as there: convolutions normal with
 * deviation √(2/fan out), batch norms with γ = 1 and β = 0, the last layer with PyTorch's default.
 */
public final class ResNets {
    /** What the stages are made of. */
    private enum Block {
        /** Two 3x3 convolutions. */
        BASIC(1),
        /** 1x1 down to a quarter of the channels, 3x3, 1x1 up. */
        BOTTLENECK(4);

        private final int expansion;

        Block(int expansion) {
            this.expansion = expansion;
        }

        Layer create(int in, int width, int stride) {
            return this == BASIC ? basicBlock(in, width, stride) : bottleneck(in, width, stride);
        }
    }

    private ResNets() {}

    /**
     * The ResNet for 32x32 images of section 4.2, with {@code depth} = 6n + 2 layers (20, 32, 44, 56, 110) and projection shortcuts
     * where the shape changes.
     */
    public static Layer cifar(int depth, int channels, int classes) {
        if (depth < 8 || depth % 6 != 2) {
            throw new IllegalArgumentException(
                    "the depth of a CIFAR ResNet is 6n + 2 (20, 32, 44, 56, 110), not " + depth);
        }
        int blocks = (depth - 2) / 6;
        return stages(smallStem(channels, 16), Block.BASIC, 16, classes, blocks, blocks, blocks);
    }

    /**
     * ResNet-18 for 32x32 images: the stages of {@link #resnet18} behind a 3x3 convolution of stride 1, without pooling, as is common
     * for CIFAR. 11,173,962 parameters for 3 channels and 10 classes.
     */
    public static Layer resnet18Cifar(int channels, int classes) {
        return stages(smallStem(channels, 64), Block.BASIC, 64, classes, 2, 2, 2, 2);
    }

    /** torchvision's {@code resnet18}: 11,689,512 parameters for 3 channels and 1000 classes. */
    public static Layer resnet18(int channels, int classes) {
        return stages(stem(channels), Block.BASIC, 64, classes, 2, 2, 2, 2);
    }

    /** torchvision's {@code resnet34}: 21,797,672 parameters for 3 channels and 1000 classes. */
    public static Layer resnet34(int channels, int classes) {
        return stages(stem(channels), Block.BASIC, 64, classes, 3, 4, 6, 3);
    }

    /**
     * torchvision's {@code resnet50}: 25,557,032 parameters for 3 channels and 1000 classes. It is version 1.5, which strides in the
     * 3x3 convolution of a block and not in the 1x1 before it.
     */
    public static Layer resnet50(int channels, int classes) {
        return stages(stem(channels), Block.BOTTLENECK, 64, classes, 3, 4, 6, 3);
    }

    private static Sequential smallStem(int channels, int width) {
        return Sequential.named()
                .then("conv1", conv(channels, width, 3, 1))
                .then("bn1", batchNorm2d(width))
                .then("relu", relu());
    }

    /** A 7x7 convolution and a pooling that each halve the sides: 224 pixels become 56. */
    private static Sequential stem(int channels) {
        return Sequential.named()
                .then("conv1", conv(channels, 64, 7, 2))
                .then("bn1", batchNorm2d(64))
                .then("relu", relu())
                .then("maxpool", maxPool2d(3).stride(2).padding(1));
    }

    /** Stages of so many blocks each; every stage but the first halves the sides and doubles the width. */
    private static Layer stages(Sequential stem, Block block, int width, int classes, int... blocks) {
        Sequential net = stem;
        int in = width;
        for (int stage = 0; stage < blocks.length; stage++) {
            int inner = width << stage;
            List<Layer> layers = new ArrayList<>();
            for (int i = 0; i < blocks[stage]; i++) {
                layers.add(block.create(in, inner, stage > 0 && i == 0 ? 2 : 1));
                in = inner * block.expansion;
            }
            net = net.then("layer" + (stage + 1), Sequential.of(layers));
        }
        return net.then("avgpool", globalAvgPool()).then("flatten", flatten()).then("fc", linear(in, classes));
    }

    private static Layer basicBlock(int in, int out, int stride) {
        Layer body = Sequential.named()
                .then("conv1", conv(in, out, 3, stride))
                .then("bn1", batchNorm2d(out))
                .then("relu", relu())
                .then("conv2", conv(out, out, 3, 1))
                .then("bn2", batchNorm2d(out));
        return residual(body, in, out, stride);
    }

    private static Layer bottleneck(int in, int width, int stride) {
        int out = width * Block.BOTTLENECK.expansion;
        Layer body = Sequential.named()
                .then("conv1", conv(in, width, 1, 1))
                .then("bn1", batchNorm2d(width))
                .then("relu1", relu())
                .then("conv2", conv(width, width, 3, stride))
                .then("bn2", batchNorm2d(width))
                .then("relu2", relu())
                .then("conv3", conv(width, out, 1, 1))
                .then("bn3", batchNorm2d(out));
        return residual(body, in, out, stride);
    }

    /** The shortcut is a 1x1 convolution where the shape changes. */
    private static Layer residual(Layer body, int in, int out, int stride) {
        if (stride == 1 && in == out) return Residual.of(body);
        return Residual.of(body, Sequential.of(conv(in, out, 1, stride), batchNorm2d(out)));
    }

    /** A convolution that keeps the size but for its stride. */
    private static Conv conv(int in, int out, int kernel, int stride) {
        return conv2d(in, out, kernel)
                .stride(stride)
                .padding(kernel / 2)
                .bias(false)
                .withKaiming();
    }
}
