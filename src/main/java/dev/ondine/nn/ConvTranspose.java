package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.List;
import java.util.Optional;

/**
 * Transposed convolution over one, two or three spatial axes, for decoders; made by {@link Layers#convTranspose1d},
 * {@link Layers#convTranspose2d} and {@link Layers#convTranspose3d}.
 *
 * <p>Input (N, {@code in}, space…), output (N, {@code out}, (size − 1)·stride − 2·padding + dilation·(kernel − 1) + outputPadding + 1
 * …): kernel 4, stride 2 and padding 1 double a size. Parameters: {@code weight} (in, out/groups, kernel…) and {@code bias} (out).
 *
 * @param kernel extent of the kernel along each spatial axis; its length is the number of spatial axes
 * @param stride how far apart the kernels of two neighbouring elements lie in the output; default 1
 * @param padding elements that are cut off on both sides of each axis; default 0
 * @param outputPadding elements added at the end of each axis, where several output sizes belong to one input size; less than
 *     stride + padding; default 0
 * @param dilation distance of kernel elements; default 1
 * @param groups default 1
 * @param bias default true; superfluous before batch normalization
 * @param start how the weights begin; default as in PyTorch, uniform in ±1/√(out/groups·kernel…)
 * @param biasStart how the bias begins; default likewise
 */
public record ConvTranspose(
        int in,
        int out,
        List<Integer> kernel,
        List<Integer> stride,
        List<Integer> padding,
        List<Integer> outputPadding,
        List<Integer> dilation,
        int groups,
        boolean bias,
        Optional<Initializer> start,
        Optional<Initializer> biasStart)
        implements Layer {

    /** Checks its components; an exception says which is wrong, and what it may be. */
    public ConvTranspose {
        Conv.requireChannels("a transposed convolution", in, out, groups, kernel);
        kernel = List.copyOf(kernel);
        stride = List.copyOf(stride);
        padding = List.copyOf(padding);
        outputPadding = List.copyOf(outputPadding);
        dilation = List.copyOf(dilation);
    }

    ConvTranspose(int spatial, int in, int out, int kernel) {
        this(
                in,
                out,
                Conv.all(spatial, kernel),
                Conv.all(spatial, 1),
                Conv.all(spatial, 0),
                Conv.all(spatial, 0),
                Conv.all(spatial, 1),
                1,
                true,
                Optional.empty(),
                Optional.empty());
    }

    /** One number for all axes, or one an axis. */
    public ConvTranspose stride(int... stride) {
        return new ConvTranspose(
                in, out, kernel, each(stride), padding, outputPadding, dilation, groups, bias, start, biasStart);
    }

    /** One number for all axes, or one an axis. */
    public ConvTranspose padding(int... padding) {
        return new ConvTranspose(
                in, out, kernel, stride, each(padding), outputPadding, dilation, groups, bias, start, biasStart);
    }

    /** One number for all axes, or one an axis. */
    public ConvTranspose outputPadding(int... outputPadding) {
        return new ConvTranspose(
                in, out, kernel, stride, padding, each(outputPadding), dilation, groups, bias, start, biasStart);
    }

    /** One number for all axes, or one an axis. */
    public ConvTranspose dilation(int... dilation) {
        return new ConvTranspose(
                in, out, kernel, stride, padding, outputPadding, each(dilation), groups, bias, start, biasStart);
    }

    /** One number an axis. */
    public ConvTranspose kernel(int... kernel) {
        return new ConvTranspose(
                in, out, each(kernel), stride, padding, outputPadding, dilation, groups, bias, start, biasStart);
    }

    /**
     * Cuts the channels into so many groups, each of which is computed by itself; both numbers of channels must be
     * multiples of it.
     */
    public ConvTranspose groups(int groups) {
        return new ConvTranspose(
                in, out, kernel, stride, padding, outputPadding, dilation, groups, bias, start, biasStart);
    }

    /** With or without a bias; before batch normalization it would have no effect. */
    public ConvTranspose bias(boolean bias) {
        return new ConvTranspose(
                in, out, kernel, stride, padding, outputPadding, dilation, groups, bias, start, biasStart);
    }

    /** The weights begin with this. */
    public ConvTranspose start(Initializer start) {
        return new ConvTranspose(
                in, out, kernel, stride, padding, outputPadding, dilation, groups, bias, Optional.of(start), biasStart);
    }

    /** The bias begins with this. */
    public ConvTranspose biasStart(Initializer biasStart) {
        return new ConvTranspose(
                in, out, kernel, stride, padding, outputPadding, dilation, groups, bias, start, Optional.of(biasStart));
    }

    @Override
    public Value build(Context context, Value x) {
        Shape shape = Conv.weight(in, out / groups, kernel);
        Initializer fanIn = Initializer.fanIn(shape.elements(1, shape.rank()));
        Value weight = context.parameter("weight", shape, start.orElse(fanIn));
        Op op = new Op.TransposedConvolution(stride, padding, padding, outputPadding, dilation, groups, bias);
        return bias
                ? context.add(op, x, weight, context.parameter("bias", Shape.of(out), biasStart.orElse(fanIn)))
                : context.add(op, x, weight);
    }

    private List<Integer> each(int[] values) {
        return Conv.each(values, kernel.size());
    }
}
