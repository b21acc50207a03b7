package dev.ondine.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.ondine.backend.Backends;
import dev.ondine.profile.Peak;
import dev.ondine.profile.Processor;
import java.io.IOException;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Measures what the machine can do at most. */
@CommandLine.Command(
        name = "peak",
        sortOptions = false,
        description = {
            "Measure the machine's roofline: multiply-adds and memory bandwidth, on one thread and more. The results"
                    + " are kept for the commands that say how near they come. Nothing else should run meanwhile.",
            ""
        })
final class PeakCommand extends Command {
    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "The most threads to measure. Default: the processors that this process may use.")
    private Integer threads;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        if (threads != null) require(threads > 0 && threads <= MOST, "--threads", "1 to " + MOST, threads);
        List<Peak> peaks = new ArrayList<>();
        if (!json) {
            OptionalLong cache = Processor.lastLevelCache();
            field(
                    "Processor",
                    Processor.name() + (cache.isPresent() ? ", last-level cache " + size(cache.getAsLong()) : ""));
        }
        for (int count : counts(threads != null ? threads : Backends.defaultThreads())) {
            Peak peak = Peak.measure(count);
            if (!json) print(peak, peaks.isEmpty());
            peaks.add(peak);
        }
        if (json) printJson(peaks);
        return DONE;
    }

    /** More are never of use, and OpenMP ends the process if the system refuses it a thread. */
    private static final int MOST = 1024;

    /** 1, 2, 4 … and all of them. */
    static List<Integer> counts(int threads) {
        List<Integer> counts = new ArrayList<>();
        for (int n = 1; n < threads; n *= 2) counts.add(n);
        counts.add(threads);
        return counts;
    }

    private void print(Peak peak, boolean first) {
        if (first) {
            field("Measured by", peak.kernels());
            if (peak.clock().isPresent()) {
                field("Clock", Text.fixed(1e-9 * peak.clock().getAsDouble(), 2) + " GHz now");
            }
        }
        out().println();
        out().println(peak.threads() + (peak.threads() == 1 ? " thread" : " threads"));
        out().println(arithmetic("float32", peak.float32(), peak));
        if (peak.bfloat16().isPresent()) {
            out().println(arithmetic("bfloat16", peak.bfloat16().get(), peak));
        } else {
            out().println("  bfloat16   no instructions for it");
        }
        out().println("  memory       read    copy  stream  GB/s");
        for (Peak.Level level : peak.levels()) {
            out().println("  " + Text.left(size(level.bytes()), 8) + rate(level.read()) + rate(level.copy())
                    + (level.stream().isPresent() ? rate(level.stream().getAsDouble()) : "        "));
        }
    }

    private static String arithmetic(String type, Peak.Arithmetic rate, Peak peak) {
        String text = "  " + Text.left(type, 8) + rate(rate.flops()) + "  GFLOP/s, " + rate.instructions();
        OptionalDouble clock = peak.clock();
        if (clock.isEmpty()) return text;
        double perCycle = rate.flops() / clock.getAsDouble() / peak.threads();
        return text + ", " + Text.fixed(perCycle, 1) + " in each core's cycle";
    }

    private static String rate(double perSecond) {
        return Text.right(Text.fixed(1e-9 * perSecond, 1), 8);
    }

    private static String size(long bytes) {
        double megabytes = bytes / 1048576.0;
        return Text.fixed(megabytes, megabytes < 1 ? 1 : 0) + " MB";
    }

    private void printJson(List<Peak> peaks) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator object = new JsonFactory().createGenerator(text)) {
            object.writeStartObject();
            object.writeStringField("processor", Processor.name());
            OptionalLong cache = Processor.lastLevelCache();
            if (cache.isPresent()) object.writeNumberField("last_level_cache_bytes", cache.getAsLong());
            object.writeStringField("measured_by", peaks.getFirst().kernels());
            object.writeArrayFieldStart("peaks");
            for (Peak peak : peaks) write(peak, object);
            object.writeEndArray();
            object.writeEndObject();
        }
        out().println(text);
    }

    private static void write(Peak peak, JsonGenerator object) throws IOException {
        object.writeStartObject();
        object.writeNumberField("threads", peak.threads());
        if (peak.clock().isPresent())
            object.writeNumberField("clock_hz", peak.clock().getAsDouble());
        object.writeNumberField("f32_flops", peak.float32().flops());
        object.writeStringField("f32_instructions", peak.float32().instructions());
        if (peak.bfloat16().isPresent()) {
            object.writeNumberField("bf16_flops", peak.bfloat16().get().flops());
            object.writeStringField("bf16_instructions", peak.bfloat16().get().instructions());
        } else {
            object.writeNullField("bf16_flops");
        }
        object.writeArrayFieldStart("memory");
        for (Peak.Level level : peak.levels()) {
            object.writeStartObject();
            object.writeNumberField("bytes", level.bytes());
            object.writeNumberField("read_bytes_per_s", level.read());
            object.writeNumberField("copy_bytes_per_s", level.copy());
            if (level.stream().isPresent()) {
                object.writeNumberField("stream_bytes_per_s", level.stream().getAsDouble());
            }
            object.writeEndObject();
        }
        object.writeEndArray();
        object.writeEndObject();
    }
}
