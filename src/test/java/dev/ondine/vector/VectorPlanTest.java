package dev.ondine.vector;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.BackendUnavailableException;
import dev.ondine.backend.Backends;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.ActivationKind;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.ModelException;
import dev.ondine.graph.Op;
import dev.ondine.graph.Value;
import dev.ondine.reference.ReferenceBackend;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class VectorPlanTest {
    private static final int OUTPUTS = 13;

    /** Sums of up to 63 products below 1 in float32: some √63 roundings of values below 8. */
    private static final float SUMS = 63 * 0x1p-24f * 8;

    /** Convolution, batch norm, ReLU, a sum with what went in, and a squared error: gradients for all. */
    private static Graph network(int batch) {
        GraphBuilder b = new GraphBuilder();
        Value x = b.input("x", DataType.FLOAT32, Shape.of(batch, OUTPUTS, 9, 9));
        Value w = b.parameter("w", Shape.of(OUTPUTS, OUTPUTS, 3, 3));
        Value gamma = b.parameter("gamma", Shape.of(OUTPUTS));
        Value beta = b.parameter("beta", Shape.of(OUTPUTS));
        List<Integer> one = List.of(1, 1);
        Value y = b.add(new Op.Convolution(one, one, one, one, 1, false), x, w);
        y = b.addAll(new Op.BatchNormalization(1e-5f, true, true, true, false), List.of(y, gamma, beta))
                .getFirst();
        y = b.add(new Op.Activation(ActivationKind.RELU, 0), y);
        y = b.add(new Op.Add(false), y, x);
        Value loss = b.add(new Op.MeanSquaredError(), y, b.input("target", DataType.FLOAT32, y.shape()));
        b.output("loss", loss);
        return Differentiate.parameters(b.build(), loss);
    }

    private static void fill(Plan plan) {
        for (Value v : plan.graph().inputs()) {
            Tensor t = plan.input(v.name());
            for (long i = 0; i < t.elements(); i++) t.setFloatAt(i, (float) Math.sin(i + v.id()));
        }
        List<Value> parameters = plan.graph().parameters();
        for (int p = 0; p < parameters.size(); p++) {
            try (Tensor t = Tensor.allocate(DataType.FLOAT32, parameters.get(p).shape())) {
                for (long i = 0; i < t.elements(); i++) t.setFloatAt(i, (float) Math.cos(i));
                plan.pack(p, t.segment(), plan.weights());
            }
        }
    }

    @Test
    void reluAndBatchNormAreOneKernelAndTheirMaskTakesTwoFloatsAChannel() {
        try (VectorPlan plan = new VectorBackend().compile(network(4), PlanOptions.threads(2))) {
            List<String> names = plan.stepNames();
            assertTrue(names.contains("batch norm + relu"), names.toString());
            assertTrue(names.contains("batch norm + relu backward"), names.toString());
            assertTrue(names.stream().noneMatch(n -> n.startsWith("relu")), names.toString());
            Value mask = plan.graph().nodes().stream()
                    .filter(n -> n.op() instanceof Op.BatchNormalization)
                    .findFirst()
                    .orElseThrow()
                    .outputs()
                    .getLast();
            assertEquals(2 * OUTPUTS, plan.place(mask).size());
        }
    }

    /** A parameter as the data of a convolution, whose channels are not last in the optimizer's block. */
    @Test
    void aParameterMayBeConvolved() {
        GraphBuilder b = new GraphBuilder();
        Value x = b.parameter("x", Shape.of(2, 3, 5, 4));
        Value w = b.parameter("w", Shape.of(7, 3, 3, 3));
        List<Integer> one = List.of(1, 1);
        Value y = b.add(new Op.Convolution(one, one, one, one, 1, false), x, w);
        Value loss = b.add(new Op.MeanSquaredError(), y, b.input("target", DataType.FLOAT32, y.shape()));
        b.output("y", y);
        Graph graph = Differentiate.parameters(b.build(), loss);
        List<float[]> results = new ArrayList<>();
        for (String backend : List.of("reference", "vector")) {
            try (Plan plan = Backends.named(backend).compile(graph, PlanOptions.threads(2))) {
                fill(plan);
                plan.run(0);
                results.add(plan.output("y").toFloatArray());
                for (int i = 0; i < 2; i++) {
                    Tensor d = Tensor.allocate(
                            DataType.FLOAT32, plan.graph().parameters().get(i).shape());
                    plan.unpack(i, plan.gradients(), d.segment());
                    results.add(d.toFloatArray());
                }
            }
        }
        for (int i = 0; i < 3; i++) assertArrayEquals(results.get(i), results.get(i + 3), SUMS);
    }

    /** What lies between the rows of blocked weights must stay zero under every optimizer. */
    @Test
    void paddingOfTheBlocksIsZero() {
        try (VectorPlan plan = new VectorBackend().compile(network(3), PlanOptions.threads(2))) {
            fill(plan);
            plan.run(0);
            for (MemorySegment block : List.of(plan.weights(), plan.gradients())) {
                long zeros = 0;
                for (long i = 0; i < plan.extent(0); i++) {
                    if (block.getAtIndex(ValueLayout.JAVA_FLOAT, plan.offset(0) + i) == 0) zeros++;
                }
                assertEquals(plan.extent(0) - (long) OUTPUTS * OUTPUTS * 9, zeros);
            }
        }
    }

    /** Once the kernels are compiled, a run leaves nothing for the garbage collector on the caller's thread. */
    @Test
    void aRunAllocatesNothing() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (VectorPlan plan = new VectorBackend().compile(network(8), PlanOptions.threads(2))) {
            fill(plan);
            long fewest = Long.MAX_VALUE;
            // Until then, vectors are objects: the compiler needs some thousand calls of each kernel.
            for (int i = 0; i < 3000 && fewest > 0; i++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                plan.run(i);
                fewest = Math.min(fewest, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, fewest);
        }
    }

    @Test
    void closingAPlanEndsItsThreads() throws InterruptedException {
        VectorPlan plan = new VectorBackend().compile(network(2), PlanOptions.threads(3));
        List<Thread> helpers = Thread.getAllStackTraces().keySet().stream()
                .filter(t -> t.getName().startsWith("ondine-vector-"))
                .toList();
        assertTrue(helpers.size() >= 2, helpers.toString());
        plan.close();
        long waiting = System.nanoTime();
        while (helpers.stream().filter(Thread::isAlive).count() > helpers.size() - 2) {
            assertTrue(System.nanoTime() - waiting < 20e9, "the threads of a closed plan still run");
            Thread.sleep(5);
        }
    }

    @Test
    void otherTypesAreRefusedWithTheWayOut() {
        GraphBuilder b = new GraphBuilder();
        Value x = b.input("x", DataType.BFLOAT16, Shape.of(2, 3));
        b.output("x", x);
        Graph graph = b.build();
        var e = assertThrows(ModelException.class, () -> new VectorBackend().compile(graph, PlanOptions.threads(1)));
        assertTrue(e.getMessage().contains("bf16") && e.getMessage().contains("onednn"), e.getMessage());
    }

    @Test
    void parametersAreNotSharedWithAnotherBackend() {
        try (var other = new ReferenceBackend().compile(network(2), PlanOptions.threads(1))) {
            PlanOptions options = PlanOptions.threads(1).sharing(other);
            var e = assertThrows(
                    IllegalArgumentException.class, () -> new VectorBackend().compile(network(3), options));
            assertTrue(e.getMessage().contains("plans of its own"), e.getMessage());
        }
    }

    /** In a virtual machine of its own, which is started without the module. */
    @Test
    void withoutTheModuleTheErrorNamesTheOption() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Unavailable.class.getName())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), said);
        assertTrue(said.contains("--add-modules jdk.incubator.vector"), said);
    }

    /** Asks for the backend and prints why it is not there. */
    static final class Unavailable {
        public static void main(String[] args) {
            try {
                Backends.named("vector");
                System.exit(1);
            } catch (BackendUnavailableException e) {
                System.out.println(e.getMessage());
            }
        }
    }
}
