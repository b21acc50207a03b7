package dev.ondine.cli;

import dev.ondine.backend.PlanOptions;
import dev.ondine.inspect.BatchNormInspector;
import dev.ondine.inspect.BatchNormLayer;
import dev.ondine.io.EventFile;
import dev.ondine.io.Histogram;
import dev.ondine.io.JsonLines;
import dev.ondine.train.Fit;
import dev.ondine.train.FitProgress;
import dev.ondine.train.Trainer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Keeps what becomes of the batch normalizations of a run: after each epoch, quantiles of γ, β and the running statistics of each layer in
 * {@code layers.jsonl}; and everything that the log has, with histograms of the same, as an event file for TensorBoard.
 */
final class LayerLog implements Fit.Listener {
    static final String FILE = "layers.jsonl";

    /** How the names of event files begin. */
    static final String EVENTS = "events.out.tfevents.";

    /** How they end: there may be others of TensorBoard's. */
    static final String OURS = ".ondine";

    /** Of which quantiles are kept. */
    static final double[] SHARES = {0, 0.05, 0.25, 0.5, 0.75, 0.95, 1};

    private final Path folder;
    private JsonLines lines;
    private EventFile events;
    private FitProgress progress;
    private BatchNormInspector inspector;

    LayerLog(Path folder) {
        this.folder = folder;
    }

    @Override
    public void start(FitProgress progress) {
        this.progress = progress;
        Trainer trainer = progress.trainer();
        this.inspector =
                new BatchNormInspector(trainer.model(), trainer.backend(), PlanOptions.threads(trainer.threads()));
    }

    @Override
    public void epoch(Fit.EpochResult result) {
        try {
            // Not before there is something to write: a run that fails at once leaves no empty files.
            if (events == null) {
                lines = JsonLines.open(folder.resolve(FILE));
                long millis = System.currentTimeMillis();
                events = EventFile.create(folder.resolve(EVENTS + millis + OURS), millis / 1e3);
            }
            double now = System.currentTimeMillis() / 1e3;
            long step = progress.totalSteps();
            scalars(result, now, step);
            for (BatchNormLayer layer : inspector.inspect().layers()) layer(result.epoch(), layer, now, step);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void scalars(Fit.EpochResult result, double now, long step) throws IOException {
        scalar("loss/train", result.trainLoss(), now, step);
        scalar("accuracy/train", result.trainAccuracy(), now, step);
        if (result.test() != null) {
            scalar("loss/test", result.test().loss(), now, step);
            scalar("accuracy/test", result.test().accuracy(), now, step);
        }
        if (progress.averaged() != null) {
            scalar("loss/averaged_test", progress.averaged().loss(), now, step);
            scalar("accuracy/averaged_test", progress.averaged().accuracy(), now, step);
        }
        scalar("learning_rate", result.learningRate(), now, step);
        scalar("images_per_second", result.imagesPerSecond(), now, step);
        scalar("epoch", result.epoch(), now, step);
    }

    private void scalar(String tag, double value, double now, long step) throws IOException {
        if (!Double.isNaN(value)) events.scalar(tag, now, step, value);
    }

    private void layer(int epoch, BatchNormLayer layer, double now, long step) throws IOException {
        Map<String, float[]> tensors = new LinkedHashMap<>();
        tensors.put("gamma", layer.gamma());
        tensors.put("beta", layer.beta());
        tensors.put("running_mean", layer.runningMean());
        tensors.put("running_var", layer.runningVariance());
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("epoch", epoch);
        line.put("layer", layer.path());
        for (Map.Entry<String, float[]> tensor : tensors.entrySet()) {
            if (tensor.getValue().length == 0) continue;
            Histogram histogram = Histogram.of(tensor.getValue());
            double[] quantiles = new double[SHARES.length];
            for (int i = 0; i < SHARES.length; i++) quantiles[i] = histogram.quantile(SHARES[i]);
            line.put(tensor.getKey(), quantiles);
            events.histogram(
                    (layer.path().isEmpty() ? "model" : layer.path()) + "/" + tensor.getKey(), now, step, histogram);
        }
        lines.append(line);
    }

    @Override
    public void end(Fit.End end) {
        try {
            if (lines != null) lines.close();
            if (events != null) events.close();
        } catch (IOException e) {
            if (end.failure() == null) throw new UncheckedIOException(e);
            end.failure().addSuppressed(e);
        }
    }
}
