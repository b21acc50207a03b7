package dev.ondine.nn.models;

import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.convTranspose2d;
import static dev.ondine.nn.Layers.dropout;
import static dev.ondine.nn.Layers.relu;

import dev.ondine.graph.Value;
import dev.ondine.nn.Context;
import dev.ondine.nn.ConvTranspose;
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
     * its input, to be compared with it. 257,441 parameters for one channel, whatever the size.
     *
     * @throws IllegalArgumentException unless the sample is an image (channels, height, width)
     */
    public static Layer convolutional(Shape image) {
        return convolutional(image, 32, 3);
    }

    /** With {@code width} channels behind the first convolution, and so many {@code levels} that halve the sides. */
    static Layer convolutional(Shape image, int width, int levels) {
        if (image.rank() != 3) {
            throw new IllegalArgumentException(
                    "an autoencoder takes images (channels, height, width), not samples of the shape " + image);
        }
        List<Layer> layers = new ArrayList<>();
        int channels = Math.toIntExact(image.dim(0));
        int in = channels;
        for (int level = 0; level < levels; level++) {
            int out = width << level;
            layers.addAll(List.of(conv2d(in, out, 3).stride(2).padding(1).bias(false), batchNorm2d(out), relu()));
            in = out;
        }
        for (int level = levels - 1; level > 0; level--) {
            int out = width << (level - 1);
            layers.addAll(List.of(doubling(in, out, image, level).bias(false), batchNorm2d(out), relu()));
            in = out;
        }
        layers.add(doubling(in, channels, image, 0));
        return Sequential.of(layers);
    }

    /**
     * A {@linkplain #convolutional convolutional autoencoder} that learns to repair its input (Vincent et al. 2008, "Extracting and
     * composing robust features with denoising autoencoders"): in training a share {@code corruption} of the input's elements is set to
     * zero at random, the paper's masking noise, while the target is the whole input. The noise is dropout at the input, so it is
     * another in each step, repeatable from the trainer's seed, and off in evaluation; that the other elements are divided by
     * 1 − {@code corruption} keeps their mean, and the normalization behind the first convolution takes it out again.
     * Parameters are named as in the autoencoder without noise.
     */
    public static Layer denoising(Shape image, double corruption) {
        return new Denoising(dropout(corruption), convolutional(image));
    }

    static Layer denoising(Shape image, double corruption, int width, int levels) {
        return new Denoising(dropout(corruption), convolutional(image, width, levels));
    }

    /** The noise has no parameters and no name. */
    private record Denoising(Layer noise, Layer autoencoder) implements Layer {
        @Override
        public Value build(Context context, Value x) {
            return autoencoder.build(context, noise.build(context, x));
        }
    }

    /** Brings the sides back to what they were at this level: twice as many, or, where they were odd, one less. */
    private static ConvTranspose doubling(int in, int out, Shape image, int level) {
        int[] odd = {Math.toIntExact(side(image.dim(1), level) % 2), Math.toIntExact(side(image.dim(2), level) % 2)};
        // 2·n + outputPadding + 2 − 2·padding elements.
        return convTranspose2d(in, out, 4)
                .stride(2)
                .padding(1 + odd[0], 1 + odd[1])
                .outputPadding(odd);
    }

    /** What so many convolutions of stride 2 leave of a side. */
    private static long side(long side, int levels) {
        long left = side;
        for (int i = 0; i < levels; i++) left = (left + 1) / 2;
        return left;
    }
}
