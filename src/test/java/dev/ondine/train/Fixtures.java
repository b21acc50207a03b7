package dev.ondine.train;

import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Residual;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.Tensor;
import java.util.Random;

/** Small networks and data for tests. */
final class Fixtures {
    private Fixtures() {}

    /** Everything at once: convolution, batch norm, residual with projection, groups, concat, depthwise, pooling, dropout, linear. */
    static Layer network(int channels) {
        Layer body = Sequential.of(
                Layers.conv2d(16, 24, 3).stride(2).padding(1).bias(false),
                Layers.batchNorm2d(24),
                Layers.relu(),
                Layers.conv2d(24, 24, 3).padding(1).groups(4).bias(false),
                Layers.batchNorm2d(24));
        Layer shortcut = Sequential.of(Layers.conv2d(16, 24, 1).stride(2).bias(false), Layers.batchNorm2d(24));
        return Sequential.of(
                Layers.conv2d(channels, 16, 3).padding(1).bias(false),
                Layers.batchNorm2d(16),
                Layers.relu(),
                Residual.of(body, shortcut),
                Layers.concat(
                        Layers.conv2d(24, 8, 1),
                        Sequential.of(Layers.conv2d(24, 24, 3).padding(1).groups(24), Layers.conv2d(24, 16, 1))),
                Layers.gelu(),
                Layers.maxPool2d(3).stride(2).padding(1),
                Layers.dropout(0.2),
                Layers.globalAvgPool(),
                Layers.flatten(),
                Layers.linear(24, 32).bias(false),
                Layers.batchNorm1d(32),
                Layers.relu(),
                Layers.linear(32, 10));
    }

    static void fill(Tensor input, Tensor target, long seed) {
        Random random = new Random(seed);
        for (long i = 0; i < input.elements(); i++) input.setFloatAt(i, (float) random.nextGaussian());
        for (long i = 0; i < target.elements(); i++) target.setIntAt(i, random.nextInt(10));
    }
}
