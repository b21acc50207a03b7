package dev.ondine.nn.models;

import static dev.ondine.nn.Layers.batchNorm1d;
import static dev.ondine.nn.Layers.batchNorm2d;
import static dev.ondine.nn.Layers.conv2d;
import static dev.ondine.nn.Layers.linear;
import static dev.ondine.nn.Layers.meanOfTokens;
import static dev.ondine.nn.Layers.multiHeadAttention;
import static dev.ondine.nn.Layers.positionEmbedding;
import static dev.ondine.nn.Layers.relu;
import static dev.ondine.nn.Layers.tokens;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.nn.Context;
import dev.ondine.nn.Initializer;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Residual;
import dev.ondine.nn.Sequential;
import dev.ondine.tensor.Shape;
import java.util.Optional;

/**
 * Transformers for images (Dosovitskiy et al. 2021, "An image is worth 16x16 words") with batch normalization everywhere instead of layer
 * normalization, after Yao et al. 2021, "Leveraging batch normalization for vision transformers": a token's features are normalized over
 * batch and tokens, and once more between the two linear layers of each perceptron, without which such a network is hard to
 * train. Patches are embedded by two strided convolutions with batch normalization (Xiao et al. 2021, "Early convolutions help
 * transformers see better"). The output is read off the mean of all tokens.
 *
 * <p>In evaluation all normalizations are fixed scales and shifts, those behind a layer folded into it.
 *
 * <p>torchvision has none with batch normalization; what it has in its vision transformer is named as there
 * ({@code encoder.layers.encoder_layer_0.self_attention.in_proj_weight}), with {@code bn_1} for {@code ln_1}.
 */
public final class VisionTransformers {
    private VisionTransformers() {}

    /**
     * A small one for images of 28 to 64 pixels a side: 96 features in 3 heads, 4 blocks, perceptrons of 192; a token for 4x4 pixels.
     * 347,962 parameters for 28x28 pixels of one channel and 10 classes.
     */
    public static Layer tiny(Shape image, int classes) {
        return of(image, classes, 96, 3, 4, 192);
    }

    /**
     * @param image (channels, height, width) of any size; there are ⌈height/4⌉·⌈width/4⌉ tokens
     * @param features of a token, even, and a multiple of the heads
     * @param hidden features in the perceptrons
     */
    public static Layer of(Shape image, int classes, int features, int heads, int blocks, int hidden) {
        if (features % 2 != 0 || blocks < 1 || hidden < 1) {
            throw new IllegalArgumentException(
                    "a transformer has an even number of features, a block and a hidden feature" + " at least, not "
                            + features + ", " + blocks + " and " + hidden);
        }
        Sequential layers = Sequential.named();
        for (int i = 0; i < blocks; i++) layers = layers.then("encoder_layer_" + i, block(features, heads, hidden));
        Layer encoder =
                new Positioned(Sequential.named().then("layers", layers).then("bn", rows(batchNorm1d(features))));
        return Sequential.named()
                .then("conv_proj", patches(Math.toIntExact(image.dim(0)), features))
                .then("tokens", tokens())
                .then("encoder", encoder)
                .then("mean", meanOfTokens())
                .then("heads", Sequential.named().then("head", linear(features, classes)));
    }

    /** A token for 4x4 pixels, which overlap a little. */
    private static Layer patches(int channels, int features) {
        int half = features / 2;
        return Sequential.of(
                conv2d(channels, half, 3).stride(2).padding(1).bias(false).withKaiming(),
                batchNorm2d(half),
                relu(),
                conv2d(half, features, 3).stride(2).padding(1).bias(false).withKaiming(),
                batchNorm2d(features));
    }

    private static Layer block(int features, int heads, int hidden) {
        Layer attention = Sequential.named()
                .then("bn_1", rows(batchNorm1d(features)))
                .then("self_attention", multiHeadAttention(features, heads));
        // The bias of the first would be taken out again by the normalization behind it.
        Layer perceptron = Sequential.named()
                .then("bn_2", rows(batchNorm1d(features)))
                .then(
                        "mlp",
                        rows(Sequential.of(
                                linear(features, hidden).bias(false).start(Initializer.kaimingFanIn()),
                                batchNorm1d(hidden),
                                relu(),
                                linear(hidden, features))));
        return new Block(plus(attention), plus(perceptron));
    }

    private static Layer plus(Layer body) {
        return new Residual(body, Optional.empty(), Optional.empty());
    }

    /** One after the other under the same name. */
    private record Block(Layer attention, Layer perceptron) implements Layer {
        @Override
        public Value build(Context context, Value x) {
            return perceptron.build(context, attention.build(context, x));
        }
    }

    /** Tells each token its place; the embedding is named as if it stood in the encoder itself. */
    private record Positioned(Layer encoder) implements Layer {
        @Override
        public Value build(Context context, Value x) {
            return encoder.build(context, positionEmbedding().build(context, x));
        }
    }

    private static Layer rows(Layer layer) {
        return new Rows(layer);
    }

    /** Each token is a sample of its own for {@code layer}: (N, tokens, features) as (N·tokens, features), and back. */
    private record Rows(Layer layer) implements Layer {
        @Override
        public Value build(Context context, Value x) {
            Shape s = x.shape();
            Value flat = context.add(new Op.Reshape(Shape.of(s.dim(0) * s.dim(1), s.dim(2))), x);
            Value y = layer.build(context, flat);
            return context.add(new Op.Reshape(s.with(2, y.shape().dim(1))), y);
        }
    }
}
