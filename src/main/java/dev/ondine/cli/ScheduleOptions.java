package dev.ondine.cli;

import dev.ondine.train.Fit;
import dev.ondine.train.Monitor;
import dev.ondine.train.ReduceOnPlateau;
import dev.ondine.train.Schedule;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Option;

/** What becomes of the learning rate. */
final class ScheduleOptions {
    /** Schedules by the names of the command line. */
    enum Name {
        CONSTANT,
        STEP,
        MULTISTEP,
        EXPONENTIAL,
        COSINE,
        RESTARTS,
        ONECYCLE,
        PLATEAU;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A step schedule has so many stages. */
    private static final int STAGES = 3;

    /** The least share of the rate that a plateau leaves. */
    private static final double PLATEAU_FLOOR = 1e-4;

    @Option(
            names = "--schedule",
            paramLabel = "NAME",
            description = "constant; step: times --gamma after each third of the epochs; multistep: after each of"
                    + " --milestones; exponential: every epoch; cosine: down to 0 at the end; restarts: a cosine"
                    + " over --cycle epochs, again and again; onecycle: up and down; plateau: times --gamma after"
                    + " --plateau-patience epochs without a better one. Default: ${DEFAULT-VALUE}.")
    private String name = "cosine";

    @Option(names = "--gamma", paramLabel = "X", description = "Default: 0.1; 0.95 for exponential.")
    private Double gamma;

    @Option(names = "--milestones", paramLabel = "EPOCH", split = ",", description = "Of multistep: 10,20,25.")
    private List<Double> milestones;

    @Option(names = "--cycle", paramLabel = "EPOCHS", description = "Of restarts, the first one. Default: 10.")
    private Double cycle;

    @Option(
            names = "--cycle-growth",
            paramLabel = "X",
            description = "Of restarts: how many times as long the next cycle is. Default: 1.")
    private Double growth;

    @Option(names = "--plateau-patience", paramLabel = "N", description = "Of plateau. Default: 5.")
    private Integer patience;

    @Option(
            names = "--warmup",
            paramLabel = "EPOCHS",
            description =
                    "How long the learning rate rises from nearly 0; with any schedule. Default: ${DEFAULT-VALUE}.")
    private double warmup = 0.5;

    @Option(
            names = "--schedule-per",
            paramLabel = "step|epoch",
            description =
                    "When the schedule moves on; a warm-up always does with each step. Default: ${DEFAULT-VALUE}.")
    private String per = "step";

    private Name schedule;

    void check(Command command) {
        schedule = command.constant("--schedule", Name.class, name);
        command.requireOneOf("--schedule-per", List.of("step", "epoch"), per);
        command.require(warmup >= 0 && Double.isFinite(warmup), "--warmup", "0 epochs or more", warmup);
        only(command, "--milestones", milestones, Name.MULTISTEP);
        only(command, "--cycle", cycle, Name.RESTARTS);
        only(command, "--cycle-growth", growth, Name.RESTARTS);
        only(command, "--plateau-patience", patience, Name.PLATEAU);
        only(command, "--gamma", gamma, Name.STEP, Name.MULTISTEP, Name.EXPONENTIAL, Name.PLATEAU);
        if (gamma != null) command.require(gamma > 0 && gamma < 1, "--gamma", "above 0 and below 1", gamma);
        if (cycle != null) command.require(cycle > 0, "--cycle", "above 0", cycle);
        if (growth != null) command.require(growth >= 1, "--cycle-growth", "at least 1", growth);
        if (patience != null) command.require(patience >= 0, "--plateau-patience", "at least 0", patience);
        switch (schedule) {
            case STEP, PLATEAU -> gamma = or(gamma, 0.1);
            case EXPONENTIAL -> gamma = or(gamma, 0.95);
            case RESTARTS -> {
                cycle = or(cycle, 10);
                growth = or(growth, 1);
            }
            case MULTISTEP -> {
                gamma = or(gamma, 0.1);
                if (milestones == null || milestones.isEmpty()) {
                    throw command.wrong("--schedule", "multistep needs --milestones: epochs, with commas between");
                }
                for (int i = 0; i < milestones.size(); i++) {
                    double before = i == 0 ? 0 : milestones.get(i - 1);
                    command.require(
                            milestones.get(i) > before, "--milestones", "epochs in rising order", milestones.get(i));
                }
            }
            case CONSTANT, COSINE, ONECYCLE -> {}
        }
        if (schedule == Name.PLATEAU && patience == null) patience = 5;
    }

    private static double or(Double given, double usual) {
        return given != null ? given : usual;
    }

    private void only(Command command, String option, Object given, Name... wanted) {
        if (given != null && !List.of(wanted).contains(schedule)) {
            throw command.wrong(option, "the schedule " + schedule + " has none; see --schedule");
        }
    }

    /** @param stepsPerEpoch so that the last step of a cycle has the last rate */
    Schedule schedule(int epochs, int stepsPerEpoch) {
        Schedule then = switch (schedule) {
            case CONSTANT, PLATEAU -> Schedule.constant();
            case STEP -> Schedule.step((double) epochs / STAGES, gamma);
            case MULTISTEP ->
                Schedule.multiStep(
                        gamma,
                        milestones.stream().mapToDouble(Double::doubleValue).toArray());
            case EXPONENTIAL -> Schedule.exponential(gamma);
            case COSINE -> Schedule.cosine(epochs);
            case RESTARTS -> Schedule.cosineRestarts(cycle, growth);
            case ONECYCLE -> {
                double step = 1.0 / Math.max(1, stepsPerEpoch);
                yield new Schedule.OneCycle(epochs, 0.3, 25, 1e4, step < 0.3 * epochs ? step : 0);
            }
        };
        return (per.equals("epoch") ? then.perEpoch() : then).warmup(warmup);
    }

    /** What watches the measurements, if the schedule depends on them. */
    List<Fit.Listener> listeners(Monitor monitor) {
        if (schedule != Name.PLATEAU) return List.of();
        return List.of(new ReduceOnPlateau(monitor, gamma, patience, PLATEAU_FLOOR));
    }

    @Override
    public String toString() {
        return schedule.toString();
    }

    double warmup() {
        return warmup;
    }

    void log(Map<String, Object> line) {
        line.put("schedule", schedule.toString());
        line.put("warmup", warmup);
    }
}
