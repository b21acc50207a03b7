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
 * Residual networks (He et al. 2016, "Deep residual learning for image recognition"), and ResNeXt (Xie et al. 2017, "Aggregated
 * residual transformations for deep neural networks"). Each takes images (channels, height, width) of any size and
 * gives logits (classes). Parameters are named as in torchvision ({@code layer1.0.conv1.weight},
 * {@code layer2.0.downsample.0.weight}, {@code fc.bias}), so that its checkpoints fit, and begin as there: convolutions normal with
 * deviation √(2/fan out), batch norms with γ = 1 and β = 0, the last layer with PyTorch's default.
 * {@link Residual#withZeroLast} makes their blocks begin as identities instead.
 */
public final class ResNets {
    /** What stands in for the input of a block where its output has another shape. */
    public enum Shortcut {
        /** A 1x1 convolution and batch normalization: the paper's option B. */
        PROJECTION,
        /** Every other pixel, and zeros for the channels that are new: option A, which the paper takes for CIFAR. */
        PADDED
    }

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
    }

    /**
     * How the blocks of a network look.
     *
     * @param groups of the 3x3 convolutions of bottlenecks
     * @param widening how many times as wide as in ResNet they are
     */
    private record Design(Block block, Shortcut shortcut, int groups, int widening) {
        static final Design BASIC = new Design(Block.BASIC, Shortcut.PROJECTION, 1, 1);

        Layer create(int in, int width, int stride) {
            int out = width * block.expansion;
            Layer body = block == Block.BASIC
                    ? basicBody(in, out, stride)
                    : bottleneckBody(in, width * widening, out, stride, groups);
            if (stride == 1 && in == out) return Residual.of(body);
            return Residual.of(
                    body,
                    shortcut == Shortcut.PADDED
                            ? new PaddedShortcut(out, stride)
                            : Sequential.of(conv(in, out, 1, stride), batchNorm2d(out)));
        }
    }

    private ResNets() {}

    /** As {@link #cifar(int, int, int, Shortcut)}, with projections. */
    public static Layer cifar(int depth, int channels, int classes) {
        return cifar(depth, channels, classes, Shortcut.PROJECTION);
    }

    /**
     * The ResNet for 32x32 images of section 4.2, with {@code depth} = 6n + 2 layers (20, 32, 44, 56, 110). With padded shortcuts, for 3
     * channels and 10 classes, it has the paper's numbers of parameters: 269,722 for 20 layers (0.27M), 464,154 for 32 (0.46M),
     * 853,018 for 56 (0.85M), 1,727,962 for 110 (1.7M). Projections add 2,752.
     */
    public static Layer cifar(int depth, int channels, int classes, Shortcut shortcut) {
        if (depth < 8 || depth % 6 != 2) {
            throw new IllegalArgumentException(
                    "the depth of a CIFAR ResNet is 6n + 2 (20, 32, 44, 56, 110), not " + depth);
        }
        int blocks = (depth - 2) / 6;
        Design design = new Design(Block.BASIC, shortcut, 1, 1);
        return stages(smallStem(channels, 16), design, 16, classes, blocks, blocks, blocks);
    }

    /**
     * ResNet-18 for 32x32 images: the stages of {@link #resnet18} behind a 3x3 convolution of stride 1, without pooling, as is common
     * for CIFAR. 11,173,962 parameters for 3 channels and 10 classes.
     */
    public static Layer resnet18Cifar(int channels, int classes) {
        return stages(smallStem(channels, 64), Design.BASIC, 64, classes, 2, 2, 2, 2);
    }

    /** torchvision's {@code resnet18}: 11,689,512 parameters for 3 channels and 1000 classes. */
    public static Layer resnet18(int channels, int classes) {
        return basic(channels, classes, 64, 2, 2, 2, 2);
    }

    /** torchvision's {@code resnet34}: 21,797,672 parameters for 3 channels and 1000 classes. */
    public static Layer resnet34(int channels, int classes) {
        return basic(channels, classes, 64, 3, 4, 6, 3);
    }

    /**
     * torchvision's {@code resnet50}: 25,557,032 parameters for 3 channels and 1000 classes. It is version 1.5, which strides in the
     * 3x3 convolution of a block and not in the 1x1 before it.
     */
    public static Layer resnet50(int channels, int classes) {
        return bottleneck(channels, classes, 64, 1, 3, 4, 6, 3);
    }

    /** torchvision's {@code resnet101}, version 1.5 like {@link #resnet50}: 44,549,160 parameters for 3 channels and 1000 classes. */
    public static Layer resnet101(int channels, int classes) {
        return bottleneck(channels, classes, 64, 1, 3, 4, 23, 3);
    }

    /**
     * torchvision's {@code resnext50_32x4d}: the 3x3 convolutions of {@link #resnet50} twice as wide, in 32 groups. 25,028,904
     * parameters for 3 channels and 1000 classes.
     */
    public static Layer resnext50(int channels, int classes) {
        return bottleneck(channels, classes, 64, 32, 3, 4, 6, 3);
    }

    /** torchvision's networks of basic blocks, {@code width} channels in the first stage. */
    static Layer basic(int channels, int classes, int width, int... blocks) {
        return stages(stem(channels, width), Design.BASIC, width, classes, blocks);
    }

    /** torchvision's networks of bottlenecks: {@code width} channels in the first stage, before they are expanded. */
    static Layer bottleneck(int channels, int classes, int width, int groups, int... blocks) {
        // ResNeXt's template: with 32 groups of 4 channels a stage is twice as wide.
        Design design = new Design(Block.BOTTLENECK, Shortcut.PROJECTION, groups, groups > 1 ? 2 : 1);
        return stages(stem(channels, width), design, width, classes, blocks);
    }

    private static Sequential smallStem(int channels, int width) {
        return Sequential.named()
                .then("conv1", conv(channels, width, 3, 1))
                .then("bn1", batchNorm2d(width))
                .then("relu", relu());
    }

    /** A 7x7 convolution and a pooling that each halve the sides: 224 pixels become 56. */
    private static Sequential stem(int channels, int width) {
        return Sequential.named()
                .then("conv1", conv(channels, width, 7, 2))
                .then("bn1", batchNorm2d(width))
                .then("relu", relu())
                .then("maxpool", maxPool2d(3).stride(2).padding(1));
    }

    /** Stages of so many blocks each; every stage but the first halves the sides and doubles the width. */
    private static Layer stages(Sequential stem, Design design, int width, int classes, int... blocks) {
        Sequential net = stem;
        int in = width;
        for (int stage = 0; stage < blocks.length; stage++) {
            int inner = width << stage;
            List<Layer> layers = new ArrayList<>();
            for (int i = 0; i < blocks[stage]; i++) {
                layers.add(design.create(in, inner, stage > 0 && i == 0 ? 2 : 1));
                in = inner * design.block.expansion;
            }
            net = net.then("layer" + (stage + 1), Sequential.of(layers));
        }
        return net.then("avgpool", globalAvgPool()).then("flatten", flatten()).then("fc", linear(in, classes));
    }

    private static Layer basicBody(int in, int out, int stride) {
        return Sequential.named()
                .then("conv1", conv(in, out, 3, stride))
                .then("bn1", batchNorm2d(out))
                .then("relu", relu())
                .then("conv2", conv(out, out, 3, 1))
                .then("bn2", batchNorm2d(out));
    }

    private static Layer bottleneckBody(int in, int width, int out, int stride, int groups) {
        return Sequential.named()
                .then("conv1", conv(in, width, 1, 1))
                .then("bn1", batchNorm2d(width))
                .then("relu1", relu())
                .then("conv2", conv(width, width, 3, stride).groups(groups))
                .then("bn2", batchNorm2d(width))
                .then("relu2", relu())
                .then("conv3", conv(width, out, 1, 1))
                .then("bn3", batchNorm2d(out));
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
