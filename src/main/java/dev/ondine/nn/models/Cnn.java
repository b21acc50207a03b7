package dev.ondine.nn.models;

import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.flatten;
import static dev.ondine.nn.Layers.globalAvgPool;
import static dev.ondine.nn.Layers.linear;
import static dev.ondine.nn.Layers.maxPool2d;
import static dev.ondine.nn.Layers.relu;

import dev.ondine.nn.Layer;
import dev.ondine.nn.Sequential;
import java.util.ArrayList;
import java.util.List;

/** A small convolutional network, for a start. */
public final class Cnn {
    private Cnn() {}

    /** Six 3x3 convolutions in three stages of 16, 32 and 64 channels, each with batch normalization and ReLU. */
    public static Layer of(int channels, int classes) {
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
}
