package dev.ondine.nn;

import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Convolution over one, two or three spatial axes; made by {@link Layers#conv1d}, {@link Layers#conv2d} and {@link Layers#conv3d}.
 *
 * <p>Input (N, {@code in}, space…), output (N, {@code out}, ⌊(size + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1 …).
 * Parameters: {@code weight} (out, in/groups, kernel…) and {@code bias} (out).
 *
 * @param kernel extent of the kernel along each spatial axis; its length is the number of spatial axes
 * @param stride default 1
 * @param padding zeros on both sides of each axis; default 0
 * @param dilation distance of kernel elements; default 1
 * @param groups default 1; {@code in} for a depthwise convolution
 * @param bias default true; superfluous before batch normalization
 * @param start how the weights begin; default as in PyTorch, uniform in ±1/√(fan in)
 * @param biasStart how the bias begins; default likewise, with the weights' fan in
 */
public record Conv(
        int in,
        int out,
        List<Integer> kernel,
        List<Integer> stride,
        List<Integer> padding,
        List<Integer> dilation,
        int groups,
        boolean bias,
        Optional<Initializer> start,
        Optional<Initializer> biasStart)
        implements Layer {

    /** Checks its components; an exception says which is wrong, and what it may be. */
    public Conv {
        requireChannels("a convolution", in, out, groups, kernel);
        kernel = List.copyOf(kernel);
        stride = List.copyOf(stride);
        padding = List.copyOf(padding);
        dilation = List.copyOf(dilation);
    }

    Conv(int spatial, int in, int out, int kernel) {
        this(
                in,
                out,
                all(spatial, kernel),
                all(spatial, 1),
                all(spatial, 0),
                all(spatial, 1),
                1,
                true,
                Optional.empty(),
                Optional.empty());
    }

    /** One number for all axes, or one an axis. */
    public Conv stride(int... stride) {
        return new Conv(in, out, kernel, each(stride), padding, dilation, groups, bias, start, biasStart);
    }

    /** One number for all axes, or one an axis. */
    public Conv padding(int... padding) {
        return new Conv(in, out, kernel, stride, each(padding), dilation, groups, bias, start, biasStart);
    }

    /** One number for all axes, or one an axis. */
    public Conv dilation(int... dilation) {
        return new Conv(in, out, kernel, stride, padding, each(dilation), groups, bias, start, biasStart);
    }

    /** One number an axis. */
    public Conv kernel(int... kernel) {
        return new Conv(in, out, each(kernel), stride, padding, dilation, groups, bias, start, biasStart);
    }

    /**
     * Cuts the channels into so many groups, each of which is convolved by itself; both numbers of channels must be
     * multiples of it.
     */
    public Conv groups(int groups) {
        return new Conv(in, out, kernel, stride, padding, dilation, groups, bias, start, biasStart);
    }

    /** With or without a bias; before batch normalization it would have no effect. */
    public Conv bias(boolean bias) {
        return new Conv(in, out, kernel, stride, padding, dilation, groups, bias, start, biasStart);
    }

    /** The weights begin with this. */
    public Conv start(Initializer start) {
        return new Conv(in, out, kernel, stride, padding, dilation, groups, bias, Optional.of(start), biasStart);
    }

    /** The bias begins with this. */
    public Conv biasStart(Initializer biasStart) {
        return new Conv(in, out, kernel, stride, padding, dilation, groups, bias, start, Optional.of(biasStart));
    }

    /** The weights begin as in ResNets, normal with deviation √(2/fan out). */
    public Conv withKaiming() {
        return start(Initializer.kaimingFanOut());
    }

    @Override
    public Value build(Context context, Value x) {
        Shape shape = weight(out, in / groups, kernel);
        Initializer fanIn = Initializer.fanIn(shape.elements(1, shape.rank()));
        Value weight = context.parameter("weight", shape, start.orElse(fanIn));
        Op.Convolution op = new Op.Convolution(stride, padding, padding, dilation, groups, bias);
        return bias
                ? context.add(op, x, weight, context.parameter("bias", Shape.of(out), biasStart.orElse(fanIn)))
                : context.add(op, x, weight);
    }

    static void requireChannels(String what, int in, int out, int groups, List<Integer> kernel) {
        if (in < 1 || out < 1) {
            throw new IllegalArgumentException(what + " has at least one channel, not " + in + " to " + out);
        }
        if (groups < 1 || in % groups != 0 || out % groups != 0) {
            throw new IllegalArgumentException(
                    "groups = " + groups + " must divide both channel counts, " + in + " and " + out);
        }
        for (int k : kernel) {
            if (k < 1) throw new IllegalArgumentException("kernel " + kernel + " must be at least 1");
        }
    }

    static Shape weight(int first, int second, List<Integer> kernel) {
        long[] dims = new long[2 + kernel.size()];
        dims[0] = first;
        dims[1] = second;
        for (int i = 0; i < kernel.size(); i++) dims[2 + i] = kernel.get(i);
        return Shape.of(dims);
    }

    private List<Integer> each(int[] values) {
        return each(values, kernel.size());
    }

    static List<Integer> each(int[] values, int spatial) {
        if (values.length == 1) return all(spatial, values[0]);
        if (values.length != spatial) {
            throw new IllegalArgumentException(
                    "one number or " + spatial + " are needed, one a spatial axis, not " + values.length);
        }
        List<Integer> list = new ArrayList<>();
        for (int v : values) list.add(v);
        return list;
    }

    static List<Integer> all(int spatial, int value) {
        return java.util.Collections.nCopies(spatial, value);
    }
}
