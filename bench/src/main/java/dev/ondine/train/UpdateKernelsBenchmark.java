package dev.ondine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ondine.backend.Backends;
import dev.ondine.backend.Team;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.OpenMpTeam;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
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
 * One optimizer step over flat blocks: native or Java, on one thread or on oneDNN's team of all. Nothing else differs.
 * Before it is timed, what it computes is compared with Java's result, which must be the same to the bit.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
public class UpdateKernelsBenchmark {

    /** As many parameters as ResNet-20, ResNet-18 and ResNet-50 have: in the last-level cache, and beyond it. */
    @Param({"272474", "11173962", "25557032"})
    public int n;

    @Param({"native-1", "native-all", "java-1", "java-all"})
    public String kernels;

    private Arena arena;
    private UpdateKernels chosen;
    private Team team;
    private Blocks blocks;

    private record Blocks(MemorySegment w, MemorySegment g, MemorySegment m, MemorySegment v, Ranges ranges) {
        static Blocks of(Arena arena, int n) {
            long bytes = (long) n * Float.BYTES;
            Blocks blocks = new Blocks(
                    arena.allocate(bytes, 64),
                    arena.allocate(bytes, 64),
                    arena.allocate(bytes, 64),
                    arena.allocate(bytes, 64),
                    Ranges.all(arena, n));
            SplittableRandom random = new SplittableRandom(1);
            for (long i = 0; i < n; i++) {
                blocks.w.setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
                blocks.g.setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
            }
            return blocks;
        }
    }

    @Setup(Level.Trial)
    public void prepare() {
        UpdateKernels java = new JavaUpdateKernels("for a benchmark");
        // Before the native kernels, so that both find oneDNN's OpenMP.
        OneDnn.load();
        chosen = kernels.startsWith("java") ? java : UpdateKernels.best();
        if (!kernels.startsWith("java") && !(chosen instanceof NativeUpdateKernels)) {
            throw new IllegalStateException("No native kernels: " + chosen.describe());
        }
        team = kernels.endsWith("-all") ? new OpenMpTeam(Backends.defaultThreads()) : Team.alone();
        verify(java);
        arena = Arena.ofShared();
        blocks = Blocks.of(arena, n);
    }

    @TearDown(Level.Trial)
    public void close() {
        arena.close();
    }

    private void verify(UpdateKernels java) {
        try (Arena temporary = Arena.ofShared()) {
            Blocks expected = Blocks.of(temporary, n);
            Blocks actual = Blocks.of(temporary, n);
            for (int step = 0; step < 2; step++) {
                sgd(java, expected, Team.alone());
                adam(java, expected, Team.alone());
                sgd(chosen, actual, team);
                adam(chosen, actual, team);
            }
            if (expected.w.mismatch(actual.w) != -1
                    || expected.m.mismatch(actual.m) != -1
                    || expected.v.mismatch(actual.v) != -1) {
                throw new IllegalStateException(chosen.describe() + " does not compute what Java computes");
            }
        }
    }

    /** With momentum and weight decay: reads w, g, m; writes w, m. */
    @Benchmark
    public void sgd() {
        sgd(chosen, blocks, team);
    }

    /** Reads w, g, m, v; writes w, m, v. */
    @Benchmark
    public void adam() {
        adam(chosen, blocks, team);
    }

    private void sgd(UpdateKernels tried, Blocks b, Team team) {
        b.ranges.set(0, 0.1, 5e-4, 1);
        tried.sgd(b.w, b.g, b.m, b.ranges, 0.9f, false, false, team);
    }

    private void adam(UpdateKernels tried, Blocks b, Team team) {
        b.ranges.set(0, 0, 1, 1e-3);
        tried.adam(b.w, b.g, b.m, b.v, b.ranges, 0.1f, 0.999f, 1e-3f, 1e-8f, 0.5f, team);
    }
}
