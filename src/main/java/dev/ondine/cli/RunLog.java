package dev.ondine.cli;

import dev.ondine.train.Fit;
import dev.ondine.train.FitProgress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** Keeps a run's log: a line of JSON for the settings, each epoch and the end. */
final class RunLog implements Fit.Listener {
    private static final String LENGTH = "length";

    private final RunFolder folder;
    private final Map<String, Object> settings;
    private final long start = System.nanoTime();
    private FitProgress progress;

    /** @param settings the first line */
    RunLog(RunFolder folder, Map<String, Object> settings) {
        this.folder = folder;
        this.settings = settings;
    }

    @Override
    public void start(FitProgress progress) {
        this.progress = progress;
        Map<String, Object> line = new LinkedHashMap<>(settings);
        if (progress.resumed()) {
            line.put("event", "resume");
            line.put("steps", progress.totalSteps());
        }
        write(line);
    }

    /** How long the log is. What a killed run added after it last saved happens again, and is written again. */
    @Override
    public Map<String, String> state() {
        try {
            return Map.of(LENGTH, Long.toString(folder.logLength()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void restore(Map<String, String> state) {
        try {
            folder.cutLog(Long.parseLong(state.get(LENGTH)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void epoch(Fit.EpochResult result) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", "epoch");
        line.put("epoch", result.epoch());
        line.put("complete", result.complete());
        line.put("steps", progress.totalSteps());
        line.put("train_loss", result.trainLoss());
        line.put("train_accuracy", result.trainAccuracy());
        line.put("test_loss", result.test() == null ? null : result.test().loss());
        line.put("test_accuracy", result.test() == null ? null : result.test().accuracy());
        line.put("skipped", progress.skipped());
        average(line);
        line.put("lr", result.learningRate());
        line.put("seconds", result.seconds());
        line.put("images_per_s", result.imagesPerSecond());
        line.put("input_wait_seconds", result.inputSeconds());
        write(line);
    }

    /** What the averaged weights measured last. */
    private void average(Map<String, Object> line) {
        if (progress.averaged() == null) return;
        line.put("averaged_test_loss", progress.averaged().loss());
        line.put("averaged_test_accuracy", progress.averaged().accuracy());
    }

    @Override
    public void end(Fit.End end) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("event", "end");
        line.put(
                "how",
                switch (end.outcome()) {
                    case DONE -> "done";
                    case ENOUGH -> "stopped early";
                    case INTERRUPTED -> "interrupted";
                    case FAILED -> "failed";
                });
        if (end.outcome() == Fit.Outcome.ENOUGH) line.put("reason", end.reason());
        if (end.failure() != null) line.put("error", Failures.text(end.failure()));
        average(line);
        line.put("steps", progress.totalSteps());
        line.put("seconds", seconds());
        try {
            write(line);
        } catch (UncheckedIOException e) {
            // What made the run fail is what is told, not that the disk is full now.
            if (end.failure() == null) throw e;
            end.failure().addSuppressed(e);
        }
    }

    double seconds() {
        return (System.nanoTime() - start) * 1e-9;
    }

    private void write(Map<String, Object> line) {
        try {
            folder.log(line);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
