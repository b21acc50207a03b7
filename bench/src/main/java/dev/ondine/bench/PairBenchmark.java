package dev.ondine.bench;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Value;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.BenchmarkParams;

/**
 * One operation as a graph of its own, on one {@link Side} or another; nothing else differs. Before it is timed, it and the reference
 * run on the same numbers, and the benchmark fails if they disagree.
 *
 * <p>What is timed is a run of the whole plan in the layouts that it computes in: the conversions of inputs and outputs from and to
 * row-major order, which a network makes once, at its ends, are not in it. {@link PlanProfiler} reports what they would cost. A benchmark's
 * method decides the graph, see {@link #graph}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(
        value = 1,
        jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "--add-modules=jdk.incubator.vector"})
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public abstract class PairBenchmark {
    static final String X = "x";
    static final String Y = "y";
    static final String DY = "dy";

    /** The {@link Side}. */
    @Param({"OneDnn", "OneDnnBf16", "Vector", "Reference"})
    public String side;

    /** Of all sides but the reference, which has one; 0 for as many as there are processors. */
    @Param("0")
    public int threads;

    private Graph graph;
    private Plan plan;

    /** Adds the operation, its input {@link #X} and its parameters to a graph, and returns its result. */
    abstract Value build(GraphBuilder builder, boolean training);

    /** How far outputs and statistics may lie apart. */
    abstract Tolerance outputs();

    /** How far gradients may lie apart. */
    abstract Tolerance gradients();

    /** The graph of a benchmark method. */
    Graph graph(String method) {
        boolean training = !method.equals("forward");
        GraphBuilder builder = new GraphBuilder();
        Value y = build(builder, training);
        builder.output(Y, y);
        if (!method.equals("forwardBackward")) return builder.build();
        Value dy = builder.input(DY, DataType.FLOAT32, y.shape());
        Graph forward = builder.build();
        List<Value> wanted = new ArrayList<>(forward.parameters());
        wanted.add(forward.input(X));
        return Differentiate.apply(forward, y, dy, wanted);
    }

    @Setup(Level.Trial)
    public void prepare(BenchmarkParams benchmark) {
        String name = benchmark.getBenchmark();
        graph = graph(name.substring(name.lastIndexOf('.') + 1));
        SelfCheck check = Side.of(side).isBfloat16()
                ? new SelfCheck(graph, outputs().inBfloat16(), gradients().inBfloat16())
                : new SelfCheck(graph, outputs(), gradients());
        plan = compile(check, graph, Side.of(side));
        // The reference is the judge of the others, and is judged by the native side.
        Side judge = Side.of(side) == Side.REFERENCE ? Side.ONEDNN : Side.REFERENCE;
        try (Plan other = compile(check, graph, judge)) {
            check.run(judge == Side.REFERENCE ? other : plan, judge == Side.REFERENCE ? plan : other);
        }
    }

    private Plan compile(SelfCheck check, Graph graph, Side wanted) {
        Plan compiled = wanted.compile(graph, team(), true);
        check.fill(compiled);
        return compiled;
    }

    @TearDown(Level.Trial)
    public void close() {
        try (Plan rowMajor = Side.of(side).compile(graph, team(), false)) {
            PlanProfiler.look(plan, rowMajor);
        }
        plan.close();
    }

    private int team() {
        return threads > 0 ? threads : Backends.defaultThreads();
    }

    /** One run of the plan. */
    final void run() {
        plan.run(0);
    }

    /** As in evaluation: given statistics, nothing kept for a backward pass. */
    @Benchmark
    public void forward() {
        run();
    }

    /** Result and gradients of the input and of all parameters. */
    @Benchmark
    public void forwardBackward() {
        run();
    }

    /** The shape that {@code 64x3x32x32} names. */
    static Shape shape(String text) {
        return Shape.of(
                Arrays.stream(text.split("x")).mapToLong(Long::parseLong).toArray());
    }
}
