package dev.ondine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.DropoutMask;
import dev.ondine.backend.NativeMemory;
import dev.ondine.backend.Team;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.onednn.api.OpenMpTeam;
import dev.ondine.reference.ReferenceInterpreter;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Kernels in Java on sizes that several threads share: the formula, and the same bits for every number of threads. */
class TeamKernelsTest {
    private static final int[] THREADS = {1, 2, 3, 7};

    /** A mean of float32 numbers that was taken in double has its own rounding only, and one of each difference. */
    private static final double ROUNDINGS = 4 * 0x1p-24;

    private final Arena arena = Arena.ofShared();

    @BeforeAll
    static void load() {
        OneDnn.load();
    }

    @AfterEach
    void free() {
        arena.close();
    }

    /** A team that counts how often it is called, so that a test sees that it was. */
    private static final class Counted implements Team {
        final Team team;
        int runs;

        Counted(int threads) {
            team = new OpenMpTeam(threads);
        }

        @Override
        public int size() {
            return team.size();
        }

        @Override
        public void run(Task task) {
            runs++;
            team.run(task);
        }
    }

    private MemorySegment random(int n, long seed) {
        MemorySegment block = arena.allocate(JAVA_FLOAT, n);
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < n; i++) block.setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-3, 3));
        return block;
    }

    private MemorySegment scalar(float value) {
        return arena.allocateFrom(JAVA_FLOAT, value);
    }

    static List<Op.PointwiseLoss> pointwiseLosses() {
        return List.of(
                new Op.MeanSquaredError(),
                new Op.SmoothL1(0),
                new Op.SmoothL1(0.75f),
                new Op.BinaryCrossEntropy(List.of()),
                new Op.BinaryCrossEntropy(List.of(2.5f)),
                new Op.BinaryCrossEntropy(List.of(0.5f, 3f, 1f, 2f, 0f)),
                new Op.KlDivergence(true),
                new Op.KlDivergence(false));
    }

    /** Against the reference, of classes whose ends are no chunks' ends. */
    @ParameterizedTest
    @MethodSource("pointwiseLosses")
    void pointwise(Op.PointwiseLoss op) {
        Shape shape = Shape.of(7, 5, 1431);
        int n = (int) shape.elements();
        MemorySegment x = random(n, 1);
        MemorySegment t = random(n, 2);
        // Probabilities, for those that want them; some are 0.
        for (int i = 0; i < n; i++) {
            float v = t.getAtIndex(JAVA_FLOAT, i);
            t.setAtIndex(JAVA_FLOAT, i, i % 11 == 3 ? 0 : Math.abs(v) / 3);
        }
        double[] expected = new double[n + 1];
        reference(op, shape, x, t, expected);
        double largest = 0;
        for (int i = 0; i < n; i++) largest = Math.max(largest, Math.abs(expected[i]));
        float loss = 0;
        float[] gradient = null;
        for (int threads : THREADS) {
            Counted team = new Counted(threads);
            MemorySegment l = scalar(Float.NaN);
            MemorySegment dx = arena.allocate(JAVA_FLOAT, n);
            PointwiseLossKernel kernel = new PointwiseLossKernel(
                    team, PointwiseFormula.of(op, shape), x, t, n, PointwiseFormula.divisor(op, shape));
            kernel.forward(l).run(0);
            kernel.backward(scalar(0.5f), dx).run(0);
            assertEquals(2, team.runs);
            if (gradient == null) {
                loss = l.get(JAVA_FLOAT, 0);
                assertEquals(expected[n], loss, ROUNDINGS * Math.abs(expected[n]));
                gradient = dx.toArray(JAVA_FLOAT);
                for (int i = 0; i < n; i++) assertEquals(expected[i], gradient[i], ROUNDINGS * largest, "dx at " + i);
            }
            assertEquals(loss, l.get(JAVA_FLOAT, 0), "threads " + threads);
            assertArrayEquals(gradient, dx.toArray(JAVA_FLOAT), "threads " + threads);
        }
    }

    /** Runs a loss on the reference: dx for a dloss of 1/2, and behind it the loss. */
    private static void reference(Op loss, Shape shape, MemorySegment x, MemorySegment t, double[] result) {
        GraphBuilder b = new GraphBuilder();
        Value xv = b.input("x", DataType.FLOAT32, shape);
        Value tv = b.input("t", DataType.FLOAT32, shape);
        Value l = b.add(loss, xv, tv);
        Value half = b.add(new Op.Multiply(), l, b.add(new Op.Fill(0.5f, Shape.of())));
        Graph graph = Differentiate.apply(b.build(), half, List.of(xv));
        ReferenceInterpreter run = new ReferenceInterpreter(graph, 0);
        int n = (int) shape.elements();
        for (int i = 0; i < n; i++) {
            run.array(xv)[i] = x.getAtIndex(JAVA_FLOAT, i);
            run.array(tv)[i] = t.getAtIndex(JAVA_FLOAT, i);
        }
        run.run(0);
        System.arraycopy(run.array(graph.gradients().get(xv)), 0, result, 0, n);
        result[n] = run.array(l)[0];
    }

    @Test
    void softCrossEntropy() {
        softCrossEntropy(64, 10, 1);
        softCrossEntropy(5, 1000, 1);
        softCrossEntropy(3, 5, 67);
        softCrossEntropy(2, 21, 500);
    }

    private void softCrossEntropy(int batch, int classes, int space) {
        Shape shape = Shape.of(batch, classes, space);
        int n = (int) shape.elements();
        MemorySegment x = random(n, n);
        MemorySegment t = random(n, n + 1);
        for (int i = 0; i < n; i++) t.setAtIndex(JAVA_FLOAT, i, Math.max(0, t.getAtIndex(JAVA_FLOAT, i)) / classes);
        Op.SoftCrossEntropy op = new Op.SoftCrossEntropy(0.1f);
        double[] expected = new double[n + 1];
        reference(op, shape, x, t, expected);
        double largest = 0;
        for (int i = 0; i < n; i++) largest = Math.max(largest, Math.abs(expected[i]));
        float loss = 0;
        float[] gradient = null;
        for (int threads : THREADS) {
            Counted team = new Counted(threads);
            MemorySegment l = scalar(Float.NaN);
            MemorySegment dx = arena.allocate(JAVA_FLOAT, n);
            var kernel = new SoftCrossEntropyKernel(team, op, new LogitTiles.Logits(batch, classes, space), x, t);
            kernel.forward(l).run(0);
            kernel.backward(scalar(0.5f), dx).run(0);
            assertEquals(2, team.runs, shape.toString());
            if (gradient == null) {
                loss = l.get(JAVA_FLOAT, 0);
                gradient = dx.toArray(JAVA_FLOAT);
                assertEquals(expected[n], loss, ROUNDINGS * expected[n]);
                for (int i = 0; i < n; i++) assertEquals(expected[i], gradient[i], ROUNDINGS * largest, "dx at " + i);
            }
            assertEquals(loss, l.get(JAVA_FLOAT, 0), "threads " + threads);
            assertArrayEquals(gradient, dx.toArray(JAVA_FLOAT), "threads " + threads);
        }
    }

    @Test
    void crossEntropy() {
        // Rows; rows longer than a tile; images of one tile and a bit, and of several.
        crossEntropy(64, 10, 1);
        crossEntropy(5, 1000, 1);
        crossEntropy(3, 5, 67);
        crossEntropy(2, 21, 500);
    }

    private void crossEntropy(int batch, int classes, int space) {
        int ignored = -100;
        float smoothing = 0.1f;
        int n = batch * classes * space;
        MemorySegment x = random(n, n);
        MemorySegment t = arena.allocate(JAVA_INT, (long) batch * space);
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < batch * space; i++)
            t.setAtIndex(JAVA_INT, i, i % 7 == 3 ? ignored : random.nextInt(classes));
        double[] gradient = new double[n];
        double expected = referenceCrossEntropy(x, t, batch, classes, space, smoothing, ignored, gradient);
        Op.CrossEntropy op = new Op.CrossEntropy(smoothing, ignored);
        float loss = 0;
        float[] first = null;
        for (int threads : THREADS) {
            Counted team = new Counted(threads);
            MemorySegment l = scalar(Float.NaN);
            MemorySegment dx = arena.allocate(JAVA_FLOAT, n);
            var shape = new LogitTiles.Logits(batch, classes, space);
            CrossEntropyKernel kernel = new CrossEntropyKernel(team, op, shape, x, t);
            kernel.forward(l).run(0);
            kernel.backward(scalar(1), dx).run(0);
            assertEquals(2, team.runs, batch + " x " + classes + " x " + space);
            if (first == null) {
                loss = l.get(JAVA_FLOAT, 0);
                first = dx.toArray(JAVA_FLOAT);
                assertEquals(expected, loss, ROUNDINGS * expected);
                for (int i = 0; i < n; i++) assertEquals(gradient[i], first[i], ROUNDINGS, "dx at " + i);
            }
            assertEquals(loss, l.get(JAVA_FLOAT, 0), "threads " + threads);
            assertArrayEquals(first, dx.toArray(JAVA_FLOAT), "threads " + threads);
        }
    }

    /** The loss of the formula, and its gradient. */
    private static double referenceCrossEntropy(
            MemorySegment x,
            MemorySegment t,
            int batch,
            int classes,
            int space,
            float smoothing,
            int ignored,
            double[] dx) {
        double sum = 0;
        int counted = 0;
        for (int p = 0; p < batch * space; p++) if (t.getAtIndex(JAVA_INT, p) != ignored) counted++;
        for (int p = 0; p < batch * space; p++) {
            int target = t.getAtIndex(JAVA_INT, p);
            if (target == ignored) continue;
            int at = p / space * classes * space + p % space;
            double total = 0;
            for (int c = 0; c < classes; c++) total += Math.exp(x.getAtIndex(JAVA_FLOAT, at + c * space));
            for (int c = 0; c < classes; c++) {
                double q = (c == target ? 1 - smoothing : 0) + smoothing / classes;
                double logP = x.getAtIndex(JAVA_FLOAT, at + c * space) - Math.log(total);
                sum -= q * logP;
                dx[at + c * space] = (Math.exp(logP) - q) / counted;
            }
        }
        return sum / counted;
    }

    @Test
    void aTargetThatIsNoClassIsNamedWhicheverThreadMeetsIt() {
        MemorySegment x = random(64 * 10, 1);
        MemorySegment t = arena.allocate(JAVA_INT, 64);
        t.setAtIndex(JAVA_INT, 63, 10);
        var kernel = new CrossEntropyKernel(
                new OpenMpTeam(3), new Op.CrossEntropy(0, -100), new LogitTiles.Logits(64, 10, 1), x, t);
        Step forward = kernel.forward(scalar(0));
        var thrown = assertThrows(IllegalArgumentException.class, () -> forward.run(0));
        assertTrue(thrown.getMessage().startsWith("target 63 is class 10"), thrown.getMessage());
    }

    @Test
    void dropout() {
        int n = 10_007;
        float p = 0.3f;
        Op.Dropout op = new Op.Dropout(p, 5);
        for (int threads : THREADS) {
            Counted team = new Counted(threads);
            MemorySegment x = random(n, 4);
            MemorySegment y = arena.allocate(JAVA_FLOAT, n);
            new DropoutKernel(team, op, 11).step(x, y, n).run(9);
            assertEquals(1, team.runs);
            long key = DropoutMask.key(11, 5, 9);
            for (int i = 0; i < n; i++) {
                float kept = x.getAtIndex(JAVA_FLOAT, i) * (1 / (1 - p));
                assertEquals(DropoutMask.keeps(key, i, p) ? kept : 0f, y.getAtIndex(JAVA_FLOAT, i), "y at " + i);
            }
        }
    }

    @Test
    void largeBlocksAreZeroAlignedAndTouchedByTheTeam() {
        for (int threads : THREADS) {
            Counted team = new Counted(threads);
            MemorySegment block = NativeMemory.allocate(arena, (3 << 20) + 5, team);
            assertEquals(threads > 1 && OpenMpTeam.isAvailable() ? 1 : 0, team.runs);
            assertEquals(0, block.address() % 64);
            assertEquals((3 << 20) + 64, block.byteSize());
            for (byte b : block.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE)) assertEquals(0, b);
        }
        assertEquals(64, NativeMemory.allocate(arena, 0, Team.alone()).byteSize());
    }
}
