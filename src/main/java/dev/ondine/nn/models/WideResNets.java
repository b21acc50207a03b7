package dev.ondine.nn.models;

import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.flatten;
import static dev.ondine.nn.Layers.globalAvgPool;
import static dev.ondine.nn.Layers.linear;
import static dev.ondine.nn.Layers.relu;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.Context;
import dev.ondine.nn.Conv;
import dev.ondine.nn.Initializer;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Sequential;
import java.util.ArrayList;
import java.util.List;

/**
 * Wide residual networks for 32x32 images (Zagoruyko and Komodakis 2016, "Wide residual networks"): few blocks of many channels, with
 * normalization and ReLU before each convolution. torchvision has none of them; parameters are named as in the implementation that most
 * others come from ({@code block1.layer.0.bn1.weight}, {@code block1.layer.0.convShortcut.weight}).
 */
public final class WideResNets {
    private WideResNets() {}

    /**
     * WRN-{@code depth}-{@code width}. 36,479,194 parameters for WRN-28-10, 3 channels and 10 classes, the paper's 36.5M.
     *
     * @param depth 6n + 4
     * @param width k: the three stages have 16k, 32k and 64k channels
     * @param dropout between the two convolutions of a block; the paper takes 0 or 0.3
     */
    public static Layer of(int depth, int width, double dropout, int channels, int classes) {
        if (depth < 10 || depth % 6 != 4) {
            throw new IllegalArgumentException("the depth of a wide ResNet is 6n + 4 (16, 22, 28, 40), not " + depth);
        }
        int blocks = (depth - 4) / 6;
        int in = 16;
        Sequential net = Sequential.named().then("conv1", conv(channels, in, 3, 1));
        for (int stage = 0; stage < 3; stage++) {
            int out = (16 * width) << stage;
            List<Layer> layers = new ArrayList<>();
            for (int i = 0; i < blocks; i++) {
                layers.add(new Block(in, out, stage > 0 && i == 0 ? 2 : 1, dropout));
                in = out;
            }
            net = net.then("block" + (stage + 1), Sequential.named().then("layer", Sequential.of(layers)));
        }
        return net.then("bn1", batchNorm2d(in))
                .then("relu", relu())
                .then("avgpool", globalAvgPool())
                .then("flatten", flatten())
                .then("fc", linear(in, classes).biasStart(new Initializer.Constant(0)));
    }

    /**
     * x + body(relu(bn1(x))), or, where the number of channels changes, the sum of body and a 1x1 convolution of the same normalized
     * input.
     */
    private record Block(int in, int out, int stride, double dropout) implements Layer {
        @Override
        public Value build(Context context, Value x) {
            Value normalized = context.child("relu1", relu(), context.child("bn1", batchNorm2d(in), x));
            Value y = context.child("conv1", conv(in, out, 3, stride), normalized);
            y = context.child("relu2", relu(), context.child("bn2", batchNorm2d(out), y));
            y = context.child("dropout", Layers.dropout(dropout), y);
            y = context.child("conv2", conv(out, out, 3, 1), y);
            Value skip = in == out ? x : context.child("convShortcut", conv(in, out, 1, stride), normalized);
            return context.add(new Op.Add(false), y, skip);
        }
    }

    private static Conv conv(int in, int out, int kernel, int stride) {
        return conv2d(in, out, kernel)
                .stride(stride)
                .padding(kernel / 2)
                .bias(false)
                .withKaiming();
    }
}
