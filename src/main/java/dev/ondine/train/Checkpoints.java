package dev.ondine.train;

import dev.ondine.nn.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.IntFunction;

/**
 * What a {@link Fit} saves as it goes, into one folder: {@code model.safetensors}, the newest model; {@code best.safetensors}, that of
 * the epoch that measured best; {@code state.safetensors}, all that {@link Fit#resume} needs.
 *
 * <p>Each file is written beside its place, forced to disk, and moved there when it is whole. The state is one file, so that parameters,
 * optimizer and position in it are always of the same step, and it is written last: whatever moment a process is killed at, the run
 * that goes on from the state writes the others again as they should be.
 */
public final class Checkpoints {
    /** The newest model. */
    public static final String MODEL = "model.safetensors";

    /** The model of the best epoch. */
    public static final String BEST = "best.safetensors";

    /** The model with the averaged weights, if an average is kept. */
    public static final String AVERAGED = "averaged.safetensors";

    /** What a run goes on from. */
    public static final String STATE = "state.safetensors";

    /** Nothing is saved. */
    public static final Checkpoints NONE = new Checkpoints(null, Monitor.ACCURACY, _ -> Map.of());

    /**
     * A checkpoint that was written.
     *
     * @param folder that holds it
     * @param epoch the one under way, or that was completed, from 1
     * @param steps that were done in all
     * @param best whether this is the best epoch so far, so that {@link #BEST} was written, too
     */
    public record Saved(Path folder, int epoch, long steps, boolean best) {}

    private final Path folder;
    private final Monitor monitor;
    private final IntFunction<Map<String, String>> metadata;
    private long everySteps = Long.MAX_VALUE;
    private double everySeconds = Double.POSITIVE_INFINITY;
    private double best;
    private int bestEpoch;
    private long lastStep;
    private long lastNanos;

    /**
     * After every epoch.
     *
     * @param folder there already
     * @param monitor what is best
     * @param metadata what else to keep with a model of so many complete epochs, as text
     */
    public Checkpoints(Path folder, Monitor monitor, IntFunction<Map<String, String>> metadata) {
        this.folder = folder;
        this.monitor = monitor;
        this.metadata = metadata;
        this.best = monitor.worst();
    }

    /** Also within an epoch, whenever so many steps were done since the last time. */
    public Checkpoints everySteps(long steps) {
        if (steps < 1) throw new IllegalArgumentException("checkpoints are at least 1 step apart, not " + steps);
        everySteps = steps;
        return this;
    }

    /** Also within an epoch, whenever so many seconds have passed since the last time; looked at after each step. */
    public Checkpoints everySeconds(double seconds) {
        if (!(seconds > 0)) throw new IllegalArgumentException("checkpoints are some seconds apart, not " + seconds);
        everySeconds = seconds;
        return this;
    }

    /** The best measurement so far. */
    public OptionalDouble best() {
        return best == monitor.worst() ? OptionalDouble.empty() : OptionalDouble.of(best);
    }

    /** The epoch that {@link #best} was measured after, from 1, before a resumption perhaps; 0 if nothing was. */
    public int bestEpoch() {
        return bestEpoch;
    }

    /** What {@link #best} is from now on, as text, and of which epoch. */
    void restore(String best, int epoch) {
        if (folder == null) return; // NONE is everybody's
        this.best = Double.parseDouble(best);
        this.bestEpoch = epoch;
    }

    String bestAsText() {
        return Double.toString(best);
    }

    void start(Fit fit) {
        if (folder == null) return;
        lastStep = fit.trainer().steps();
        lastNanos = System.nanoTime();
    }

    void epoch(FitProgress progress, Fit.EpochResult result, List<? extends Fit.Listener> listeners)
            throws IOException {
        if (folder == null) return;
        int complete = result.complete() ? result.epoch() : result.epoch() - 1;
        boolean better = result.test() != null && monitor.gain(monitor.value(result.test()), best) > 0;
        if (better) {
            best = monitor.value(result.test());
            bestEpoch = result.epoch();
            Checkpoint.save(folder.resolve(BEST), progress.trainer().model(), metadata.apply(complete));
        }
        if (progress.trainer().averaging() instanceof Averaging.Ema) averaged(progress, complete);
        save(progress, result.epoch(), complete, better, listeners);
    }

    /** Saves the averaged model, if there is one. */
    void averaged(FitProgress progress, int complete) throws IOException {
        Optional<Model> model = progress.trainer().averaged();
        if (folder == null || model.isEmpty()) return;
        Checkpoint.save(folder.resolve(AVERAGED), model.get(), metadata.apply(complete));
    }

    void step(FitProgress progress, List<? extends Fit.Listener> listeners) throws IOException {
        if (folder == null) return;
        if (progress.totalSteps() - lastStep < everySteps && (System.nanoTime() - lastNanos) * 1e-9 < everySeconds) {
            return;
        }
        save(progress, progress.epoch(), progress.epoch() - 1, false, listeners);
    }

    private void save(
            FitProgress progress, int epoch, int complete, boolean better, List<? extends Fit.Listener> listeners)
            throws IOException {
        Model model = progress.trainer().model();
        Checkpoint.save(folder.resolve(MODEL), model, metadata.apply(complete));
        FitState.save(folder.resolve(STATE), progress, this, listeners);
        start(progress.fit());
        Saved saved = new Saved(folder, epoch, progress.totalSteps(), better);
        for (Fit.Listener listener : listeners) listener.checkpoint(saved);
    }
}
