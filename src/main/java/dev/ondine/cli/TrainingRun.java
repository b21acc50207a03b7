package dev.ondine.cli;

import dev.ondine.train.Checkpoints;
import dev.ondine.train.EarlyStopping;
import dev.ondine.train.Fit;
import dev.ondine.train.FitProgress;
import dev.ondine.train.Trainer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** One training from its first step to its last: shows it, saves after every epoch, keeps the log, says how it ended. */
final class TrainingRun implements Fit.Listener {
    private final Command command;
    private final TrainingOptions options;
    private final ScheduleOptions schedule;
    private final StoppingOptions stopping;
    private final Trainer trainer;
    private final RunFolder folder;
    private final Checkpoints checkpoints;
    private final boolean terminal = TrainingDisplay.isTerminal();
    private Checkpoints.Saved saved;
    private Fit.EpochResult last;
    private Fit.End end;
    private FitProgress progress;

    TrainingRun(
            Command command,
            TrainingOptions options,
            ScheduleOptions schedule,
            StoppingOptions stopping,
            Trainer trainer,
            RunFolder folder,
            Checkpoints checkpoints) {
        this.command = command;
        this.options = options;
        this.schedule = schedule;
        this.stopping = stopping;
        this.trainer = trainer;
        this.folder = folder;
        this.checkpoints = checkpoints;
    }

    /**
     * Trains to the end, or until somebody stops it. Returns the exit code.
     *
     * @param settings the log's first line
     */
    int run(Fit fit, Map<String, Object> settings) throws IOException {
        RunLog log = new RunLog(folder, settings);
        List<Fit.Listener> listeners = new ArrayList<>();
        listeners.add(new TrainingDisplay(command.out(), options.epochs, terminal));
        // Before the log: a folder that has one can be resumed.
        listeners.add(this);
        listeners.add(log);
        listeners.addAll(schedule.listeners(stopping.monitor()));
        listeners.add(new LayerLog(folder.path()));
        if (stopping.patience() > 0) listeners.add(new EarlyStopping(stopping.monitor(), stopping.patience(), 0));
        try (Interruption _ = new Interruption(() -> stop(fit))) {
            fit.run(options.epochs, listeners);
            if (last == null && end.outcome() != Fit.Outcome.INTERRUPTED) {
                command.out().println("Nothing to do: this run was over.");
                return Command.DONE;
            }
            String seconds = " in " + Text.fixed(log.seconds(), 1) + " s.";
            String steps = Text.grouped(trainer.steps());
            command.out()
                    .println(
                            switch (end.outcome()) {
                                case INTERRUPTED -> "Stopped after step " + steps + seconds;
                                case ENOUGH -> "Enough: " + end.reason() + "; " + steps + " steps" + seconds;
                                case DONE, FAILED -> "Done: " + steps + " steps" + seconds;
                            });
            if (saved != null) command.out().println("Checkpoint:  " + folder.model());
            if (checkpoints.best().isPresent() && (last == null || checkpoints.bestEpoch() != last.epoch())) {
                command.out()
                        .println("Best:        " + folder.best() + " (epoch " + checkpoints.bestEpoch() + ", test "
                                + stopping.monitor() + " "
                                + stopping.show(checkpoints.best().getAsDouble()) + ")");
            }
            if (progress.averaged() != null) {
                command.out()
                        .println("Averaged:    " + folder.averaged() + " (test " + stopping.monitor() + " "
                                + stopping.show(stopping.monitor().value(progress.averaged())) + ")");
            }
            command.out().println("Log:         " + folder.log());
            return end.outcome() == Fit.Outcome.INTERRUPTED ? Command.INTERRUPTED : Command.DONE;
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private void stop(Fit fit) {
        fit.stop();
        if (terminal) command.err().println(); // below ^C and the bar
        command.err().println("Stopping after this step, then saving. Ctrl-C again ends at once.");
    }

    @Override
    public void start(FitProgress progress) {
        this.progress = progress;
        try {
            if (!progress.resumed()) folder.begin();
            ConfigFile.write(folder.config(), command.spec());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (!progress.resumed()) return;
        command.field(
                "Resumed",
                "after " + Text.grouped(progress.totalSteps()) + " steps: epoch " + progress.epoch()
                        + (progress.step() == 0
                                ? " is next"
                                : ", step " + progress.step() + " of " + progress.steps()));
        progress.scheduleBefore()
                .ifPresent(before -> command.field(
                        "Schedule",
                        "from here on another than so far, as other epochs or another schedule were asked for (it was "
                                + before + ")"));
    }

    @Override
    public void epoch(Fit.EpochResult result) {
        last = result;
    }

    @Override
    public void checkpoint(Checkpoints.Saved saved) {
        this.saved = saved;
    }

    @Override
    public void end(Fit.End end) {
        this.end = end;
        if (end.failure() != null && saved != null) {
            command.err()
                    .println("The checkpoint of step " + Text.grouped(saved.steps()) + " is kept: " + folder.model());
        }
    }
}
