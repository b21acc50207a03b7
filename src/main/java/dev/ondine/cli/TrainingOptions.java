package dev.ondine.cli;

import dev.ondine.train.Loss;
import dev.ondine.train.NonFinite;
import dev.ondine.train.Optimizer;
import dev.ondine.train.Schedule;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Option;

/** How a model is trained: optimizer, learning rate and what becomes of it, loss. */
final class TrainingOptions {
    /** Optimizers by the names of the command line. */
    enum OptimizerName {
        SGD,
        NESTEROV,
        ADAM,
        ADAMW;

        boolean isSgd() {
            return this == SGD || this == NESTEROV;
        }

        double usualDecay() {
            return switch (this) {
                case SGD, NESTEROV -> 5e-4;
                case ADAM -> 0;
                case ADAMW -> 0.01;
            };
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Schedules by the names of the command line. */
    enum ScheduleName {
        CONSTANT,
        STEP,
        COSINE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A step schedule has so many stages, each with a tenth of the rate before. */
    private static final int STAGES = 3;

    @Option(
            names = "--epochs",
            paramLabel = "N",
            description = "Passes over the training data. Default: ${DEFAULT-VALUE}.")
    int epochs = 3;

    @Option(names = "--batch", paramLabel = "N", description = "Samples a step. Default: ${DEFAULT-VALUE}.")
    int batch = 128;

    @Option(
            names = "--optimizer",
            paramLabel = "NAME",
            description = "sgd, nesterov, adam or adamw. Default: ${DEFAULT-VALUE}.")
    private String optimizerName = "nesterov";

    @Option(
            names = "--lr",
            paramLabel = "X",
            description =
                    "Learning rate before the schedule. Default: 0.1 for sgd and nesterov, 0.002 for adam and adamw.")
    private Double rate;

    @Option(names = "--momentum", paramLabel = "X", description = "Of sgd and nesterov. Default: 0.9.")
    private Double momentum;

    @Option(
            names = "--weight-decay",
            paramLabel = "X",
            description = "Default: 5e-4 for sgd and nesterov, 0 for adam, 0.01 for adamw.")
    private Double weightDecay;

    @Option(
            names = "--schedule",
            paramLabel = "NAME",
            description =
                    "constant, step or cosine. cosine ends at 0; step divides by 10 after each third of the epochs."
                            + " Default: ${DEFAULT-VALUE}.")
    private String scheduleName = "cosine";

    @Option(
            names = "--warmup",
            paramLabel = "EPOCHS",
            description = "How long the learning rate rises from nearly 0. Default: ${DEFAULT-VALUE}.")
    private double warmup = 0.5;

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

    private OptimizerName optimizer;
    private ScheduleName schedule;
    private NonFinite nonFinite;

    /** Checks the options, and sets those that were left open and apply; to be called before anything else. */
    void check(Command command) {
        optimizer = command.constant("--optimizer", OptimizerName.class, optimizerName);
        schedule = command.constant("--schedule", ScheduleName.class, scheduleName);
        nonFinite = command.constant("--on-nonfinite", NonFinite.class, nonFiniteName);
        command.require(epochs > 0, "--epochs", "at least 1", epochs);
        command.require(batch > 0, "--batch", "at least 1", batch);
        if (rate != null) command.require(rate > 0 && Double.isFinite(rate), "--lr", "a number above 0", rate);
        if (momentum != null) {
            if (!optimizer.isSgd()) throw command.wrong("--momentum", optimizer + " has none; sgd and nesterov have");
            command.require(momentum >= 0 && momentum < 1, "--momentum", "at least 0 and below 1", momentum);
            command.require(
                    momentum > 0 || optimizer == OptimizerName.SGD, "--momentum", "above 0 for nesterov", momentum);
        }
        if (weightDecay != null) {
            command.require(
                    weightDecay >= 0 && Double.isFinite(weightDecay), "--weight-decay", "0 or more", weightDecay);
        }
        command.require(warmup >= 0 && Double.isFinite(warmup), "--warmup", "0 epochs or more", warmup);
        command.require(
                labelSmoothing >= 0 && labelSmoothing < 1,
                "--label-smoothing",
                "at least 0 and below 1",
                labelSmoothing);
        if (rate == null) rate = optimizer.isSgd() ? 0.1 : 0.002;
        if (momentum == null && optimizer.isSgd()) momentum = 0.9;
        if (weightDecay == null) weightDecay = optimizer.usualDecay();
    }

    Optimizer optimizer() {
        return switch (optimizer) {
            case SGD, NESTEROV -> new Optimizer.Sgd(rate, momentum, weightDecay, optimizer == OptimizerName.NESTEROV);
            case ADAM -> Optimizer.Adam.of(rate).weightDecay(weightDecay);
            case ADAMW -> Optimizer.Adam.decoupled(rate).weightDecay(weightDecay);
        };
    }

    Schedule schedule() {
        Schedule then = switch (schedule) {
            case CONSTANT -> Schedule.constant();
            case STEP -> Schedule.step((double) epochs / STAGES, 0.1);
            case COSINE -> Schedule.cosine(epochs);
        };
        return then.warmup(warmup);
    }

    NonFinite nonFinite() {
        return nonFinite;
    }

    Loss.CrossEntropy loss() {
        return Loss.crossEntropy().smoothing(labelSmoothing);
    }

    /** {@code nesterov, lr 0.1, cosine, momentum 0.9, weight decay 0.0005}. */
    String describe() {
        StringBuilder text = new StringBuilder();
        text.append(optimizer)
                .append(", lr ")
                .append(Text.plain(rate))
                .append(", ")
                .append(schedule);
        if (optimizer.isSgd()) text.append(", momentum ").append(Text.plain(momentum));
        return text.append(", weight decay ").append(Text.plain(weightDecay)).toString();
    }

    /** {@code 3 epochs, batches of 128, warm-up 0.5, label smoothing 0.1}. */
    String describeCourse() {
        StringBuilder text = new StringBuilder();
        text.append(epochs)
                .append(epochs == 1 ? " epoch" : " epochs")
                .append(", batches of ")
                .append(batch);
        if (warmup > 0) text.append(", warm-up ").append(Text.plain(warmup));
        if (labelSmoothing > 0) text.append(", label smoothing ").append(Text.plain(labelSmoothing));
        return text.toString();
    }

    /** Adds all to a log line. */
    void log(Map<String, Object> line) {
        line.put("epochs", epochs);
        line.put("batch", batch);
        line.put("optimizer", optimizer.toString());
        line.put("lr", rate);
        if (optimizer.isSgd()) line.put("momentum", momentum);
        line.put("weight_decay", weightDecay);
        line.put("schedule", schedule.toString());
        line.put("warmup", warmup);
        line.put("label_smoothing", labelSmoothing);
        line.put("on_nonfinite", nonFiniteName);
    }
}
