package dev.ondine.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.ondine.backend.Backend;
import dev.ondine.backend.PlanOptions;
import dev.ondine.graph.Cost;
import java.io.IOException;
import java.io.StringWriter;
import java.util.OptionalLong;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Times whole workloads. */
@CommandLine.Command(
        name = "bench",
        sortOptions = false,
        description = {
            "Time a network or a workload on random data: whole training steps (forward, loss, backward, update),"
                    + " inference, or one operation forward and backward. Default: --workload resnet20.",
            ""
        })
final class BenchCommand extends Command {
    @Mixin
    private NetworkOptions network;

    @Option(
            names = "--seconds",
            paramLabel = "X",
            description = "How long to time, at least. Default: ${DEFAULT-VALUE}.")
    private double seconds = 10;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Mixin
    private BackendOptions computing;

    private NetworkOptions.Network chosen;

    @Override
    public Integer call() throws IOException {
        chosen = network.open(this, BenchWorkload.RESNET20);
        require(seconds > 0 && Double.isFinite(seconds), "--seconds", "a number above 0", seconds);
        computing.check(this);
        Backend backend = computing.open(this);
        try (BenchStep step = prepare(backend)) {
            BenchTiming timing = BenchTiming.measure(step, seconds);
            BenchWork work = BenchWork.of(step.plan().graph(), computing.threads(), computing.precision());
            if (json) {
                printJson(backend, timing, work);
            } else {
                print(backend, step, timing, work);
            }
        }
        return DONE;
    }

    private BenchStep prepare(Backend backend) {
        PlanOptions options = PlanOptions.threads(computing.threads()).precision(computing.precision());
        if (chosen.training()) return new BenchTraining(chosen, backend, options);
        if (chosen.layer().isPresent()) return new BenchInference(chosen, backend, options);
        return new BenchOperation(chosen.special().orElseThrow(), chosen.batch(), backend, options);
    }

    private void print(Backend backend, BenchStep step, BenchTiming timing, BenchWork work) {
        double perSecond = 1e3 / timing.medianMillis();
        field(
                "Workload",
                chosen.name() + ", batch " + chosen.batch() + ", "
                        + computing.precision().shortName() + ", " + chosen.kind());
        field("Backend", computing.describe(backend));
        if (!step.updates().isEmpty()) field("Updates", step.updates());
        field("Speed", Text.fixed(chosen.batch() * perSecond, 1) + " images/s");
        field(
                "Step",
                Text.fixed(timing.medianMillis(), 2) + " ms (median of " + timing.steps() + ", fastest "
                        + Text.fixed(timing.fastestMillis(), 2) + ")");
        Cost cost = work.cost();
        field(
                "Work",
                Text.fixed(cost.flops() * 1e-9, 2) + " GFLOP a step: " + Text.fixed(cost.flops() * perSecond * 1e-9, 1)
                        + " GFLOP/s; at least " + Text.fixed(cost.bytes() * 1e-6, 1) + " MB read and written: "
                        + Text.fixed(cost.bytes() * perSecond * 1e-9, 1) + " GB/s");
        field(
                "Roofline",
                work.seconds().isPresent()
                        ? Text.fixed(100 * work.seconds().getAsDouble() * perSecond, 1)
                                + " % of what this machine can do at most"
                        : "n/a: ondine peak measures that of this machine");
        if (Double.isFinite(timing.primitives())) {
            field("Primitives", Text.fixed(100 * timing.primitives(), 1) + " % of the step");
        }
        field("First step", "done " + Text.fixed(timing.firstStep(), 2) + " s after the start of Java");
        if (Double.isFinite(timing.allocated())) {
            field("Allocated", Text.fixed(timing.allocated(), 0) + " bytes of Java's heap a step");
        }
        OptionalLong peak = Machine.peakMegabytes();
        field("Peak memory", peak.isPresent() ? Text.grouped(peak.getAsLong()) + " MB" : "n/a");
    }

    private void printJson(Backend backend, BenchTiming timing, BenchWork work) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator object = new JsonFactory().createGenerator(text)) {
            double perSecond = 1e3 / timing.medianMillis();
            object.writeStartObject();
            object.writeStringField("workload", chosen.name());
            object.writeNumberField("batch", chosen.batch());
            object.writeStringField("backend", backend.name());
            object.writeStringField("dtype", computing.precision().shortName());
            object.writeNumberField("threads", computing.threads());
            object.writeNumberField("images_per_s", chosen.batch() * perSecond);
            object.writeNumberField("ms_per_step", timing.medianMillis());
            object.writeNumberField("steps", timing.steps());
            object.writeNumberField("gflop_per_s", work.cost().flops() * perSecond * 1e-9);
            object.writeNumberField("gb_per_s", work.cost().bytes() * perSecond * 1e-9);
            number(object, "roofline_percent", 100 * work.seconds().orElse(Double.NaN) * perSecond);
            number(object, "primitives_percent", 100 * timing.primitives());
            number(object, "allocated_bytes_per_step", timing.allocated());
            object.writeNumberField("first_step_s", timing.firstStep());
            OptionalLong peak = Machine.peakMegabytes();
            number(object, "peak_rss_mb", peak.isPresent() ? peak.getAsLong() : Double.NaN);
            object.writeEndObject();
        }
        out().println(text);
    }

    /** Null where it is not known. */
    private static void number(JsonGenerator object, String name, double value) throws IOException {
        if (Double.isFinite(value)) {
            object.writeNumberField(name, value);
        } else {
            object.writeNullField(name);
        }
    }
}
