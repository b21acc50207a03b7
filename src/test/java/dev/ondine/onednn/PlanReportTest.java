package dev.ondine.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.PlanOptions;
import dev.ondine.backend.PlanReport;
import dev.ondine.backend.PlanReport.Buffer;
import dev.ondine.backend.PlanReport.Kind;
import dev.ondine.backend.PlanReport.Place;
import dev.ondine.backend.Precision;
import dev.ondine.graph.Cost;
import dev.ondine.graph.Differentiate;
import dev.ondine.graph.Graph;
import dev.ondine.graph.GraphBuilder;
import dev.ondine.graph.Op;
import dev.ondine.graph.Passes;
import dev.ondine.graph.Value;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.Models;
import dev.ondine.onednn.api.CpuIsa;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** That a plan's report adds up, and says what is slow. */
class PlanReportTest {
    private static final long ALIGNMENT = 64;

    private static Graph graph(String name, int batch, boolean training) {
        Shape sample = name.equals("resnet20") ? Shape.of(3, 32, 32) : Shape.of(1, 28, 28);
        try (Model model = Model.of(Models.create(name, sample, 10), sample, 1)) {
            Graph graph = model.graph(training ? Mode.TRAINING : Mode.EVALUATION, batch, (b, y) -> {
                Value target = b.input("target", DataType.INT32, Shape.of(batch));
                b.output("loss", b.add(new Op.CrossEntropy(0, -100), y, target));
            });
            return training ? Differentiate.parameters(graph, graph.outputs().get("loss")) : graph;
        }
    }

    private static PlanReport report(Graph graph) {
        return report(graph, PlanOptions.threads(1));
    }

    private static PlanReport report(Graph graph, PlanOptions options) {
        try (OneDnnPlan plan = new OneDnnBackend().compile(graph, options)) {
            return plan.report().orElseThrow();
        }
    }

    /** The first and last step that touch a place, whichever of the buffers in it. */
    private record Life(int first, int last) {}

    private static Map<Integer, Life> lives(PlanReport report) {
        Map<Integer, Life> lives = new LinkedHashMap<>();
        List<PlanReport.Step> all = new ArrayList<>(report.prologue());
        all.addAll(report.steps());
        for (PlanReport.Step step : all) {
            List<PlanReport.Operand> operands = new ArrayList<>(step.reads());
            operands.addAll(step.writes());
            for (PlanReport.Operand o : operands) {
                lives.merge(
                        report.buffers().get(o.buffer()).root(),
                        new Life(step.index(), step.index()),
                        (a, b) -> new Life(Math.min(a.first, b.first), Math.max(a.last, b.last)));
            }
        }
        return lives;
    }

    @ParameterizedTest
    @CsvSource({"resnet20,true", "resnet20,false", "lenet-bn,true", "mlp-bn,true"})
    void buffersThatLiveAtOnceDoNotOverlap(String model, boolean training) {
        PlanReport report =
                report(graph(model, 4, training), PlanOptions.threads(1).folding(!training));
        assertEquals(training, report.prologue().isEmpty());
        Map<Integer, Life> lives = lives(report);
        List<Buffer> places = report.buffers().stream()
                .filter(b -> b.place() == Place.ARENA && b.root() == b.id())
                .toList();
        assertFalse(places.isEmpty());
        assertEquals(training, report.gradientsInArena());
        long end = training ? report.gradientBytes() : 0;
        for (Buffer a : places) {
            end = Math.max(end, (a.offset() + a.bytes() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
            for (Buffer b : places) {
                if (a.id() >= b.id()) continue;
                Life x = lives.getOrDefault(a.id(), new Life(0, 0));
                Life y = lives.getOrDefault(b.id(), new Life(0, 0));
                boolean together = a.pinned() || b.pinned() || x.first <= y.last && y.first <= x.last;
                boolean apart = a.offset() + a.bytes() <= b.offset() || b.offset() + b.bytes() <= a.offset();
                assertTrue(!together || apart, a + " and " + b);
            }
        }
        assertEquals(report.arenaBytes(), end);
    }

    @Test
    void whatIsWrittenInPlaceLiesWhereItsInputLay() {
        PlanReport report = report(graph("resnet20", 4, true));
        List<Buffer> over = report.buffers().stream()
                .filter(b -> b.overwrites().isPresent())
                .toList();
        // Nine sums with their ReLU, and their gradients, at least.
        assertTrue(over.size() >= 18, over.toString());
        for (Buffer b : over) {
            Buffer before = report.buffers().get(b.overwrites().getAsInt());
            assertEquals(before.offset(), b.offset());
            assertEquals(before.root(), b.root());
            assertEquals(before.last(), b.first(), "read for the last time by the step that writes over it");
        }
    }

    @Test
    void sumsAddUp() {
        Graph graph = graph("resnet20", 4, true);
        PlanReport report = report(graph);
        assertTrue(report.arenaBytes() < report.unsharedBytes());
        long most = 0;
        for (int i = 0; i < report.steps().size(); i++) most = Math.max(most, report.liveBytes(i));
        assertEquals(most, report.liveBytes(report.fullestStep()));
        assertTrue(most <= report.arenaBytes(), most + " of " + report.arenaBytes());
        assertEquals(report.parameterBytes(), report.gradientBytes());
        // The passes behind change what ReLUs there are, not what the convolutions do.
        assertEquals(
                convolutionFlops(graph),
                report.steps().stream()
                        .filter(s -> s.kind().toString().startsWith("convolution"))
                        .mapToLong(PlanReport.Step::flops)
                        .sum());
        for (int i = 0; i < report.steps().size(); i++)
            assertEquals(i, report.steps().get(i).index());
        for (int i = 0; i < report.buffers().size(); i++)
            assertEquals(i, report.buffers().get(i).id());
    }

    private static long convolutionFlops(Graph graph) {
        return graph.nodes().stream()
                .filter(n -> n.op().getClass().getSimpleName().startsWith("Convolution"))
                .mapToLong(n -> Cost.of(n).flops())
                .sum();
    }

    @Test
    void everyStepHasItsLayer() {
        PlanReport report = report(graph("resnet20", 4, true));
        Map<Kind, Long> without = report.steps().stream()
                .filter(s -> s.path().isEmpty())
                .collect(Collectors.groupingBy(PlanReport.Step::kind, Collectors.counting()));
        // The loss, and the reorders of inputs and outputs, belong to no layer; reorders of parameters to that of the
        // parameter.
        assertFalse(without.containsKey(Kind.CONVOLUTION_FORWARD), without.toString());
        assertTrue(without.getOrDefault(Kind.REORDER, 0L) <= 2, without.toString());
    }

    /** A new pass that does not say what it did would leave an older graph as the last that is shown. */
    @ParameterizedTest
    @CsvSource({"true,FLOAT32", "false,FLOAT32", "true,BFLOAT16_EMULATED", "false,BFLOAT16_EMULATED"})
    void theLastGraphThatIsShownIsTheOneThatRuns(boolean training, Precision precision) {
        List<String> passes = new ArrayList<>();
        List<Graph> graphs = new ArrayList<>();
        Graph runs = Passes.watch(
                (pass, graph) -> {
                    passes.add(pass);
                    graphs.add(graph);
                },
                () -> {
                    Graph graph = graph("resnet20", 2, training);
                    PlanOptions options =
                            PlanOptions.threads(1).precision(precision).folding(!training);
                    try (OneDnnPlan plan = new OneDnnBackend().compile(graph, options)) {
                        return plan.graph();
                    }
                });
        assertEquals(runs, graphs.getLast());
        assertEquals("built", passes.getFirst());
        assertEquals(training, passes.contains("differentiated"));
        assertTrue(passes.contains("fused"), passes.toString());
        Passes.done("nobody listens", runs);
        assertEquals(passes.size(), graphs.size());
    }

    static boolean withoutAvx512() {
        return !OneDnn.effectiveIsa().isAtLeast(CpuIsa.AVX512_CORE);
    }

    /** Without AVX-512 oneDNN 3.13 has no kernel for softmax's gradient; made of simpler ones, there is none for a softmax over one entry. */
    @Test
    @EnabledIf("withoutAvx512")
    void referenceLoopsAreReportedWithWhatWasTried() {
        GraphBuilder b = new GraphBuilder();
        Value x = b.input("x", DataType.FLOAT32, Shape.of(5, 1));
        Value y = b.add(new Op.Softmax(1, false), x);
        PlanReport report = report(Differentiate.apply(b.build(), y, x, List.of(x)));
        assertEquals(1, report.slow().size(), report.slow().toString());
        assertTrue(report.slow().getFirst().cure().contains("over one entry"));
        for (PlanReport.Slow slow : report.slow()) {
            PlanReport.Step step = report.steps().get(slow.step());
            assertTrue(step.implementation().contains("ref"), step.toString());
            assertFalse(slow.attempts().isEmpty());
            for (PlanReport.Attempt attempt : slow.attempts()) {
                boolean declined = attempt.answer().equals("declined");
                assertTrue(declined || attempt.answer().contains("ref"), attempt.toString());
                assertTrue(attempt.request().startsWith(step.operation()), attempt.toString());
            }
            assertTrue(slow.cure().contains("ONEDNN_VERBOSE"), slow.cure());
        }
        assertTrue(report(graph("resnet20", 2, true)).slow().isEmpty());
    }
}
