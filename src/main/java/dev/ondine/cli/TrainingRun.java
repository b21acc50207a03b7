package dev.ondine.cli;

import dev.ondine.train.Fit;
import dev.ondine.train.Trainer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** One training from its first step to its last: shows it, saves after every epoch, keeps the log. */
final class TrainingRun implements Fit.Listener {
    private final Command command;
    private final TrainingOptions options;
    private final Trainer trainer;
    private final RunFolder folder;
    private final ModelCard card;
    private final long start = System.nanoTime();
    private final boolean terminal = TrainingDisplay.isTerminal();
    private final TrainingDisplay display;
    private long savedSteps;

    TrainingRun(Command command, TrainingOptions options, Trainer trainer, RunFolder folder, ModelCard card) {
        this.command = command;
        this.options = options;
        this.trainer = trainer;
        this.folder = folder;
        this.card = card;
        this.display = new TrainingDisplay(command.out(), options.epochs, terminal);
    }

    /**
     * Trains to the end, or until somebody stops it. Returns the exit code.
     *
     * @param settings the log's first line
     */
    int run(Fit fit, Map<String, Object> settings) throws IOException {
        try (Interruption _ = new Interruption(() -> stop(fit))) {
            folder.log(settings);
            fit.run(options.epochs, this);
            log(fit.isStopped() ? "interrupted" : "done", null);
            String seconds = " in " + Text.fixed(seconds(), 1) + " s.";
            String steps = Text.grouped(trainer.steps());
            command.out()
                    .println(
                            fit.isStopped()
                                    ? "Stopped after step " + steps + seconds
                                    : "Done: " + steps + " steps" + seconds);
            if (savedSteps > 0) command.out().println("Checkpoint:  " + folder.model());
            command.out().println("Log:         " + folder.log());
            return fit.isStopped() ? Command.INTERRUPTED : Command.DONE;
        } catch (UncheckedIOException e) {
            failed(e.getCause());
            throw e.getCause();
        } catch (IOException | RuntimeException e) {
            failed(e);
            throw e;
        }
    }

    private void stop(Fit fit) {
        fit.stop();
        if (terminal) command.err().println(); // below ^C and the bar
        command.err().println("Stopping after this step, then saving. Ctrl-C again ends at once.");
    }

    private void failed(Exception e) {
        display.end();
        if (savedSteps > 0) {
            command.err().println("The checkpoint of step " + Text.grouped(savedSteps) + " is kept: " + folder.model());
        }
        try {
            log("failed", Failures.text(e));
        } catch (IOException suppressed) {
            e.addSuppressed(suppressed);
        }
    }

    @Override
    public void step(int epoch, int step, int steps, double loss, double accuracy, double imagesPerSecond) {
        display.step(epoch, step, steps, loss, accuracy, imagesPerSecond);
    }

    @Override
    public void epoch(Fit.EpochResult result) {
        display.end();
        // Stopped before the first step of an epoch: there is nothing new.
        if (trainer.steps() == savedSteps) return;
        display.epoch(result);
        try {
            folder.save(trainer, card.metadata(result.complete() ? result.epoch() : result.epoch() - 1));
            savedSteps = trainer.steps();
            log(result);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void log(Fit.EpochResult result) throws IOException {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", "epoch");
        line.put("epoch", result.epoch());
        line.put("complete", result.complete());
        line.put("steps", trainer.steps());
        line.put("train_loss", result.trainLoss());
        line.put("train_accuracy", result.trainAccuracy());
        line.put("test_loss", result.test() == null ? null : result.test().loss());
        line.put("test_accuracy", result.test() == null ? null : result.test().accuracy());
        line.put("lr", result.learningRate());
        line.put("seconds", result.seconds());
        line.put("images_per_s", result.imagesPerSecond());
        folder.log(line);
    }

    private void log(String how, String error) throws IOException {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", "end");
        line.put("how", how);
        if (error != null) line.put("error", error);
        line.put("steps", trainer.steps());
        line.put("seconds", seconds());
        folder.log(line);
    }

    private double seconds() {
        return (System.nanoTime() - start) * 1e-9;
    }
}
