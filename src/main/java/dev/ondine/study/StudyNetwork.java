package dev.ondine.study;

import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.dropout;
import static dev.ondine.nn.Layers.flatten;
import static dev.ondine.nn.Layers.globalAvgPool;
import static dev.ondine.nn.Layers.linear;
import static dev.ondine.nn.Layers.relu;

import dev.ondine.graph.Value;
import dev.ondine.nn.Context;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.Shape;

/**
 * The network of the study: six 3x3 convolutions of 16, 32 and 64 channels, ReLU behind each, the mean over space, a linear layer. With
 * batch normalization before each ReLU, or without, the convolutions then having a bias; everything else is the same, the first values of
 * the weights included.
 */
final class StudyNetwork {
    /** The output that holds the input of the last ReLU. */
    static final String PROBE = "probe";

    private static final int[] CHANNELS = {16, 16, 32, 32, 64, 64};

    private StudyNetwork() {}

    /**
     * @param normalized with batch normalization
     * @param dropout before the linear layer; 0 for none
     * @param probed whether the input of the last ReLU is an output of its graphs
     */
    static Layer of(Shape sample, int classes, boolean normalized, double dropout, boolean probed) {
        Sequential network = Sequential.named();
        int in = Math.toIntExact(sample.dim(0));
        for (int i = 0; i < CHANNELS.length; i++) {
            int out = CHANNELS[i];
            int stride = i > 0 && out > in ? 2 : 1;
            network = network.then(
                    "conv" + i,
                    conv2d(in, out, 3)
                            .stride(stride)
                            .padding(1)
                            .bias(!normalized)
                            .withKaiming());
            if (normalized) network = network.then("bn" + i, batchNorm2d(out));
            if (probed && i == CHANNELS.length - 1) network = network.then(PROBE, StudyNetwork::probe);
            network = network.then("relu" + i, relu());
            in = out;
        }
        network = network.then("pool", globalAvgPool()).then("flatten", flatten());
        if (dropout > 0) network = network.then("dropout", dropout(dropout));
        return network.then("fc", linear(in, classes));
    }

    private static Value probe(Context context, Value x) {
        context.graph().output(PROBE, x);
        return x;
    }
}
