package dev.ondine.cli;

import dev.ondine.nn.Layer;
import dev.ondine.nn.Models;
import dev.ondine.nn.ResNets;
import dev.ondine.tensor.Shape;
import java.util.Locale;

/** What {@code ondine bench} times: whole training steps of a network on random images. */
enum BenchWorkload {
    RESNET20,
    CNN,
    LENET,
    MLP;

    static final int CLASSES = 10;

    Layer network() {
        return switch (this) {
            case RESNET20 -> ResNets.cifar(20, 3, CLASSES);
            case CNN -> Models.cnn(1, CLASSES);
            case LENET -> Models.lenet(sample(), CLASSES);
            case MLP -> Models.mlp(784, 256, CLASSES);
        };
    }

    Shape sample() {
        return switch (this) {
            case RESNET20 -> Shape.of(3, 32, 32);
            case CNN, LENET -> Shape.of(1, 28, 28);
            case MLP -> Shape.of(784);
        };
    }

    /** The batch unless another is asked for. */
    int batch() {
        return this == MLP ? 64 : 128;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
