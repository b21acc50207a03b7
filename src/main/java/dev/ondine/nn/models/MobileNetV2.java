package dev.ondine.nn.models;

import static dev.ondine.nn.Layers.activation;
import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.dropout;
import static dev.ondine.nn.Layers.flatten;
import static dev.ondine.nn.Layers.globalAvgPool;
import static dev.ondine.nn.Layers.linear;

import dev.ondine.graph.ActivationKind;
import dev.ondine.nn.Initializer;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Residual;
import dev.ondine.nn.Sequential;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * MobileNetV2 (Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks"): blocks that widen with a 1x1
 * convolution, filter each channel by itself, and narrow again without an activation. Parameters are named and begin as in torchvision's
 * {@code mobilenet_v2}.
 */
public final class MobileNetV2 {
    /** The paper's table 2. */
    private enum Stage {
        A(1, 16, 1, 1),
        B(6, 24, 2, 2),
        C(6, 32, 3, 2),
        D(6, 64, 4, 2),
        E(6, 96, 3, 1),
        F(6, 160, 3, 2),
        G(6, 320, 1, 1);

        private final int expansion;
        private final int channels;
        private final int blocks;
        private final int stride;

        Stage(int expansion, int channels, int blocks, int stride) {
            this.expansion = expansion;
            this.channels = channels;
            this.blocks = blocks;
            this.stride = stride;
        }
    }

    private static final int STEM = 32;
    private static final int TOP = 1280;

    private MobileNetV2() {}

    /** torchvision's {@code mobilenet_v2}: 3,504,872 parameters for 3 channels and 1000 classes. Images of any size. */
    public static Layer of(int channels, int classes) {
        return of(channels, classes, 1, 0.2);
    }

    /**
     * @param width multiplies the channels of every layer, the last only if it is above 1; each is then rounded to a multiple of 8
     * @param dropout before the last layer
     */
    public static Layer of(int channels, int classes, double width, double dropout) {
        if (!(width > 0)) throw new IllegalArgumentException("the width must be above 0, not " + width);
        List<Layer> features = new ArrayList<>();
        int in = scaled(STEM, width);
        features.add(convolution(channels, in, 3, 2, 1));
        for (Stage stage : Stage.values()) {
            int out = scaled(stage.channels, width);
            for (int i = 0; i < stage.blocks; i++) {
                features.add(block(in, out, i == 0 ? stage.stride : 1, stage.expansion));
                in = out;
            }
        }
        int top = scaled(TOP, Math.max(1, width));
        features.add(convolution(in, top, 1, 1, 1));
        Layer last = linear(top, classes).start(new Initializer.Normal(0.01)).biasStart(new Initializer.Constant(0));
        return Sequential.named()
                .then("features", Sequential.of(features))
                .then("avgpool", globalAvgPool())
                .then("flatten", flatten())
                .then("classifier", Sequential.of(dropout(dropout), last));
    }

    /** The nearest multiple of 8 that is at least 90 % of what was asked for. */
    private static int scaled(int channels, double width) {
        double wanted = channels * width;
        int rounded = Math.max(8, (int) (wanted + 4) / 8 * 8);
        return rounded < 0.9 * wanted ? rounded + 8 : rounded;
    }

    private static Layer block(int in, int out, int stride, int expansion) {
        int wide = in * expansion;
        List<Layer> layers = new ArrayList<>();
        if (expansion > 1) layers.add(convolution(in, wide, 1, 1, 1));
        layers.add(convolution(wide, wide, 3, stride, wide));
        layers.add(conv2d(wide, out, 1).bias(false).withKaiming());
        layers.add(batchNorm2d(out));
        Layer body = Sequential.named().then("conv", Sequential.of(layers));
        return stride == 1 && in == out ? new Residual(body, Optional.empty(), Optional.empty()) : body;
    }

    /** With batch normalization and ReLU6. */
    private static Layer convolution(int in, int out, int kernel, int stride, int groups) {
        return Sequential.of(
                conv2d(in, out, kernel)
                        .stride(stride)
                        .padding(kernel / 2)
                        .groups(groups)
                        .bias(false)
                        .withKaiming(),
                batchNorm2d(out),
                activation(ActivationKind.RELU6));
    }
}
