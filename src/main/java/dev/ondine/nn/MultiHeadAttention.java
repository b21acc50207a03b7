package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.List;

/**
 * Multi-head self-attention (Vaswani et al. 2017) over tokens: each head takes {@code softmax(q·kᵀ/√d)·v}, d = features/heads, and the
 * heads' results, side by side, pass through a linear layer. Input and output (N, tokens, features).
 *
 * <p>Parameters as in PyTorch's {@code MultiheadAttention}: {@code in_proj_weight} (3·features, features), the projections to q, k and v
 * below each other, uniform in ±√(6/(4·features)) at first; {@code in_proj_bias} (3·features), zero; {@code out_proj.weight} (features,
 * features), uniform in ±1/√features; {@code out_proj.bias}, zero.
 *
 * @param heads divides {@code features}
 * @param bias default true
 * @param dropout the probability with which a weight of the attention becomes zero in training; default 0
 */
public record MultiHeadAttention(int features, int heads, boolean bias, float dropout) implements Layer {
    /** Checks its components; an exception says which is wrong, and what it may be. */
    public MultiHeadAttention {
        if (features < 1 || heads < 1 || features % heads != 0) {
            throw new IllegalArgumentException(
                    "the features, " + features + ", must be a multiple of the heads, " + heads);
        }
        if (!(dropout >= 0 && dropout <= 1)) {
            throw new IllegalArgumentException("the probability of dropout must lie in [0, 1], not " + dropout);
        }
    }

    MultiHeadAttention(int features, int heads) {
        this(features, heads, true, 0);
    }

    /** With or without biases of the four projections. */
    public MultiHeadAttention bias(boolean bias) {
        return new MultiHeadAttention(features, heads, bias, dropout);
    }

    /** Leaves attention weights out with this probability while training. */
    public MultiHeadAttention dropout(double probability) {
        return new MultiHeadAttention(features, heads, bias, (float) probability);
    }

    @Override
    public Value build(Context context, Value x) {
        Shape shape = x.shape();
        if (shape.rank() != 3 || shape.dim(2) != features) {
            throw new IllegalArgumentException(
                    "attention takes (batch, tokens, " + features + " features), not " + shape);
        }
        Value rows = context.add(new Op.Reshape(Shape.of(shape.dim(0) * shape.dim(1), features)), x);
        Initializer projection = new Initializer.Uniform(Math.sqrt(6.0 / (4.0 * features)));
        Value all = linear(context, rows, "in_proj_weight", "in_proj_bias", 3 * features, projection);
        Value together = context.add(new Op.Reshape(shape.with(2, 3L * features)), all);
        Value q = head(context, together, 0);
        Value k = head(context, together, 1);
        Value v = head(context, together, 2);
        float scale = (float) (1 / Math.sqrt((double) features / heads));
        Value scores = context.add(new Op.MatMul(false, true, scale), q, k);
        Value weights = context.add(new Op.Softmax(3, false), scores);
        weights = new Dropout(dropout).build(context, weights);
        Value mixed = context.add(new Op.MatMul(false, false, 1), weights, v);
        Value tokens = context.add(new Op.Transpose(HEADS_BEHIND), mixed);
        Value joined = context.add(new Op.Reshape(rows.shape()), tokens);
        Value y = context.child("out_proj", this::outProjection, joined);
        return context.add(new Op.Reshape(shape), y);
    }

    /** From (N, tokens, heads, d) to (N, heads, tokens, d), and back. */
    private static final List<Integer> HEADS_BEHIND = List.of(0, 2, 1, 3);

    /** The part of q, k and v that is called for, as (N, heads, tokens, d). */
    private Value head(Context context, Value together, int part) {
        Value own = context.add(new Op.Slice(2, (long) part * features, features), together);
        Shape s = own.shape();
        Shape split = Shape.of(s.dim(0), s.dim(1), heads, features / heads);
        return context.add(new Op.Transpose(HEADS_BEHIND), context.add(new Op.Reshape(split), own));
    }

    private Value outProjection(Context context, Value rows) {
        return linear(context, rows, "weight", "bias", features, Initializer.fanIn(features));
    }

    private Value linear(
            Context context, Value x, String weightName, String biasName, int out, Initializer initializer) {
        Value weight = context.parameter(weightName, Shape.of(out, features), initializer);
        if (!bias) return context.add(new Op.Linear(false), x, weight);
        Value b = context.parameter(biasName, Shape.of(out), new Initializer.Constant(0));
        return context.add(new Op.Linear(true), x, weight, b);
    }
}
