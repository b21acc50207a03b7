package dev.ondine.cli;

import dev.ondine.train.Loss;
import dev.ondine.train.NonFinite;
import java.util.Map;
import picocli.CommandLine.Option;

/** How long a model is trained, on what batches, and for what. */
final class TrainingOptions {
    @Option(
            names = "--epochs",
            paramLabel = "N",
            description = "Passes over the training data. Default: ${DEFAULT-VALUE}.")
    int epochs = 3;

    @Option(names = "--batch", paramLabel = "N", description = "Samples a step. Default: ${DEFAULT-VALUE}.")
    int batch = 128;

    @Option(
            names = "--label-smoothing",
            paramLabel = "X",
            description = "How much of each target is spread over all classes. Default: ${DEFAULT-VALUE}.")
    private double labelSmoothing;

    @Option(
            names = "--on-nonfinite",
            paramLabel = "POLICY",
            description =
                    "fail or skip: what becomes of a step whose loss, batch statistics or gradients hold a NaN or an"
                            + " infinity. Such a step never reaches the parameters. Default: ${DEFAULT-VALUE}.")
    private String nonFiniteName = "fail";

    private NonFinite nonFinite;

    /** Checks the options; to be called before anything else. */
    void check(Command command) {
        nonFinite = command.constant("--on-nonfinite", NonFinite.class, nonFiniteName);
        command.require(epochs > 0, "--epochs", "at least 1", epochs);
        command.require(batch > 0, "--batch", "at least 1", batch);
        command.require(
                labelSmoothing >= 0 && labelSmoothing < 1,
                "--label-smoothing",
                "at least 0 and below 1",
                labelSmoothing);
    }

    /** Refuses what is about classes, for a model that tells none apart; after {@link #check}. */
    void requireNoClasses(Command command) {
        if (labelSmoothing > 0) {
            throw command.wrong("--label-smoothing", "the model gives back its input: there are no labels to smooth");
        }
    }

    NonFinite nonFinite() {
        return nonFinite;
    }

    Loss.CrossEntropy loss() {
        return Loss.crossEntropy().smoothing(labelSmoothing);
    }

    /** {@code 3 epochs, batches of 128, warm-up 0.5, label smoothing 0.1}. */
    String describe(int accumulate, double warmup) {
        StringBuilder text = new StringBuilder();
        text.append(epochs)
                .append(epochs == 1 ? " epoch" : " epochs")
                .append(", batches of ")
                .append(batch);
        if (accumulate > 1) text.append(" times ").append(accumulate);
        if (warmup > 0) text.append(", warm-up ").append(Text.plain(warmup));
        if (labelSmoothing > 0) text.append(", label smoothing ").append(Text.plain(labelSmoothing));
        return text.toString();
    }

    /** Adds all to a log line. */
    void log(Map<String, Object> line) {
        line.put("epochs", epochs);
        line.put("batch", batch);
        line.put("label_smoothing", labelSmoothing);
        line.put("on_nonfinite", nonFiniteName);
    }
}
