package dev.ondine.nn.models;

import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.convTranspose2d;
import static dev.ondine.nn.Layers.maxPool2d;
import static dev.ondine.nn.Layers.relu;
import static dev.ondine.nn.Layers.upsampleLinear;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.Context;
import dev.ondine.nn.Conv;
import dev.ondine.nn.Initializer;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.Shape;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * U-Net (Ronneberger et al. 2015, "U-Net: convolutional networks for biomedical image segmentation") with batch normalization: stages
 * that halve the sides and double the channels, then the way back by transposed convolutions or bilinear interpolation, each joined with
 * the stage of its size.
 * Convolutions are padded, so that the output (classes, height, width) has the size of the input: logits for each pixel. torchvision
 * has none; parameters are named as in the PyTorch implementation that is most in use ({@code down1.maxpool_conv.1.double_conv.0.weight}).
 *
 * <p>Images of any size with at least 2^{@code levels} pixels a side; odd sides lose a row on the way down and get it back on the way up,
 * of the transposed convolution's bias, or interpolated.
 *
 * @param width channels of the first stage; the paper's is 64
 * @param levels how often the sides are halved; the paper's is 4
 * @param bilinear whether sides are doubled by bilinear interpolation, corners aligned, instead of a transposed convolution; the lowest
 *     stage, and what goes up from it, then have half of the channels, as in that implementation. It leaves no checkerboards (Odena et al.
 *     2016, "Deconvolution and checkerboard artifacts") and takes little more than half of the parameters. Default false.
 */
public record UNet(int channels, int classes, int width, int levels, boolean bilinear) implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public UNet {
        if (width < 1 || levels < 1) {
            throw new IllegalArgumentException(
                    "a U-Net has at least one channel and one level, not " + width + " and " + levels);
        }
    }

    /** With transposed convolutions. */
    public UNet(int channels, int classes, int width, int levels) {
        this(channels, classes, width, levels, false);
    }

    /** The paper's width 64 and 4 levels: 31,037,698 parameters for 3 channels and 2 classes, 17,263,042 with bilinear interpolation. */
    public static UNet of(int channels, int classes) {
        return new UNet(channels, classes, 64, 4);
    }

    /** Whether it goes up by bilinear interpolation instead of transposed convolutions. */
    public UNet bilinear(boolean bilinear) {
        return new UNet(channels, classes, width, levels, bilinear);
    }

    @Override
    public Value build(Context context, Value x) {
        requireSides(x.shape());
        Deque<Value> skips = new ArrayDeque<>();
        Value y = context.child("inc", twice(channels, width, width), x);
        for (int level = 1; level <= levels; level++) {
            skips.push(y);
            int in = width << (level - 1);
            int out = bilinear && level == levels ? in : 2 * in;
            Layer down = Sequential.named().then("maxpool_conv", Sequential.of(maxPool2d(2), twice(in, out, out)));
            y = context.child("down" + level, down, y);
        }
        for (int level = 1; level <= levels; level++) {
            Value skip = skips.pop();
            int joined = 2 * (width << (levels - level));
            y = context.child(
                    "up" + level,
                    bilinear ? new Interpolated(joined, level == levels, skip) : new Up(joined / 2, skip),
                    y);
        }
        return context.child("outc", Sequential.named().then("conv", conv2d(width, classes, 1)), y);
    }

    private void requireSides(Shape x) {
        if (x.rank() != 4 || x.dim(1) != channels || (Math.min(x.dim(2), x.dim(3)) >> levels) < 1) {
            throw new IllegalArgumentException("a U-Net of " + levels + " levels takes images (" + channels
                    + ", height, width) of at least " + (1 << levels) + " pixels a side, not " + x.tail());
        }
    }

    /** Doubles the sides, joins with the stage of that size, and convolves twice. */
    private record Up(int out, Value skip) implements Layer {
        @Override
        public Value build(Context context, Value x) {
            Shape wanted = skip.shape();
            int[] missing = {
                Math.toIntExact(wanted.dim(2) - 2 * x.shape().dim(2)),
                Math.toIntExact(wanted.dim(3) - 2 * x.shape().dim(3))
            };
            Value up = context.child(
                    "up", convTranspose2d(2 * out, out, 2).stride(2).outputPadding(missing), x);
            return context.child("conv", twice(2 * out, out, out), context.add(new Op.Concat(1), skip, up));
        }
    }

    /** The same without parameters for it; gives what the next of its kind joins with a stage of half of the channels. */
    private record Interpolated(int joined, boolean last, Value skip) implements Layer {
        @Override
        public Value build(Context context, Value x) {
            Shape wanted = skip.shape();
            Layer resize = upsampleLinear(1)
                    .size(Math.toIntExact(wanted.dim(2)), Math.toIntExact(wanted.dim(3)))
                    .alignCorners(true);
            Value up = context.child("up", resize, x);
            int half = joined / 2;
            return context.child(
                    "conv", twice(joined, half, last ? half : half / 2), context.add(new Op.Concat(1), skip, up));
        }
    }

    private static Layer twice(int in, int between, int out) {
        return Sequential.named()
                .then(
                        "double_conv",
                        Sequential.of(
                                conv(in, between),
                                batchNorm2d(between),
                                relu(),
                                conv(between, out),
                                batchNorm2d(out),
                                relu()));
    }

    private static Conv conv(int in, int out) {
        return conv2d(in, out, 3).padding(1).bias(false).start(Initializer.kaimingFanIn());
    }
}
