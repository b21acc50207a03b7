package dev.ondine.nn.models;

import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.convTranspose2d;
import static dev.ondine.nn.Layers.relu;

import dev.ondine.nn.Layer;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;

/** Networks that give back their input, through something narrower. */
public final class Autoencoders {
    private Autoencoders() {}

    /**
     * A convolutional autoencoder with batch normalization: three 3x3 convolutions that each halve the sides, to 32, 64 and 128
     * channels, and three 4x4 transposed ones that double them again, the last without normalization. Its output has the shape of
     * its input, to be compared with it. 257,441 parameters for one channel.
     *
     * @throws IllegalArgumentException unless the sides are multiples of 8
     */
    public static Layer convolutional(Shape image) {
        if (image.rank() != 3 || image.dim(1) % 8 != 0 || image.dim(2) % 8 != 0) {
            throw new IllegalArgumentException(
                    "autoencoder takes images (channels, height, width) whose sides are multiples of 8, not " + image
                            + ": its output would have another size");
        }
        List<Layer> layers = new ArrayList<>();
        int channels = Math.toIntExact(image.dim(0));
        int in = channels;
        for (int out : new int[] {32, 64, 128}) {
            layers.addAll(List.of(conv2d(in, out, 3).stride(2).padding(1).bias(false), batchNorm2d(out), relu()));
            in = out;
        }
        for (int out : new int[] {64, 32}) {
            layers.addAll(
                    List.of(convTranspose2d(in, out, 4).stride(2).padding(1).bias(false), batchNorm2d(out), relu()));
            in = out;
        }
        layers.add(convTranspose2d(in, channels, 4).stride(2).padding(1));
        return Sequential.of(layers);
    }
}
