package dev.ondine.peers.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Blocks;
import ai.djl.nn.ParallelBlock;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.nn.pooling.Pool;
import java.util.List;

/** The networks of {@code ../pytorch/torch_bench.py} in DJL's blocks; not the autoencoder, for which its PyTorch engine has no transposed convolution. */
final class Networks {
    private Networks() {}

    /** Batch norm in PyTorch's defaults; DJL's momentum is the weight of the old value. */
    static Block norm() {
        return BatchNorm.builder().optEpsilon(1e-5f).optMomentum(0.9f).build();
    }

    private static SequentialBlock convNorm(int filters, int kernel, int stride) {
        return new SequentialBlock()
                .add(Conv2d.builder()
                        .setKernelShape(new Shape(kernel, kernel))
                        .optStride(new Shape(stride, stride))
                        .optPadding(new Shape(kernel / 2, kernel / 2))
                        .optBias(false)
                        .setFilters(filters)
                        .build())
                .add(norm());
    }

    private static Block residual(int inputs, int filters, int stride) {
        SequentialBlock body = new SequentialBlock()
                .add(convNorm(filters, 3, stride))
                .add(Activation.reluBlock())
                .add(convNorm(filters, 3, 1));
        Block shortcut = stride == 1 && inputs == filters ? Blocks.identityBlock() : convNorm(filters, 1, stride);
        return new ParallelBlock(
                branches -> {
                    NDArray sum = branches.get(0).singletonOrThrow().add(branches.get(1).singletonOrThrow());
                    return new NDList(Activation.relu(sum));
                },
                List.of(body, shortcut));
    }

    static Block resnet20() {
        SequentialBlock net = new SequentialBlock().add(convNorm(16, 3, 1)).add(Activation.reluBlock());
        int channels = 16;
        for (int filters : new int[] {16, 32, 64}) {
            for (int k = 0; k < 3; k++) {
                net.add(residual(channels, filters, k == 0 && filters > 16 ? 2 : 1));
                channels = filters;
            }
        }
        return net.add(Pool.globalAvgPool2dBlock()).add(Linear.builder().setUnits(10).build());
    }

    static Block mlp() {
        SequentialBlock net = new SequentialBlock();
        for (int layer = 0; layer < 2; layer++) {
            net.add(Linear.builder().setUnits(256).build()).add(norm()).add(Activation.reluBlock());
        }
        return net.add(Linear.builder().setUnits(10).build());
    }
}
