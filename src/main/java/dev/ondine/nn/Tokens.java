package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.List;

/** What a transformer does around its attention: images become tokens, (N, tokens, features), and tokens one vector. */
public final class Tokens {
    private Tokens() {}

    /** Each place of an image becomes a token: (N, C, space…) to (N, places, C). */
    public record FromImage() implements Layer {
        @Override
        public Value build(Context context, Value x) {
            Shape s = x.shape();
            if (s.rank() < 3)
                throw new IllegalArgumentException("tokens are made of (batch, channels, space…), not " + s);
            Value flat = context.add(new Op.Reshape(Shape.of(s.dim(0), s.dim(1), s.elements(2, s.rank()))), x);
            return context.add(new Op.Transpose(List.of(0, 2, 1)), flat);
        }
    }

    /**
     * Adds a learned number to each element of a sample, the same for all samples: how a transformer knows the tokens' places
     * (Dosovitskiy et al. 2021). Any shape. Its parameter, normal with deviation 0.02 at first, has the shape of one sample behind a 1.
     *
     * @param name of the parameter; default torchvision's {@code pos_embedding}
     */
    public record PositionEmbedding(String name) implements Layer {
        /** With another name of its parameter. */
        public PositionEmbedding name(String name) {
            return new PositionEmbedding(name);
        }

        @Override
        public Value build(Context context, Value x) {
            Shape one = x.shape().with(0, 1);
            return context.add(new Op.Add(false), x, context.parameter(name, one, new Initializer.Normal(0.02)));
        }
    }

    /**
     * Puts a learned token before the others, whose output {@link Pick} takes as the whole image's: (N, tokens, features) to (N, tokens +
     * 1, features). Its parameter has the shape (1, 1, features) and is zero at first.
     *
     * @param name of the parameter; default torchvision's {@code class_token}
     */
    public record ClassToken(String name) implements Layer {
        /** With another name of its parameter. */
        public ClassToken name(String name) {
            return new ClassToken(name);
        }

        @Override
        public Value build(Context context, Value x) {
            requireTokens(x);
            Shape one = Shape.of(1, 1, x.shape().dim(2));
            Value token = context.parameter(name, one, new Initializer.Constant(0));
            Value each = context.add(new Op.Expand(x.shape().with(1, 1)), token);
            return context.add(new Op.Concat(1), each, x);
        }
    }

    /** One of the tokens: (N, tokens, features) to (N, features). */
    public record Pick(int token) implements Layer {
        @Override
        public Value build(Context context, Value x) {
            requireTokens(x);
            Value one = context.add(new Op.Slice(1, token, 1), x);
            return context.add(
                    new Op.Reshape(Shape.of(x.shape().dim(0), x.shape().dim(2))), one);
        }
    }

    /** The mean of all tokens: (N, tokens, features) to (N, features). */
    public record Mean() implements Layer {
        @Override
        public Value build(Context context, Value x) {
            requireTokens(x);
            long tokens = x.shape().dim(1);
            // A product with a row of equal numbers: a sum over an axis in the middle has no kernel of its own.
            Value row = context.add(new Op.Fill(1f / tokens, Shape.of(1, 1, tokens)));
            Value mean = context.add(new Op.MatMul(false, false, 1), row, x);
            return context.add(
                    new Op.Reshape(Shape.of(x.shape().dim(0), x.shape().dim(2))), mean);
        }
    }

    private static void requireTokens(Value x) {
        if (x.shape().rank() != 3) {
            throw new IllegalArgumentException("this layer takes (batch, tokens, features), not " + x.shape());
        }
    }
}
