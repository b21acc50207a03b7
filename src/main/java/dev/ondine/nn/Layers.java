package dev.ondine.nn;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.Op;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** A factory for each layer, for {@code import static}: {@code conv2d(3, 16, 3).padding(1).bias(false)}. */
public final class Layers {
    private Layers() {}

    /** Convolution over (N, in, length). */
    public static Conv conv1d(int in, int out, int kernel) {
        return new Conv(1, in, out, kernel);
    }

    /** Convolution over (N, in, height, width) with a square kernel; {@link Conv#kernel} for others. */
    public static Conv conv2d(int in, int out, int kernel) {
        return new Conv(2, in, out, kernel);
    }

    /** Convolution over (N, in, depth, height, width). */
    public static Conv conv3d(int in, int out, int kernel) {
        return new Conv(3, in, out, kernel);
    }

    /** Transposed convolution over (N, in, length). */
    public static ConvTranspose convTranspose1d(int in, int out, int kernel) {
        return new ConvTranspose(1, in, out, kernel);
    }

    /** Transposed convolution over (N, in, height, width) with a square kernel; {@link ConvTranspose#kernel} for others. */
    public static ConvTranspose convTranspose2d(int in, int out, int kernel) {
        return new ConvTranspose(2, in, out, kernel);
    }

    /** Transposed convolution over (N, in, depth, height, width). */
    public static ConvTranspose convTranspose3d(int in, int out, int kernel) {
        return new ConvTranspose(3, in, out, kernel);
    }

    /** Batch normalization of (N, C) or (N, C, length). */
    public static BatchNorm batchNorm1d(int features) {
        return new BatchNorm(0, features);
    }

    /** Batch normalization of (N, C, height, width). */
    public static BatchNorm batchNorm2d(int features) {
        return new BatchNorm(2, features);
    }

    /** Batch normalization of (N, C, depth, height, width). */
    public static BatchNorm batchNorm3d(int features) {
        return new BatchNorm(3, features);
    }

    /** Layer normalization over the last axes, which have these extents. */
    public static LayerNorm layerNorm(int... shape) {
        return new LayerNorm(shape);
    }

    /** Group normalization of (N, features, …) with so many groups of channels. */
    public static GroupNorm groupNorm(int groups, int features) {
        return new GroupNorm(groups, features);
    }

    /** Instance normalization of (N, features, length). */
    public static InstanceNorm instanceNorm1d(int features) {
        return new InstanceNorm(1, features);
    }

    /** Instance normalization of (N, features, height, width). */
    public static InstanceNorm instanceNorm2d(int features) {
        return new InstanceNorm(2, features);
    }

    /** Instance normalization of (N, features, depth, height, width). */
    public static InstanceNorm instanceNorm3d(int features) {
        return new InstanceNorm(3, features);
    }

    /** y = x·Wᵀ + b over the last axis, from {@code in} features to {@code out}. */
    public static Linear linear(int in, int out) {
        return new Linear(in, out, true);
    }

    /** The greatest of each window of a sequence (N, C, L); strides are the kernel. */
    public static Pool maxPool1d(int kernel) {
        return new Pool(Op.PoolingKind.MAX, 1, kernel);
    }

    /** The greatest of each window of images (N, C, H, W); strides are the kernel. */
    public static Pool maxPool2d(int kernel) {
        return new Pool(Op.PoolingKind.MAX, 2, kernel);
    }

    /** The greatest of each window of volumes (N, C, D, H, W); strides are the kernel. */
    public static Pool maxPool3d(int kernel) {
        return new Pool(Op.PoolingKind.MAX, 3, kernel);
    }

    /** The mean of each window of a sequence (N, C, L); strides are the kernel. */
    public static Pool avgPool1d(int kernel) {
        return new Pool(Op.PoolingKind.AVERAGE_INCLUDE_PADDING, 1, kernel);
    }

    /** The mean of each window of images (N, C, H, W); strides are the kernel. */
    public static Pool avgPool2d(int kernel) {
        return new Pool(Op.PoolingKind.AVERAGE_INCLUDE_PADDING, 2, kernel);
    }

    /** The mean of each window of volumes (N, C, D, H, W); strides are the kernel. */
    public static Pool avgPool3d(int kernel) {
        return new Pool(Op.PoolingKind.AVERAGE_INCLUDE_PADDING, 3, kernel);
    }

    /** The mean over all of space: (N, C, space…) to (N, C, 1…). */
    public static Pool.GlobalAverage globalAvgPool() {
        return new Pool.GlobalAverage();
    }

    /** Pooling to a size, of one number a spatial axis, by the means of windows that cover the input. */
    public static AdaptivePool adaptiveAvgPool(int... size) {
        return new AdaptivePool(Op.PoolingKind.AVERAGE_EXCLUDE_PADDING, Context.list(size));
    }

    /** Pooling to a size, of one number a spatial axis, by the maxima of windows; the size divides the input's. */
    public static AdaptivePool adaptiveMaxPool(int... size) {
        return new AdaptivePool(Op.PoolingKind.MAX, Context.list(size));
    }

    /** Space {@code scale} times as large along each axis, each element repeated; {@link Upsample#size} for any size. */
    public static Upsample upsampleNearest(int scale) {
        return new Upsample(Op.ResamplingKind.NEAREST, List.of(), List.of(scale), false);
    }

    /** Space {@code scale} times as large along each axis, linearly (over images, bilinearly) interpolated. */
    public static Upsample upsampleLinear(int scale) {
        return new Upsample(Op.ResamplingKind.LINEAR, List.of(), List.of(scale), false);
    }

    /** Zeros around space, as many on each side, over 1 spatial axis. */
    public static Pad zeroPad1d(int padding) {
        return pad(1, padding, Optional.of(AxisMatrix.Padding.ZERO), 0);
    }

    /** Zeros around space, as many on each side, over 2 spatial axes. */
    public static Pad zeroPad2d(int padding) {
        return pad(2, padding, Optional.of(AxisMatrix.Padding.ZERO), 0);
    }

    /** Zeros around space, as many on each side, over 3 spatial axes. */
    public static Pad zeroPad3d(int padding) {
        return pad(3, padding, Optional.of(AxisMatrix.Padding.ZERO), 0);
    }

    /** Space reflected in its outermost elements, over 1 spatial axis. */
    public static Pad reflectionPad1d(int padding) {
        return pad(1, padding, Optional.of(AxisMatrix.Padding.REFLECT), 0);
    }

    /** Space reflected in its outermost elements, over 2 spatial axes. */
    public static Pad reflectionPad2d(int padding) {
        return pad(2, padding, Optional.of(AxisMatrix.Padding.REFLECT), 0);
    }

    /** Space reflected in its outermost elements, over 3 spatial axes. */
    public static Pad reflectionPad3d(int padding) {
        return pad(3, padding, Optional.of(AxisMatrix.Padding.REFLECT), 0);
    }

    /** The outermost elements of space repeated, over 1 spatial axis. */
    public static Pad replicationPad1d(int padding) {
        return pad(1, padding, Optional.of(AxisMatrix.Padding.REPLICATE), 0);
    }

    /** The outermost elements of space repeated, over 2 spatial axes. */
    public static Pad replicationPad2d(int padding) {
        return pad(2, padding, Optional.of(AxisMatrix.Padding.REPLICATE), 0);
    }

    /** The outermost elements of space repeated, over 3 spatial axes. */
    public static Pad replicationPad3d(int padding) {
        return pad(3, padding, Optional.of(AxisMatrix.Padding.REPLICATE), 0);
    }

    /** A number around space, over 1 spatial axis. */
    public static Pad constantPad1d(int padding, double value) {
        return pad(1, padding, Optional.empty(), (float) value);
    }

    /** A number around space, over 2 spatial axes. */
    public static Pad constantPad2d(int padding, double value) {
        return pad(2, padding, Optional.empty(), (float) value);
    }

    /** A number around space, over 3 spatial axes. */
    public static Pad constantPad3d(int padding, double value) {
        return pad(3, padding, Optional.empty(), (float) value);
    }

    private static Pad pad(int spatial, int padding, Optional<AxisMatrix.Padding> mode, float value) {
        return new Pad(Conv.all(spatial, padding), Conv.all(spatial, padding), mode, value);
    }

    /** (N, C·r², H, W) to (N, C, H·r, W·r). */
    public static PixelShuffle pixelShuffle(int factor) {
        return new PixelShuffle(factor, false);
    }

    /** (N, C, H·r, W·r) to (N, C·r², H, W). */
    public static PixelShuffle pixelUnshuffle(int factor) {
        return new PixelShuffle(factor, true);
    }

    /** Each channel multiplied with a number between 0 and 1 that the means of all channels decide. */
    public static SqueezeExcite squeezeExcite(int channels, int squeezed) {
        return new SqueezeExcite(channels, squeezed);
    }

    /** max(x, 0). */
    public static Activation relu() {
        return new Activation(ActivationKind.RELU, 0);
    }

    /** PyTorch's default slope is 0.01. */
    public static Activation leakyRelu(double slope) {
        return new Activation(ActivationKind.LEAKY_RELU, (float) slope);
    }

    /** PyTorch's default α is 1. */
    public static Activation elu(double alpha) {
        return new Activation(ActivationKind.ELU, (float) alpha);
    }

    /** The exact form, with the error function. */
    public static Activation gelu() {
        return new Activation(ActivationKind.GELU, 0);
    }

    /** x / (1 + e⁻ˣ), also called swish. */
    public static Activation silu() {
        return new Activation(ActivationKind.SILU, 0);
    }

    /** 1 / (1 + e⁻ˣ). */
    public static Activation sigmoid() {
        return new Activation(ActivationKind.SIGMOID, 0);
    }

    /** The hyperbolic tangent. */
    public static Activation tanh() {
        return new Activation(ActivationKind.TANH, 0);
    }

    /** min(max(x, 0), 6). */
    public static Activation relu6() {
        return new Activation(ActivationKind.RELU6, 0);
    }

    /** GELU's approximation by tanh. */
    public static Activation geluTanh() {
        return new Activation(ActivationKind.GELU_TANH, 0);
    }

    /** log(1 + eˣ). */
    public static Activation softplus() {
        return new Activation(ActivationKind.SOFTPLUS, 0);
    }

    /** x · min(max(x + 3, 0), 6) / 6 (Howard et al. 2019). */
    public static Activation hardSwish() {
        return new Activation(ActivationKind.HARD_SWISH, 0);
    }

    /** min(max(x + 3, 0), 6) / 6. */
    public static Activation hardSigmoid() {
        return new Activation(ActivationKind.HARD_SIGMOID, 0);
    }

    /** x · tanh(log(1 + eˣ)) (Misra 2019). */
    public static Activation mish() {
        return new Activation(ActivationKind.MISH, 0);
    }

    /** ReLU with one learned slope for negative values. */
    public static PRelu prelu() {
        return prelu(1);
    }

    /** ReLU with a learned slope for negative values of each channel. */
    public static PRelu prelu(int channels) {
        return new PRelu(channels, 0.25f);
    }

    /** Any of the activation functions that take no α. */
    public static Activation activation(ActivationKind kind) {
        if (kind == ActivationKind.LEAKY_RELU || kind == ActivationKind.ELU) {
            throw new IllegalArgumentException(kind + " needs a number: use leakyRelu(slope) or elu(alpha)");
        }
        return new Activation(kind, 1);
    }

    /**
     * Sets elements to zero with this probability while training and scales the rest by 1 / (1 − p) (Srivastava et
     * al. 2014).
     */
    public static Dropout dropout(double probability) {
        return new Dropout((float) probability);
    }

    /** Dropout of whole channels. */
    public static SpatialDropout spatialDropout(double probability) {
        return new SpatialDropout((float) probability);
    }

    /** A residual branch that is left out for each sample with this probability. */
    public static StochasticDepth stochasticDepth(Layer branch, double probability) {
        return new StochasticDepth(branch, (float) probability);
    }

    /** All axes but the first become one: (N, C, H, W) becomes (N, C·H·W). */
    public static Flatten flatten() {
        return new Flatten();
    }

    /** The same elements of each sample in another shape; one extent may be −1. */
    public static Reshape reshape(long... sample) {
        return new Reshape(Arrays.stream(sample).boxed().toList());
    }

    /** The axes in another order; axis 0, the batch, stays. */
    public static Permute permute(int... axes) {
        return new Permute(Arrays.stream(axes).boxed().toList());
    }

    /** The {@code length} entries of an axis from {@code start} on. */
    public static Slice slice(int axis, long start, long length) {
        return new Slice(axis, start, length);
    }

    /** Self-attention over (N, tokens, features). */
    public static MultiHeadAttention multiHeadAttention(int features, int heads) {
        return new MultiHeadAttention(features, heads);
    }

    /** (N, C, space…) to (N, places, C). */
    public static Tokens.FromImage tokens() {
        return new Tokens.FromImage();
    }

    /** Adds a learned number to each element of a sample. */
    public static Tokens.PositionEmbedding positionEmbedding() {
        return new Tokens.PositionEmbedding("pos_embedding");
    }

    /** Puts a learned token before the others. */
    public static Tokens.ClassToken classToken() {
        return new Tokens.ClassToken("class_token");
    }

    /** One of the tokens: (N, tokens, features) to (N, features). */
    public static Tokens.Pick pickToken(int token) {
        return new Tokens.Pick(token);
    }

    /** The mean of all tokens: (N, tokens, features) to (N, features). */
    public static Tokens.Mean meanOfTokens() {
        return new Tokens.Mean();
    }

    /** Softmax along an axis; −1 is the last. */
    public static Softmax softmax(int axis) {
        return new Softmax(axis, false);
    }

    /** The logarithm of the softmax over an axis, computed without the softmax. */
    public static Softmax logSoftmax(int axis) {
        return new Softmax(axis, true);
    }

    /** Layers one after the other, named 0, 1, 2, … */
    public static Sequential sequential(Layer... layers) {
        return Sequential.of(layers);
    }

    /** relu(body(x) + x). */
    public static Residual residual(Layer body) {
        return Residual.of(body);
    }

    /** relu(body(x) + shortcut(x)). */
    public static Residual residual(Layer body, Layer shortcut) {
        return Residual.of(body, shortcut);
    }

    /** The outputs of several branches over the same input, joined along the channels. */
    public static Concat concat(Layer... branches) {
        return new Concat(List.of(branches));
    }
}
