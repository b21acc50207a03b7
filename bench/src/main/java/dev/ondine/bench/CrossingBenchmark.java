package dev.ondine.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.OpenMp;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
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

/**
 * What it costs to leave Java: a call that does next to nothing, a plan that does next to nothing, and off-heap memory against an
 * array. The access loops scale {@link #ELEMENTS} floats in place, all in the first-level cache.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class CrossingBenchmark {
    /** 16 KiB: half of a small first-level cache. */
    private static final int ELEMENTS = 4096;

    /** One vector register of AVX-512. */
    private static final int TINY = 16;

    /** A power of two, so that scaling to and fro is exact. */
    private static final float FACTOR = 0.5f;

    /** Of the native plan; 0 for as many as there are processors. */
    @Param("0")
    public int threads;

    private final float[] array = new float[ELEMENTS];
    private Arena arena;
    private MemorySegment segment;
    private MemorySegment heapSegment;
    private Plan tiny;
    private float factor = FACTOR;

    @Setup(Level.Trial)
    public void prepare() {
        arena = Arena.ofShared();
        segment = arena.allocate((long) ELEMENTS * Float.BYTES, 64);
        heapSegment = MemorySegment.ofArray(new float[ELEMENTS]);
        checkLoops();
        GraphBuilder builder = new GraphBuilder();
        Value x = builder.input("x", DataType.FLOAT32, Shape.of(1, TINY));
        builder.output("y", builder.add(new Op.Activation(ActivationKind.RELU, 0), x));
        Graph graph = builder.build();
        tiny = Backends.named("onednn")
                .compile(graph, PlanOptions.threads(threads > 0 ? threads : Backends.defaultThreads()));
        checkTiny();
    }

    /** All loops do the same to the same numbers. */
    private void checkLoops() {
        float[] expected = new float[ELEMENTS];
        for (int i = 0; i < ELEMENTS; i++) {
            array[i] = i + 1;
            segment.setAtIndex(JAVA_FLOAT, i, i + 1);
            heapSegment.setAtIndex(JAVA_FLOAT, i, i + 1);
            expected[i] = (i + 1) * FACTOR;
        }
        scaleArray();
        scaleHeapSegment();
        scaleSegment();
        requireEqual("the array", expected, array);
        requireEqual("the segment on the heap", expected, heapSegment.toArray(JAVA_FLOAT));
        requireEqual("the segment", expected, segment.toArray(JAVA_FLOAT));
        scaleSegmentByInt();
        for (int i = 0; i < ELEMENTS; i++) expected[i] *= FACTOR;
        requireEqual("the segment, indexed by int", expected, segment.toArray(JAVA_FLOAT));
        // From here on nothing changes, and above all nothing becomes subnormal, which is slow.
        factor = 1;
    }

    private static void requireEqual(String what, float[] expected, float[] actual) {
        int at = Arrays.mismatch(expected, actual);
        if (at >= 0) {
            throw new IllegalStateException(
                    "element " + at + " of " + what + " is " + actual[at] + " instead of " + expected[at]);
        }
    }

    private void checkTiny() {
        float[] values = new float[TINY];
        float[] expected = new float[TINY];
        for (int i = 0; i < TINY; i++) {
            values[i] = i - TINY / 2;
            expected[i] = Math.max(0, values[i]);
        }
        tiny.input("x").copyFrom(values);
        tiny.run(0);
        requireEqual("the plan's output", expected, tiny.output("y").toFloatArray());
    }

    @TearDown(Level.Trial)
    public void close() {
        tiny.close();
        arena.close();
    }

    /** One call into C and back: {@code omp_get_max_threads}, which reads a variable. */
    @Benchmark
    public int downcall() {
        return OpenMp.maxThreads();
    }

    /** A whole run of a plan with one primitive: the ReLU of 16 floats. */
    @Benchmark
    public void tinyPlan() {
        tiny.run(0);
    }

    @Benchmark
    public void scaleArray() {
        float[] a = array;
        float f = factor;
        for (int i = 0; i < ELEMENTS; i++) a[i] *= f;
    }

    // The loops over segments are written out: a shared one would have seen both kinds of segment in the self-check.

    @Benchmark
    public void scaleHeapSegment() {
        MemorySegment s = heapSegment;
        float f = factor;
        for (long i = 0; i < ELEMENTS; i++) s.setAtIndex(JAVA_FLOAT, i, s.getAtIndex(JAVA_FLOAT, i) * f);
    }

    @Benchmark
    public void scaleSegment() {
        MemorySegment s = segment;
        float f = factor;
        for (long i = 0; i < ELEMENTS; i++) s.setAtIndex(JAVA_FLOAT, i, s.getAtIndex(JAVA_FLOAT, i) * f);
    }

    /** As {@link #scaleSegment}, but for the type of the index. */
    @Benchmark
    public void scaleSegmentByInt() {
        MemorySegment s = segment;
        float f = factor;
        for (int i = 0; i < ELEMENTS; i++) s.setAtIndex(JAVA_FLOAT, i, s.getAtIndex(JAVA_FLOAT, i) * f);
    }
}
