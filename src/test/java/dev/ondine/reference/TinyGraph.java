package dev.ondine.reference;

import dev.ondine.graph.Graph;
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
import java.util.Random;
import java.util.stream.DoubleStream;

/** A graph under test together with the values of its inputs. */
public final class TinyGraph {
    public final GraphBuilder builder = new GraphBuilder();
    private final Map<Value, double[]> data = new LinkedHashMap<>();
    private final List<Value> differentiable = new ArrayList<>();
    private final Random random = new Random(20);

    /** An input of normally distributed values, to be differentiated. */
    public Value random(long... dims) {
        return given(randomValues(dims), dims);
    }

    public double[] randomValues(long... dims) {
        return DoubleStream.generate(random::nextGaussian)
                .limit(Shape.of(dims).elements())
                .toArray();
    }

    /** An input of these values, to be differentiated. */
    public Value given(double[] values, long... dims) {
        Value v = constant(values, dims);
        differentiable.add(v);
        return v;
    }

    /** An input of these values that no gradient is asked for. */
    public Value constant(double[] values, long... dims) {
        return declare(values, DataType.FLOAT32, dims);
    }

    /** An input of class indices. */
    public Value labels(double[] values, long... dims) {
        return declare(values, DataType.INT32, dims);
    }

    private Value declare(double[] values, DataType type, long... dims) {
        Value v = builder.input("input" + data.size(), type, Shape.of(dims));
        if (values.length != v.shape().elements())
            throw new IllegalArgumentException(values.length + " for " + v.type());
        data.put(v, values);
        return v;
    }

    public Value add(Op op, Value... operands) {
        return builder.add(op, operands);
    }

    /** A scalar that depends on every element of y differently: Σ r·y with random r. */
    public Value weightedSum(Value y) {
        long[] dims = y.shape().dims();
        long[] ones = new long[dims.length];
        Arrays.fill(ones, 1);
        Value product = add(new Op.Multiply(), y, constant(randomValues(dims), dims));
        return add(new Op.Reshape(Shape.of()), add(new Op.ReduceSum(Shape.of(ones)), product));
    }

    /** The inputs to be differentiated. */
    public List<Value> differentiable() {
        return List.copyOf(differentiable);
    }

    /** Evaluates a graph that was made from this one. */
    public ReferenceInterpreter run(Graph graph) {
        ReferenceInterpreter interpreter = new ReferenceInterpreter(graph, GradientCheck.SEED);
        fill(interpreter);
        interpreter.run(GradientCheck.RUN);
        return interpreter;
    }

    public void fill(ReferenceInterpreter interpreter) {
        data.forEach((v, values) -> System.arraycopy(values, 0, interpreter.array(v), 0, values.length));
    }
}
