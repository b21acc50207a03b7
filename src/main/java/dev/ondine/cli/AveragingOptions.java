package dev.ondine.cli;

import dev.ondine.train.Averaging;
import java.util.Map;
import picocli.CommandLine.Option;

/** Which average of the weights is kept. */
final class AveragingOptions {
    @Option(
            names = "--ema",
            paramLabel = "DECAY",
            description =
                    "Keep an exponential moving average of the weights, 0.999 say; it is measured after each epoch and"
                            + " saved as averaged.safetensors. Default: none.")
    private Double ema;

    @Option(
            names = "--swa",
            paramLabel = "EPOCH",
            description = "Average the weights after each epoch from this one on, and estimate the statistics of batch"
                    + " normalization anew for them at the end. Default: none.")
    private Integer swa;

    void check(Command command, int epochs) {
        if (ema != null) command.require(ema > 0 && ema < 1, "--ema", "above 0 and below 1", ema);
        if (swa != null) command.require(swa >= 1 && swa <= epochs, "--swa", "an epoch from 1 to " + epochs, swa);
        if (ema != null && swa != null) throw command.wrong("--swa", "one average is kept, and --ema is given, too");
    }

    /** Adds what is kept, if anything, to a log line. */
    void log(Map<String, Object> line) {
        if (ema != null) line.put("ema", ema);
        if (swa != null) line.put("swa", swa);
    }

    Averaging averaging() {
        if (ema != null) return Averaging.ema(ema);
        return swa != null ? Averaging.swa(swa) : Averaging.none();
    }
}
