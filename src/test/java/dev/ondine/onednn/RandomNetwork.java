package dev.ondine.onednn;

import dev.ondine.backend.Plan;
import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.AxisMatrix;
import dev.ondine.graph.BinaryKind;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;

/** A network of some dozen operations on values of a few shapes, read once, often or never; the same for the same seed. */
final class RandomNetwork {
    private static final int OPERATIONS = 12;
    private static final long[] CHANNELS = {1, 3, 8, 16, 17};

    /** Images grow no larger than this on a side: the reference is slow. */
    private static final long LARGEST = 10;

    private final SplittableRandom random;
    private final GraphBuilder builder = new GraphBuilder();
    private final List<Value> values = new ArrayList<>();
    private int names;

    RandomNetwork(long seed) {
        random = new SplittableRandom(seed);
    }

    Graph graph() {
        long n = 1L + random.nextInt(3);
        Shape x = Shape.of(n, channels(), 3 + random.nextInt(5), 3 + random.nextInt(5));
        values.add(builder.input("x", DataType.FLOAT32, x));
        while (values.size() <= OPERATIONS) grow();
        Value sum = null;
        for (int i = values.size() - 1; i > 0; i -= 1 + random.nextInt(4)) {
            // The loss is made of several, so that gradients meet on their way.
            Value v = values.get(i);
            long[] ones = new long[v.shape().rank()];
            Arrays.fill(ones, 1);
            Value dy = builder.input("dy" + i, DataType.FLOAT32, v.shape());
            Value term = builder.add(
                    new Op.Reshape(Shape.of()),
                    builder.add(new Op.ReduceSum(Shape.of(ones)), builder.add(new Op.Multiply(), v, dy)));
            sum = sum == null ? term : builder.add(new Op.Add(false), sum, term);
            if (random.nextInt(3) == 0) builder.output("y" + i, v);
        }
        builder.output("loss", sum);
        return builder.build();
    }

    /** Random numbers in everything that the caller gives. */
    void fill(Plan plan) {
        SplittableRandom numbers = new SplittableRandom(1);
        for (Value v : plan.graph().inputs()) fill(plan.input(v.name()), -1, numbers);
        for (Value v : plan.graph().buffers()) {
            fill(plan.buffer(v.name()), v.name().startsWith("variance") ? 0.5 : -1, numbers);
        }
        List<Value> parameters = plan.graph().parameters();
        for (int p = 0; p < parameters.size(); p++) {
            try (Tensor tensor =
                    Tensor.allocate(DataType.FLOAT32, parameters.get(p).shape())) {
                fill(tensor, -1, numbers);
                plan.pack(p, tensor.segment(), plan.weights());
            }
        }
    }

    private static void fill(Tensor tensor, double least, SplittableRandom numbers) {
        for (long i = 0; i < tensor.elements(); i++) tensor.setFloatAt(i, (float) numbers.nextDouble(least, 1));
    }

    private long channels() {
        return CHANNELS[random.nextInt(CHANNELS.length)];
    }

    /** A value that is there, more often than not the newest. */
    private Value any() {
        return random.nextBoolean() ? values.getLast() : values.get(random.nextInt(values.size()));
    }

    private Value parameter(String kind, Shape shape) {
        return builder.parameter(kind + names++, shape);
    }

    private void grow() {
        Value v = any();
        Value made = switch (random.nextInt(20)) {
            case 0, 1, 2 -> convolution(v);
            case 3 -> transposed(v);
            case 4, 5 -> batchNormalization(v);
            case 6 -> activation(v, ActivationKind.RELU);
            case 7 -> activation(v, ActivationKind.values()[random.nextInt(ActivationKind.values().length)]);
            case 8, 9 -> sum(v);
            case 10 -> random.nextBoolean() ? concat(v) : slice(v);
            case 11 -> pooling(v);
            case 12 -> random.nextBoolean() ? gate(v) : linear(v);
            case 13 -> random.nextBoolean() ? dropout(v) : softmax(v);
            case 14 -> product(v);
            case 15 -> transpose(v);
            case 16 -> slice(v);
            case 17 -> withoutOne(v);
            case 18 -> random.nextBoolean() ? resized(v) : resampled(v);
            case 19 -> random.nextBoolean() ? layerNormalization(v) : ghosts(v);
            default -> throw new AssertionError();
        };
        if (made != null) values.add(made);
    }

    private static List<Integer> both(int value) {
        return Collections.nCopies(2, value);
    }

    private Value convolution(Value v) {
        int kernel = random.nextBoolean() ? 1 : 3;
        long in = v.shape().dim(1);
        long out = channels();
        int groups = 1;
        if (random.nextInt(4) == 0) {
            groups = in % 2 == 0 && random.nextBoolean() ? 2 : (int) in;
            out = groups == 2 ? 16 : in;
        }
        boolean bias = random.nextBoolean();
        List<Integer> padding = both(kernel / 2);
        Op op = new Op.Convolution(both(1 + random.nextInt(2)), padding, padding, both(1), groups, bias);
        List<Value> operands =
                new ArrayList<>(List.of(v, parameter("weight", Shape.of(out, in / groups, kernel, kernel))));
        if (bias) operands.add(parameter("bias", Shape.of(out)));
        return builder.addAll(op, operands).getFirst();
    }

    private Value transposed(Value v) {
        if (v.shape().dim(2) * 2 > LARGEST || v.shape().dim(3) * 2 > LARGEST) return null;
        boolean bias = random.nextBoolean();
        long out = channels();
        Op op = new Op.TransposedConvolution(both(2), both(0), both(0), both(0), both(1), 1, bias);
        List<Value> operands = new ArrayList<>(List.of(
                v, parameter("weight", Shape.of(v.shape().dim(1), out, 2, 2))));
        if (bias) operands.add(parameter("bias", Shape.of(out)));
        return builder.addAll(op, operands).getFirst();
    }

    private Value batchNormalization(Value v) {
        Shape channels = Shape.of(v.shape().dim(1));
        boolean training =
                random.nextInt(3) > 0 && v.shape().elements() / v.shape().dim(1) >= 8;
        boolean scale = random.nextInt(3) > 0;
        boolean shift = random.nextInt(3) > 0;
        List<Value> operands = new ArrayList<>(List.of(v));
        if (!training) {
            operands.add(builder.buffer("mean" + names++, channels));
            operands.add(builder.buffer("variance" + names++, channels));
        }
        if (scale) operands.add(parameter("scale", channels));
        if (shift) operands.add(parameter("shift", channels));
        Value y = builder.addAll(new Op.BatchNormalization(1e-5f, training, scale, shift, false), operands)
                .getFirst();
        return random.nextBoolean() ? y : activation(y, ActivationKind.RELU);
    }

    private Value activation(Value v, ActivationKind kind) {
        return builder.add(new Op.Activation(kind, 0.5f), v);
    }

    private Value sum(Value v) {
        List<Value> same =
                values.stream().filter(o -> o.shape().equals(v.shape())).toList();
        Value other = same.get(random.nextInt(same.size()));
        Value y = random.nextInt(4) == 0
                ? builder.add(new Op.Multiply(), v, other)
                : builder.add(new Op.Add(false), v, other);
        return random.nextBoolean() ? y : activation(y, ActivationKind.RELU);
    }

    private Value concat(Value v) {
        List<Value> fitting = values.stream()
                .filter(o -> o.shape().with(1, 1).equals(v.shape().with(1, 1))
                        && o.shape().dim(1) < 20)
                .toList();
        if (fitting.isEmpty() || v.shape().dim(1) > 20) return null;
        return builder.add(new Op.Concat(1), v, fitting.get(random.nextInt(fitting.size())));
    }

    private Value slice(Value v) {
        int axis = random.nextInt(4);
        long extent = v.shape().dim(axis);
        long start = random.nextLong(extent);
        return builder.add(new Op.Slice(axis, start, 1 + random.nextLong(extent - start)), v);
    }

    private Value pooling(Value v) {
        int kernel = 2 + random.nextInt(2);
        if (v.shape().dim(2) < kernel || v.shape().dim(3) < kernel) return null;
        Op.PoolingKind kind = Op.PoolingKind.values()[random.nextInt(3)];
        List<Integer> padding = both(random.nextInt(2));
        return builder.addAll(
                        new Op.Pooling(
                                kind,
                                both(kernel),
                                both(1 + random.nextInt(2)),
                                padding,
                                padding,
                                random.nextBoolean()),
                        List.of(v))
                .getFirst();
    }

    /** As in squeeze and excitation. */
    private Value gate(Value v) {
        List<Integer> window = List.of((int) v.shape().dim(2), (int) v.shape().dim(3));
        Value mean = builder.add(
                new Op.Pooling(Op.PoolingKind.AVERAGE_INCLUDE_PADDING, window, window, both(0), both(0), false), v);
        return builder.add(new Op.Multiply(), v, activation(mean, ActivationKind.SIGMOID));
    }

    /** Over everything, and an image again. */
    private Value linear(Value v) {
        Shape s = v.shape();
        long features = s.elements() / s.dim(0);
        if (features > 600) return null;
        Value flat = builder.add(new Op.Reshape(Shape.of(s.dim(0), features)), v);
        Value y = builder.add(
                new Op.Linear(true),
                flat,
                parameter("weight", Shape.of(features, features)),
                parameter("bias", Shape.of(features)));
        if (random.nextBoolean()) y = builder.add(new Op.Add(false), y, flat);
        if (random.nextBoolean()) y = activation(y, ActivationKind.TANH);
        return builder.add(new Op.Reshape(s), y);
    }

    private Value dropout(Value v) {
        return builder.add(new Op.Dropout(0.3f, names++), v);
    }

    private Value softmax(Value v) {
        return builder.add(new Op.Softmax(1, random.nextBoolean()), v);
    }

    /** Of the matrices in two images, or in one, and as often as not back to the shape there was. */
    private Value product(Value v) {
        List<Value> same =
                values.stream().filter(o -> o.shape().equals(v.shape())).toList();
        Value other = same.get(random.nextInt(same.size()));
        boolean columns = random.nextBoolean();
        Value scores = builder.add(new Op.MatMul(columns, !columns, 0.3f), v, other);
        if (random.nextBoolean()) return scores;
        return columns
                ? builder.add(new Op.MatMul(false, true, 1), v, scores)
                : builder.add(new Op.MatMul(random.nextBoolean(), false, 1), scores, v);
    }

    private Value transpose(Value v) {
        List<Integer> axes = new ArrayList<>(List.of(0, 1, 2, 3));
        Collections.shuffle(axes, new Random(random.nextLong()));
        return builder.add(new Op.Transpose(axes), v);
    }

    /** Together with a part of itself, or in turn. */
    private Value withoutOne(Value v) {
        int axis = random.nextInt(4);
        Value one = builder.add(new Op.Slice(axis, random.nextLong(v.shape().dim(axis)), 1), v);
        return switch (random.nextInt(3)) {
            case 0 -> builder.add(new Op.Binary(BinaryKind.SUBTRACT), v, one);
            case 1 -> builder.add(new Op.Multiply(), v, one);
            default -> builder.add(new Op.Add(false), v, builder.add(new Op.Expand(v.shape()), one));
        };
    }

    private Value resized(Value v) {
        int axis = random.nextInt(4);
        long in = v.shape().dim(axis);
        long out = 1 + random.nextLong(LARGEST);
        AxisMatrix matrix = switch (random.nextInt(4)) {
            case 0 -> AxisMatrix.averages(in, out);
            case 1 -> AxisMatrix.linear(in, out, random.nextBoolean());
            case 2 -> AxisMatrix.nearest(in, out);
            default ->
                AxisMatrix.padded(
                        AxisMatrix.Padding.values()[random.nextInt(in > 1 ? 3 : 1)],
                        in,
                        random.nextLong(Math.min(in, 3)),
                        random.nextLong(Math.min(in, 3)));
        };
        return builder.add(new Op.AlongAxis(axis, matrix), v);
    }

    private Value resampled(Value v) {
        long height = v.shape().dim(2);
        long width = v.shape().dim(3);
        if (Math.max(height, width) * 2 > LARGEST) return null;
        return random.nextBoolean()
                ? builder.add(new Op.Resampling(Op.ResamplingKind.NEAREST, List.of(height * 2, width)), v)
                : builder.add(new Op.Resampling(Op.ResamplingKind.LINEAR, List.of(height * 2, width + 1)), v);
    }

    private Value layerNormalization(Value v) {
        int axes = 1 + random.nextInt(3);
        long[] dims = Arrays.copyOfRange(v.shape().dims(), 4 - axes, 4);
        Shape normalized = Shape.of(dims);
        if (normalized.elements() < 8) return null;
        boolean scale = random.nextBoolean();
        boolean shift = random.nextBoolean();
        List<Value> operands = new ArrayList<>(List.of(v));
        if (scale) operands.add(parameter("scale", normalized));
        if (shift) operands.add(parameter("shift", normalized));
        return builder.addAll(new Op.LayerNormalization(axes, 1e-5f, scale, shift), operands)
                .getFirst();
    }

    /** As many virtual batches as samples. */
    private Value ghosts(Value v) {
        int n = (int) v.shape().dim(0);
        if (v.shape().dim(2) * v.shape().dim(3) < 8) return null;
        Shape channels = Shape.of(v.shape().dim(1));
        List<Value> operands = List.of(v, parameter("scale", channels), parameter("shift", channels));
        return builder.addAll(new Op.GhostBatchNormalization(n, 1e-5f, true, true), operands)
                .getFirst();
    }
}
