package dev.ondine.train;

import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.BinaryKind;
import dev.ondine.graph.Broadcasting;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.UnaryKind;
import dev.ondine.graph.Value;
import dev.ondine.nn.Activation;
import dev.ondine.nn.BatchNorm;
import dev.ondine.nn.Conv;
import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Linear;
import dev.ondine.nn.Pad;
import dev.ondine.nn.Pool;
import dev.ondine.nn.Softmax;
import dev.ondine.nn.Upsample;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** The layer that each golden case is about, and how exactly it must come out. */
final class GoldenCases {
    /** Operations that Ondine does not have; their files are skipped, and their appearance would fail the test that lists them. */
    static final Set<String> MISSING = Set.of();

    /**
     * @param layer built for the case's {@code input}; its parameters are called as the case's tensors
     * @param training whether batch normalization uses the statistics of the batch
     */
    record Case(Layer layer, boolean training, double tolerance, double gradientTolerance) {}

    private GoldenCases() {}

    /** The case of a file, or nothing if it is not about a layer. */
    static Optional<Case> of(GoldenFile f) {
        return Optional.ofNullable(
                switch (f.text("op")) {
                    case "convolution" -> convolution(f);
                    case "conv_transpose" -> transposedConvolution(f);
                    case "linear" -> linear(f);
                    case "matmul" -> matMul(f);
                    case "attention" -> attention(f);
                    case "upsample" -> upsample(f);
                    case "pad" -> pad(f);
                    case "pixel_shuffle" -> moved(Layers.pixelShuffle(f.integer("factor", 1)));
                    case "pixel_unshuffle" -> moved(Layers.pixelUnshuffle(f.integer("factor", 1)));
                    case "prelu" -> prelu(f);
                    case "adaptive_pool" -> adaptivePool(f);
                    case "squeeze_excite" -> squeezeExcite(f);
                    case "binary" -> binary(f, new Op.Binary(BinaryKind.valueOf(kind(f))));
                    case "divided_by" -> dividedBy(f);
                    case "unary" -> unary(f);
                    case "mean" -> mean(f);
                    case "expand" -> expand(f);
                    case "batch_norm" -> batchNorm(f);
                    case "ghost" -> ghost(f);
                    case "batch_norm_relu", "batch_norm_add_relu" -> batchNormRelu(f);
                    case "layer_norm", "group_norm", "instance_norm" -> normOfSamples(f);
                    case "pool" -> pool(f);
                    case "activation" -> activation(f);
                    case "softmax", "log_softmax" -> softmax(f);
                    case "add" -> binary(f, new Op.Add(false));
                    case "mul" -> binary(f, new Op.Multiply());
                    case "concat" -> binary(f, new Op.Concat(f.integer("axis", 1)));
                    default -> null;
                });
    }

    private static Case convolution(GoldenFile f) {
        Shape w = f.get("weight").shape();
        int spatial = f.integer("spatial_dims", 2);
        int groups = f.integer("groups", 1);
        int[] kernel = new int[spatial];
        for (int i = 0; i < spatial; i++) kernel[i] = (int) w.dim(2 + i);
        Conv conv = switch (spatial) {
            case 1 -> Layers.conv1d((int) w.dim(1) * groups, (int) w.dim(0), 1);
            case 2 -> Layers.conv2d((int) w.dim(1) * groups, (int) w.dim(0), 1);
            default -> Layers.conv3d((int) w.dim(1) * groups, (int) w.dim(0), 1);
        };
        Layer layer = conv.kernel(kernel)
                .stride(f.integer("stride", 1))
                .padding(f.integer("padding", 0))
                .dilation(f.integer("dilation", 1))
                .groups(groups)
                .bias(f.has("bias"));
        Shape y = f.get("output").shape();
        double window = w.elements(1, w.rank());
        double positions = Math.max(window, (double) y.elements() / y.dim(1));
        return new Case(layer, true, Tolerances.sum(window), Tolerances.sum(positions));
    }

    private static Case transposedConvolution(GoldenFile f) {
        Shape w = f.get("weight").shape();
        int groups = f.integer("groups", 1);
        Layer layer = Layers.convTranspose2d((int) w.dim(0), (int) w.dim(1) * groups, (int) w.dim(2))
                .stride(f.integer("stride", 1))
                .padding(f.integer("padding", 0))
                .outputPadding(f.integer("output_padding", 0))
                .dilation(f.integer("dilation", 1))
                .groups(groups)
                .bias(f.has("bias"));
        Shape x = f.get("input").shape();
        Shape y = f.get("output").shape();
        double kernel = w.elements(2, w.rank());
        double places = Math.max((double) x.elements() / x.dim(1), (double) y.elements() / y.dim(1));
        return new Case(
                layer,
                true,
                Tolerances.sum((double) w.dim(0) / groups * kernel),
                Tolerances.sum(Math.max(w.dim(1) * kernel, places)));
    }

    private static Case linear(GoldenFile f) {
        Shape w = f.get("weight").shape();
        return new Case(
                new Linear((int) w.dim(1), (int) w.dim(0), f.has("bias")),
                true,
                Tolerances.sum(w.dim(1)),
                Tolerances.sum(Math.max(w.dim(0), f.get("input").shape().dim(0))));
    }

    private static Case matMul(GoldenFile f) {
        Case c = binary(f, new Op.MatMul(false, false, 1));
        Shape a = f.get("input").shape();
        Shape b = f.get("other").shape();
        return new Case(c.layer(), true, Tolerances.sum(a.dim(-1)), Tolerances.sum(Math.max(a.dim(-2), b.dim(-1))));
    }

    private static Case attention(GoldenFile f) {
        Shape x = f.get("input").shape();
        int features = (int) x.dim(2);
        Layer layer = Layers.multiHeadAttention(features, f.integer("heads", 1)).bias(f.flag("bias"));
        // Four products one after another; the gradient of a projection sums over all tokens.
        double tolerance = 4 * Tolerances.sum(3.0 * features) + Tolerances.TRANSCENDENTAL;
        return new Case(layer, true, tolerance, tolerance + Tolerances.sum(x.elements()));
    }

    private static Case upsample(GoldenFile f) {
        boolean nearest = f.text("mode").equals("nearest");
        Upsample layer = nearest ? Layers.upsampleNearest(1) : Layers.upsampleLinear(1);
        layer = f.text("size") == null ? layer.scale(f.integer("scale", 1)) : layer.size(f.integers("size"));
        // Eight neighbours at most; a gradient sums over what was made of an element, at most 64 times as much.
        return new Case(
                layer.alignCorners(f.flag("align_corners")),
                true,
                nearest ? Tolerances.EXACT : Tolerances.sum(8),
                Tolerances.sum(64));
    }

    private static Case pad(GoldenFile f) {
        int spatial = f.get("input").shape().rank() - 2;
        Pad pad = switch (f.text("mode")) {
            case "zero" ->
                spatial == 1 ? Layers.zeroPad1d(0) : spatial == 2 ? Layers.zeroPad2d(0) : Layers.zeroPad3d(0);
            case "constant" -> {
                double value = f.number("value", 0);
                yield spatial == 1
                        ? Layers.constantPad1d(0, value)
                        : spatial == 2 ? Layers.constantPad2d(0, value) : Layers.constantPad3d(0, value);
            }
            case "reflection" ->
                spatial == 1
                        ? Layers.reflectionPad1d(0)
                        : spatial == 2 ? Layers.reflectionPad2d(0) : Layers.reflectionPad3d(0);
            default ->
                spatial == 1
                        ? Layers.replicationPad1d(0)
                        : spatial == 2 ? Layers.replicationPad2d(0) : Layers.replicationPad3d(0);
        };
        Layer layer = pad.begin(f.integers("begin")).end(f.integers("end"));
        // An element comes up as often as it was copied.
        return new Case(layer, true, Tolerances.EXACT, Tolerances.sum(64));
    }

    private static String kind(GoldenFile f) {
        return f.text("kind").toUpperCase(Locale.ROOT);
    }

    private static Case dividedBy(GoldenFile f) {
        Layer layer = (context, x) ->
                context.add(new Op.Binary(BinaryKind.DIVIDE), second(context.graph(), f, "other", x), x);
        return new Case(layer, true, Tolerances.EXACT, Tolerances.sum(4));
    }

    private static Case unary(GoldenFile f) {
        UnaryKind kind = UnaryKind.valueOf(kind(f));
        var op = new Op.Unary(kind, (float) f.number("alpha", 0), (float) f.number("beta", 0));
        boolean exact = kind == UnaryKind.ABSOLUTE || kind == UnaryKind.CLIP;
        double tolerance = exact
                ? Tolerances.EXACT
                : kind == UnaryKind.LOGARITHM ? Tolerances.LOGARITHM : Tolerances.TRANSCENDENTAL;
        return new Case((context, x) -> context.add(op, x), true, tolerance, tolerance);
    }

    private static Case mean(GoldenFile f) {
        Layer layer = (context, x) -> Broadcasting.mean(context.graph(), x, f.flag("keep"), f.integers("axes"));
        return new Case(layer, true, Tolerances.sum(16), Tolerances.sum(1));
    }

    private static Case expand(GoldenFile f) {
        long[] dims = Arrays.stream(f.integers("shape")).mapToLong(n -> n).toArray();
        Layer layer = (context, x) -> Broadcasting.expand(context.graph(), x, Shape.of(dims));
        return new Case(layer, true, Tolerances.EXACT, Tolerances.sum(15));
    }

    private static Case moved(Layer layer) {
        return new Case(layer, true, Tolerances.EXACT, Tolerances.EXACT);
    }

    private static Case prelu(GoldenFile f) {
        Shape x = f.get("input").shape();
        return new Case(Layers.prelu(f.integer("slopes", 1)), true, Tolerances.EXACT, Tolerances.sum(x.elements()));
    }

    private static Case adaptivePool(GoldenFile f) {
        int[] size = f.integers("size");
        boolean max = f.text("kind").equals("max");
        return new Case(
                max ? Layers.adaptiveMaxPool(size) : Layers.adaptiveAvgPool(size),
                true,
                max ? Tolerances.EXACT : Tolerances.sum(16),
                Tolerances.sum(16));
    }

    private static Case squeezeExcite(GoldenFile f) {
        Shape x = f.get("input").shape();
        Layer layer = Layers.squeezeExcite((int) x.dim(1), f.integer("squeezed", 1));
        double tolerance = Tolerances.TRANSCENDENTAL + 2 * Tolerances.sum(x.dim(1)) + Tolerances.sum(x.elements(2, 4));
        return new Case(layer, true, tolerance, tolerance + Tolerances.sum(x.elements()));
    }

    static BatchNorm batchNormLayer(Shape input, GoldenFile f) {
        int features = (int) input.dim(1);
        BatchNorm norm = switch (input.rank()) {
            case 4 -> Layers.batchNorm2d(features);
            case 5 -> Layers.batchNorm3d(features);
            default -> Layers.batchNorm1d(features);
        };
        norm = norm.epsilon(f.number("eps", 1e-5)).affine(f.has("weight"));
        return "none".equals(f.text("momentum")) ? norm.cumulative() : norm.momentum(f.number("momentum", 0.1));
    }

    private static Case batchNorm(GoldenFile f) {
        Tensor x = f.get("input");
        Shape s = x.shape();
        double n = (double) s.elements() / s.dim(1);
        double tolerance = Tolerances.normalized(n, meanOverDeviation(x));
        return new Case(
                batchNormLayer(s, f), f.flag("training"), tolerance, Math.max(tolerance, Tolerances.cancelling(n)));
    }

    private static Case ghost(GoldenFile f) {
        Tensor x = f.get("input");
        double n = (double) f.integer("ghost", 0)
                * x.shape().elements()
                / x.shape().dim(0)
                / x.shape().dim(1);
        // Few values may have a deviation that is small beside their mean; so may each part's, whose worst is not
        // known.
        double tolerance = Tolerances.normalized(n, 8 * Math.max(1, meanOverDeviation(x)));
        Layer layer = batchNormLayer(x.shape(), f).ghost(f.integer("ghost", 0));
        return new Case(layer, true, tolerance, tolerance);
    }

    /** The largest |mean|/deviation of a channel. */
    private static double meanOverDeviation(Tensor x) {
        double[] values = x.toDoubleArray();
        int channels = (int) x.shape().dim(1);
        int space = (int) x.shape().elements(2, x.shape().rank());
        double worst = 0;
        for (int c = 0; c < channels; c++) {
            double sum = 0;
            double squares = 0;
            int n = 0;
            for (int i = 0; i < values.length; i++) {
                if (i / space % channels != c) continue;
                sum += values[i];
                n++;
            }
            for (int i = 0; i < values.length; i++) {
                if (i / space % channels == c) squares += (values[i] - sum / n) * (values[i] - sum / n);
            }
            worst = Math.max(worst, Math.abs(sum / n) / Math.sqrt(squares / n));
        }
        return worst;
    }

    private static Case batchNormRelu(GoldenFile f) {
        BatchNorm norm = batchNormLayer(f.get("input").shape(), f);
        Layer layer = (context, x) -> {
            Value y = norm.build(context, x);
            if (f.has("residual")) y = context.add(new Op.Add(false), y, second(context.graph(), f, "residual", x));
            return context.add(new Op.Activation(ActivationKind.RELU, 0), y);
        };
        double n = (double) f.get("input").shape().elements()
                / f.get("input").shape().dim(1);
        return new Case(layer, true, Tolerances.normalized(n, 1), Tolerances.cancelling(n));
    }

    private static Case normOfSamples(GoldenFile f) {
        Shape x = f.get("input").shape();
        Shape w = f.get("weight").shape();
        int features = (int) w.dim(0);
        double epsilon = f.number("eps", 1e-5);
        double row = switch (f.text("op")) {
            case "layer_norm" -> w.elements();
            case "group_norm" -> (double) x.elements() / x.dim(0) / f.integer("groups", 1);
            default -> x.elements(2, x.rank());
        };
        Layer layer = switch (f.text("op")) {
            case "layer_norm" -> Layers.layerNorm(features).epsilon(epsilon);
            case "group_norm" ->
                Layers.groupNorm(f.integer("groups", 1), features).epsilon(epsilon);
            default -> Layers.instanceNorm2d(features).epsilon(epsilon).affine(true);
        };
        // γ and β are summed over everything that one of their elements is used for.
        double summed = Math.max(row, (double) x.elements() / w.elements());
        return new Case(layer, true, Tolerances.normalized(row, 1), Tolerances.cancelling(summed));
    }

    /** A second operand. A model is also built for batches of other sizes than the case's, so that its batch follows that of x. */
    private static Value second(GraphBuilder graph, GoldenFile f, String name, Value x) {
        Shape shape = f.get(name).shape();
        boolean batched = shape.dim(0) == f.get("input").shape().dim(0);
        return graph.input(
                name, DataType.FLOAT32, batched ? shape.with(0, x.shape().dim(0)) : shape);
    }

    private static Case pool(GoldenFile f) {
        Layer layer;
        double tolerance = Tolerances.sum(1);
        if (f.text("kind").equals("global_avg")) {
            layer = Layers.globalAvgPool();
            tolerance = Tolerances.sum(
                    f.get("input").shape().elements(2, f.get("input").shape().rank()));
        } else {
            Pool pool = f.text("kind").equals("max")
                    ? Layers.maxPool2d(f.integer("kernel", 2))
                    : Layers.avgPool2d(f.integer("kernel", 2));
            layer = pool.stride(f.integer("stride", 2))
                    .padding(f.integer("padding", 0))
                    .ceilMode(f.flag("ceil_mode"))
                    .countIncludePad(!"False".equals(f.text("count_include_pad")));
            if (f.text("kind").equals("avg"))
                tolerance = Tolerances.sum(f.integer("kernel", 2) * f.integer("kernel", 2));
        }
        // A maximum is copied; its gradient is a sum over the windows that share it.
        boolean max = f.text("kind").equals("max");
        return new Case(layer, true, max ? Tolerances.EXACT : tolerance, Math.max(tolerance, Tolerances.sum(4)));
    }

    private static Case activation(GoldenFile f) {
        ActivationKind kind = switch (f.text("kind")) {
            case "gelu_erf" -> ActivationKind.GELU;
            case "hardswish" -> ActivationKind.HARD_SWISH;
            case "hardsigmoid" -> ActivationKind.HARD_SIGMOID;
            default -> ActivationKind.valueOf(f.text("kind").toUpperCase(Locale.ROOT));
        };
        boolean exact =
                kind == ActivationKind.RELU || kind == ActivationKind.RELU6 || kind == ActivationKind.LEAKY_RELU;
        double tolerance = exact ? Tolerances.EXACT : Tolerances.TRANSCENDENTAL;
        return new Case(new Activation(kind, (float) f.number("alpha", 1)), true, tolerance, tolerance);
    }

    private static Case softmax(GoldenFile f) {
        Layer layer = new Softmax(f.integer("axis", 1), f.text("op").equals("log_softmax"));
        return new Case(layer, true, Tolerances.TRANSCENDENTAL, Tolerances.TRANSCENDENTAL);
    }

    private static Case binary(GoldenFile f, Op op) {
        Layer layer = (context, x) -> context.add(op, x, second(context.graph(), f, "other", x));
        // The gradient of a broadcast operand is a sum over the positions it was broadcast to.
        return new Case(layer, true, Tolerances.EXACT, Tolerances.sum(16));
    }
}
