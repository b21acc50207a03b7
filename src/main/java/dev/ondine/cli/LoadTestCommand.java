package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.ModelEntry;
import dev.ondine.nn.models.Models;
import dev.ondine.train.Predictor;
import dev.ondine.train.SavedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Asks a predictor from several threads, and times the answers. */
@CommandLine.Command(
        name = "loadtest",
        sortOptions = false,
        description = {
            "Ask a model for predictions from several threads at once, each as soon as its last question is answered;"
                    + " print throughput and latency.",
            ""
        },
        footer = {
            "",
            "The latency of a request is all that its caller waits: for its turn, for normalization, for the network."
                    + " Images are not decoded."
        })
final class LoadTestCommand extends Command {
    /** Before anything is counted: plans are compiled, pages touched, loops of Java compiled. */
    private static final double WARM_UP_SECONDS = 1;

    @Option(
            names = "--checkpoint",
            paramLabel = "FILE",
            description = "A model that says what it is: a model.safetensors of ondine train's, or an ONNX file.")
    private Path checkpoint;

    @Option(
            names = "--model",
            paramLabel = "NAME",
            description = "Or a network that ondine models lists, with weights drawn at random.")
    private String modelName;

    @Option(names = "--callers", paramLabel = "N", description = "Threads that ask. Default: ${DEFAULT-VALUE}.")
    private int callers = 1;

    @Option(names = "--batch", paramLabel = "N", description = "Samples of a request. Default: ${DEFAULT-VALUE}.")
    private int batch = 1;

    @Option(
            names = "--concurrency",
            paramLabel = "N",
            description =
                    "Requests that are computed at the same time; others wait for their turn. Default: so many that"
                            + " their threads (--threads each) are as many as the processors.")
    private Integer concurrency;

    @Option(
            names = "--seconds",
            paramLabel = "X",
            description = "How long to ask, after a second that is not counted. Default: ${DEFAULT-VALUE}.")
    private double seconds = 10;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Mixin
    private BackendOptions computing;

    /** What all callers together have seen: milliseconds, the shortest first. */
    private record Latencies(double[] sorted, double seconds) {
        /** The latency that this share of the requests did not exceed. */
        double percentile(double share) {
            return sorted[Math.clamp((int) Math.ceil(share * sorted.length) - 1, 0, sorted.length - 1)];
        }

        double perSecond() {
            return sorted.length / seconds;
        }
    }

    @Override
    public Integer call() throws IOException {
        if ((checkpoint == null) == (modelName == null)) {
            throw wrong("--checkpoint", "name either a --checkpoint or a --model, and only one");
        }
        if (modelName != null) requireOneOf("--model", Models.names(), modelName);
        require(callers > 0 && callers <= 1024, "--callers", "from 1 to 1024", callers);
        require(batch > 0 && batch <= 4096, "--batch", "from 1 to 4096", batch);
        if (concurrency != null) require(concurrency > 0, "--concurrency", "at least 1", concurrency);
        require(seconds > 0 && Double.isFinite(seconds), "--seconds", "a number above 0", seconds);
        computing.check(this);
        Backend backend = computing.open(this);
        if (checkpoint != null) {
            try (SavedModel saved = SavedModel.open(checkpoint)) {
                test(checkpoint + " (" + saved.name() + ")", Predictor.builder(saved), saved.model(), backend);
            }
        } else {
            ModelEntry entry = Models.get(modelName);
            try (Model model = Model.of(entry.create(), entry.sample(), 1)) {
                int channels = Math.toIntExact(entry.sample().dim(0));
                test(modelName, Predictor.builder(model, Normalization.identity(channels)), model, backend);
            }
        }
        return DONE;
    }

    private void test(String name, Predictor.Builder builder, Model model, Backend backend) throws IOException {
        builder.backend(backend).options(computing.options());
        if (concurrency != null) builder.concurrency(concurrency);
        try (Predictor predictor = builder.build()) {
            float[] samples = new float[Math.multiplyExact(batch, predictor.sampleSize())];
            SplittableRandom random = new SplittableRandom(1);
            for (int i = 0; i < samples.length; i++) samples[i] = random.nextFloat();
            predictor.warm(batch);
            Latencies latencies = ask(predictor, samples);
            if (json) printJson(name, latencies);
            else print(name + ", samples of " + model.sampleShape(), backend, latencies);
        }
    }

    private Latencies ask(Predictor predictor, float[] samples) throws IOException {
        long start = System.nanoTime() + (long) (WARM_UP_SECONDS * 1e9);
        long end = start + (long) (seconds * 1e9);
        try (ExecutorService threads = Executors.newFixedThreadPool(callers)) {
            List<Future<double[]>> all = new ArrayList<>();
            Callable<double[]> caller = () -> {
                double[] millis = new double[1024];
                int count = 0;
                // Of requests that end in time, so that throughput is not counted too high.
                for (long begin = System.nanoTime(); ; ) {
                    predictor.predict(samples);
                    long now = System.nanoTime();
                    // At least one, however short the time.
                    if (now >= end && count > 0) return Arrays.copyOf(millis, count);
                    if (begin >= start || now >= end) {
                        if (count == millis.length) millis = Arrays.copyOf(millis, 2 * count);
                        millis[count++] = (now - begin) * 1e-6;
                    }
                    if (now >= end) return Arrays.copyOf(millis, count);
                    begin = now;
                }
            };
            for (int c = 0; c < callers; c++) all.add(threads.submit(caller));
            double[] millis = new double[0];
            for (Future<double[]> one : all) {
                double[] more = one.get();
                int have = millis.length;
                millis = Arrays.copyOf(millis, have + more.length);
                System.arraycopy(more, 0, millis, have, more.length);
            }
            Arrays.sort(millis);
            return new Latencies(millis, seconds);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException r) throw r;
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while requests were timed", e);
        }
    }

    private void print(String name, Backend backend, Latencies l) {
        field("Model", name);
        field(
                "Load",
                callers + (callers == 1 ? " caller" : " callers") + ", " + batch + (batch == 1 ? " sample" : " samples")
                        + " a request");
        field("Backend", computing.describe(backend) + " a request");
        field(
                "Throughput",
                Text.fixed(l.perSecond(), 1) + " requests/s, " + Text.fixed(l.perSecond() * batch, 1) + " samples/s");
        field(
                "Latency",
                "p50 " + Text.fixed(l.percentile(0.5), 2) + " ms, p90 " + Text.fixed(l.percentile(0.9), 2) + " ms, p99 "
                        + Text.fixed(l.percentile(0.99), 2) + " ms, longest "
                        + Text.fixed(l.percentile(1), 2) + " ms (of " + Text.grouped(l.sorted().length) + " requests)");
    }

    private void printJson(String name, Latencies l) throws IOException {
        out().println(Json.write(object -> {
            object.writeStartObject();
            object.writeStringField("model", name);
            object.writeNumberField("callers", callers);
            object.writeNumberField("batch", batch);
            object.writeNumberField("threads", computing.threads());
            object.writeStringField("dtype", computing.precision().shortName());
            object.writeNumberField("requests", l.sorted().length);
            object.writeNumberField("requests_per_s", l.perSecond());
            object.writeNumberField("samples_per_s", l.perSecond() * batch);
            object.writeNumberField("p50_ms", l.percentile(0.5));
            object.writeNumberField("p90_ms", l.percentile(0.9));
            object.writeNumberField("p99_ms", l.percentile(0.99));
            object.writeNumberField("max_ms", l.percentile(1));
            object.writeEndObject();
        }));
    }
}
