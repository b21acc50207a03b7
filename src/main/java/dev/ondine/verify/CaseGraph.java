package dev.ondine.verify;

import dev.ondine.backend.Precision;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** The graph of a {@link VerifyCase} while it is built: its operands with their random contents, and how right results must be. */
public final class CaseGraph {
    /** The path of the operation that is verified: its steps in a plan begin with it. */
    static final String PATH = "case";

    static final String LOSS = "loss";
    static final String RESULT = "y";

    /** Where a random element comes from. */
    @FunctionalInterface
    interface Fill {
        double next(SplittableRandom random, int index);
    }

    /** Between −1 and 1. */
    static final Fill CENTERED = (random, _) -> random.nextDouble(-1, 1);

    /** Between 1/2 and 3/2. */
    static final Fill POSITIVE = (random, _) -> random.nextDouble(0.5, 1.5);

    private final GraphBuilder builder = new GraphBuilder();
    private final String seed;
    private final Precision precision;
    private final Map<Value, float[]> floats = new LinkedHashMap<>();
    private final Map<Value, int[]> ints = new LinkedHashMap<>();
    private final List<Value> wanted = new ArrayList<>();
    private final Map<String, Double> tolerances = new LinkedHashMap<>();
    private final Map<String, Integer> spacings = new LinkedHashMap<>();
    private boolean lossIsResult;

    /** @param seed of the random contents */
    CaseGraph(String seed, Precision precision) {
        this.seed = seed;
        this.precision = precision;
        builder.enter(PATH);
    }

    /** An input whose gradient is compared, too. */
    Value input(String name, Shape shape, Fill fill) {
        Value v = constant(name, shape, fill);
        wanted.add(v);
        return inside(v);
    }

    /**
     * What the caller gives and reads is float32. In bfloat16 a product with 1 keeps an operation from its input, its result and their
     * gradients, so that all of them are bfloat16, as they are inside of a network.
     */
    private Value inside(Value v) {
        if (!precision.isBfloat16()) return v;
        String path = builder.path();
        if (!path.isEmpty()) builder.leave();
        long[] ones = new long[v.shape().rank()];
        Arrays.fill(ones, 1);
        Value product = builder.add(new Op.Multiply(), v, builder.add(new Op.Fill(1, Shape.of(ones))));
        if (!path.isEmpty()) builder.enter(path);
        return product;
    }

    /** An input without gradient. */
    Value constant(String name, Shape shape, Fill fill) {
        Value v = builder.input(name, DataType.FLOAT32, shape);
        floats.put(v, random(name, shape, fill));
        return v;
    }

    /** A parameter, whose gradient is compared, too. */
    Value parameter(String name, Shape shape, Fill fill) {
        Value v = builder.parameter(name, shape);
        floats.put(v, random(name, shape, fill));
        wanted.add(v);
        return v;
    }

    /** Class indices, every {@code ignored}th of them {@code ignoreIndex}; none if {@code ignored} is 0. */
    Value labels(Shape shape, int classes, int ignored, int ignoreIndex) {
        Value v = builder.input("target", DataType.INT32, shape);
        SplittableRandom random = random("target");
        int[] values = new int[Math.toIntExact(shape.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = ignored > 0 && i % ignored == 0 ? ignoreIndex : random.nextInt(classes);
        }
        ints.put(v, values);
        return v;
    }

    Value add(Op op, Value... operands) {
        return builder.add(op, operands);
    }

    List<Value> addAll(Op op, Value... operands) {
        return builder.addAll(op, List.of(operands));
    }

    /** Compares another value of the graph besides the result. */
    void output(String name, Value value, double tolerance) {
        builder.output(name, value);
        tolerances.put(name, tolerance);
    }

    /** How far the result ({@link #RESULT}) or the gradient of an operand (its name) may be from the reference. */
    CaseGraph tolerance(String tensor, double tolerance) {
        tolerances.put(tensor, tolerance);
        return this;
    }

    /**
     * In bfloat16: by how many neighbours a tensor may be off when it is computed from a rounded one that is off by one itself; 1 unless it
     * is said.
     */
    CaseGraph spacings(String tensor, int count) {
        spacings.put(tensor, count);
        return this;
    }

    /**
     * In bfloat16: how far, beyond its tolerance, a float32 sum of {@code n} gradients may be off that passed an activation whose
     * operand is rounded itself. Where that rounds to the neighbour, the slope there does, and then the gradient: two spacings of a
     * term, in a sum of the size of √n terms.
     */
    CaseGraph summedAfterRounding(String tensor, long n) {
        if (precision.isBfloat16()) {
            tolerances.merge(tensor, 2 * Tolerances.BFLOAT16 / Math.sqrt(n), Double::sum);
        }
        return this;
    }

    /** Says that the result is a loss already, to be differentiated as it is. */
    void lossIsResult() {
        lossIsResult = true;
    }

    /** Adds what gives the result a random gradient: the sum of its products with random numbers. Returns that scalar. */
    Value finish(Value y) {
        builder.leave();
        builder.output(RESULT, lossIsResult ? y : inside(y));
        if (lossIsResult) return y;
        Value dy = constant("dy", y.shape(), CENTERED);
        long[] ones = new long[y.shape().rank()];
        Arrays.fill(ones, 1);
        return builder.add(new Op.ReduceSum(Shape.of(ones)), builder.add(new Op.Multiply(), y, dy));
    }

    private float[] random(String name, Shape shape, Fill fill) {
        SplittableRandom random = random(name);
        float[] values = new float[Math.toIntExact(shape.elements())];
        for (int i = 0; i < values.length; i++) values[i] = (float) fill.next(random, i);
        return values;
    }

    private SplittableRandom random(String name) {
        return new SplittableRandom((seed + '/' + name).hashCode());
    }

    GraphBuilder builder() {
        return builder;
    }

    Map<Value, float[]> floats() {
        return floats;
    }

    Map<Value, int[]> ints() {
        return ints;
    }

    List<Value> wanted() {
        return wanted;
    }

    /** @param rounded whether the tensor was rounded to bfloat16 */
    double toleranceOf(String tensor, boolean rounded) {
        double tolerance = tolerances.getOrDefault(tensor, Tolerances.ROUNDING);
        return rounded ? tolerance + spacings.getOrDefault(tensor, 1) * Tolerances.BFLOAT16 : tolerance;
    }
}
