package dev.ondine.cli;

import dev.ondine.nn.Layer;
import dev.ondine.nn.models.Mlp;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import java.util.Locale;

/** What {@code ondine bench} times, each at a batch size of its own unless another is asked for. */
enum BenchWorkload {
    RESNET20(Kind.TRAINING, 128),
    RESNET18_CIFAR(Kind.TRAINING, 128),
    RESNET50(Kind.TRAINING, 16),
    MLP(Kind.TRAINING, 64),
    AUTOENCODER(Kind.TRAINING, 128),
    CNN(Kind.TRAINING, 128),
    LENET(Kind.TRAINING, 128),
    BN(Kind.OPERATION, 64),
    CONV3X3(Kind.OPERATION, 32),
    RESNET50_INFER(Kind.INFERENCE, 1);

    /** What is done in a step. */
    enum Kind {
        TRAINING("whole training step"),
        OPERATION("forward and backward, activations in the plan's own layout"),
        INFERENCE("forward with running statistics");

        private final String description;

        Kind(String description) {
            this.description = description;
        }

        @Override
        public String toString() {
            return description;
        }
    }

    private final Kind kind;
    private final int batch;

    BenchWorkload(Kind kind, int batch) {
        this.kind = kind;
        this.batch = batch;
    }

    Kind kind() {
        return kind;
    }

    /** The batch unless another is asked for. */
    int batch() {
        return batch;
    }

    /** Of a network: its shape of one sample; of an operation: that of its input. */
    Shape sample() {
        return switch (this) {
            case RESNET20, RESNET18_CIFAR -> Shape.of(3, 32, 32);
            case RESNET50, RESNET50_INFER -> Shape.of(3, 224, 224);
            case AUTOENCODER -> Shape.of(1, 32, 32);
            case CNN, LENET -> Shape.of(1, 28, 28);
            case MLP -> Shape.of(784);
            case BN, CONV3X3 -> Shape.of(64, 56, 56);
        };
    }

    /** How many classes a network tells apart. */
    int classes() {
        return this == RESNET50 || this == RESNET50_INFER ? 1000 : 10;
    }

    /** The network. The operations are none, see {@link BenchOperation}. */
    Layer network() {
        return switch (this) {
            case RESNET20, RESNET18_CIFAR, RESNET50, AUTOENCODER -> Models.create(toString(), sample(), classes());
            case RESNET50_INFER -> Models.create("resnet50", sample(), classes());
            case CNN -> Models.create("cnn-bn", sample(), classes());
            case LENET -> Models.create("lenet-bn", sample(), classes());
            case MLP -> Mlp.of(784, 256, classes());
            case BN, CONV3X3 -> throw new IllegalStateException(this + " is no network");
        };
    }

    /** {@code resnet18-cifar}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
