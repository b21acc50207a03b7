package dev.ondine.cli;

import dev.ondine.nn.Layer;
import dev.ondine.nn.Models;
import dev.ondine.tensor.Shape;
import java.util.Locale;

/** What {@code ondine bench} times: whole training steps of a network on random images. */
enum BenchWorkload {
    RESNET20(Shape.of(3, 32, 32), 128) {
        @Override
        Layer network() {
            return Models.resnetCifar(20, 3, CLASSES);
        }
    },
    CNN(Shape.of(1, 28, 28), 128) {
        @Override
        Layer network() {
            return Models.cnn(1, CLASSES);
        }
    },
    LENET(Shape.of(1, 28, 28), 128) {
        @Override
        Layer network() {
            return Models.lenet(sample(), CLASSES);
        }
    },
    MLP(Shape.of(784), 64) {
        @Override
        Layer network() {
            return Models.mlp(784, 256, CLASSES);
        }
    };

    static final int CLASSES = 10;

    private final Shape sample;
    private final int batch;

    BenchWorkload(Shape sample, int batch) {
        this.sample = sample;
        this.batch = batch;
    }

    abstract Layer network();

    Shape sample() {
        return sample;
    }

    /** The batch unless another is asked for. */
    int batch() {
        return batch;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
