package dev.ondine.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.ondine.backend.Backend;
import dev.ondine.nn.Model;
import dev.ondine.onednn.OneDnnPlan;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Optimizer;
import dev.ondine.train.Trainer;
import dev.ondine.train.TrainingBatch;
import java.io.IOException;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Times training steps. */
@CommandLine.Command(
        name = "bench",
        sortOptions = false,
        description = {"Time whole training steps (forward, loss, backward, update) on random images.", ""})
final class BenchCommand extends Command {
    /** Steps that are not timed: the first ones fault memory in and are compiled by Java. */
    private static final int WARM_UP = 5;

    private static final int PROFILED = 15;

    @Option(
            names = "--workload",
            paramLabel = "NAME",
            description = "resnet20, cnn, lenet or mlp. Default: ${DEFAULT-VALUE}.")
    private String workloadName = "resnet20";

    @Option(names = "--batch", paramLabel = "N", description = "Samples a step. Default: 128, of mlp 64.")
    private Integer batchSize;

    @Option(
            names = "--seconds",
            paramLabel = "X",
            description = "How long to time, at least. Default: ${DEFAULT-VALUE}.")
    private double seconds = 10;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Mixin
    private BackendOptions computing;

    private BenchWorkload workload;

    /**
     * What was measured.
     *
     * @param firstStep seconds from the start of the virtual machine to the end of the first step
     * @param primitives share of a step that is spent inside oneDNN's primitives; NaN if that is not known
     */
    private record Timing(double medianMillis, double fastestMillis, int steps, double firstStep, double primitives) {}

    @Override
    public Integer call() throws IOException {
        workload = constant("--workload", BenchWorkload.class, workloadName);
        if (batchSize != null) require(batchSize > 0, "--batch", "at least 1", batchSize);
        require(seconds > 0 && Double.isFinite(seconds), "--seconds", "a number above 0", seconds);
        computing.check(this);
        int size = batchSize != null ? batchSize : workload.batch();
        Backend backend = computing.open(this);
        try (Model model = Model.of(workload.network(), workload.sample(), 1);
                Trainer trainer = Trainer.of(model)
                        .backend(backend)
                        .optimizer(Optimizer.Sgd.of(0.01).momentum(0.9).weightDecay(5e-4))
                        .threads(computing.threads())
                        .precision(computing.precision())
                        .build()) {
            TrainingBatch batch = trainer.batch(size);
            fill(batch);
            Timing timing = time(batch);
            if (json) {
                printJson(size, backend, timing);
            } else {
                print(size, backend, trainer, timing);
            }
        }
        return DONE;
    }

    private static void fill(TrainingBatch batch) {
        SplittableRandom random = new SplittableRandom(1);
        Tensor input = batch.input();
        float[] pixels = new float[Math.toIntExact(input.elements())];
        for (int i = 0; i < pixels.length; i++) pixels[i] = (float) random.nextDouble(-1, 1);
        input.copyFrom(pixels);
        for (int i = 0; i < batch.size(); i++) batch.target().setIntAt(i, random.nextInt(BenchWorkload.CLASSES));
    }

    private Timing time(TrainingBatch batch) {
        batch.step();
        double firstStep = Machine.uptime();
        for (int i = 1; i < WARM_UP; i++) batch.step();
        long[] nanos = new long[64];
        int steps = 0;
        long start = System.nanoTime();
        long end = start + (long) (seconds * 1e9);
        long before = start;
        while (before < end) {
            batch.step();
            long now = System.nanoTime();
            if (steps == nanos.length) nanos = Arrays.copyOf(nanos, 2 * steps);
            nanos[steps++] = now - before;
            before = now;
        }
        nanos = Arrays.copyOf(nanos, steps);
        Arrays.sort(nanos);
        double median = (nanos[steps / 2] + nanos[(steps - 1) / 2]) / 2.0;
        return new Timing(median * 1e-6, nanos[0] * 1e-6, steps, firstStep, json ? Double.NaN : primitives(batch));
    }

    /** The share of a step that oneDNN's primitives take: steps and runs that time each primitive in turns. */
    private static double primitives(TrainingBatch batch) {
        if (!(batch.plan() instanceof OneDnnPlan plan)) return Double.NaN;
        List<String> names = plan.stepNames();
        long[] steps = new long[PROFILED];
        long[] primitives = new long[PROFILED];
        for (int run = 0; run < PROFILED; run++) {
            long start = System.nanoTime();
            batch.step();
            steps[run] = System.nanoTime() - start;
            long[] nanos = plan.profile(run);
            for (int i = 0; i < nanos.length; i++) {
                if (!names.get(i).endsWith(" java")) primitives[run] += nanos[i];
            }
        }
        Arrays.sort(steps);
        Arrays.sort(primitives);
        // The fastest of each: a neighbour on the machine must not be taken for one or the other.
        return (double) primitives[0] / steps[0];
    }

    private void print(int size, Backend backend, Trainer trainer, Timing timing) {
        field(
                "Workload",
                workload + ", batch " + size + ", " + computing.precision().shortName() + ", whole training step");
        field("Backend", computing.describe(backend));
        field("Updates", trainer.updateKernels());
        field("Speed", Text.fixed(1000 * size / timing.medianMillis, 1) + " images/s");
        field(
                "Step",
                Text.fixed(timing.medianMillis, 2) + " ms (median of " + timing.steps + ", fastest "
                        + Text.fixed(timing.fastestMillis, 2) + ")");
        if (Double.isFinite(timing.primitives)) {
            field("Primitives", Text.fixed(100 * timing.primitives, 1) + " % of the step");
        }
        field("First step", "done " + Text.fixed(timing.firstStep, 2) + " s after the start of Java");
        OptionalLong peak = Machine.peakMegabytes();
        field("Peak memory", peak.isPresent() ? Text.grouped(peak.getAsLong()) + " MB" : "n/a");
    }

    private void printJson(int size, Backend backend, Timing timing) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator object = new JsonFactory().createGenerator(text)) {
            object.writeStartObject();
            object.writeStringField("workload", workload.toString());
            object.writeNumberField("batch", size);
            object.writeStringField("backend", backend.name());
            object.writeStringField("dtype", computing.precision().shortName());
            object.writeNumberField("threads", computing.threads());
            object.writeNumberField("images_per_s", 1000 * size / timing.medianMillis);
            object.writeNumberField("ms_per_step", timing.medianMillis);
            object.writeNumberField("steps", timing.steps);
            OptionalLong peak = Machine.peakMegabytes();
            if (peak.isPresent()) {
                object.writeNumberField("peak_rss_mb", peak.getAsLong());
            } else {
                object.writeNullField("peak_rss_mb");
            }
            object.writeEndObject();
        }
        out().println(text);
    }
}
