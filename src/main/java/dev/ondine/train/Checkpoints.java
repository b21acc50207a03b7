package dev.ondine.train;

import dev.ondine.nn.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.IntFunction;

/**
 * What a {@link Fit} saves as it goes, into one folder: {@code model.safetensors}, the newest model; {@code best.safetensors}, that of
 * the epoch that measured best; {@code optimizer.safetensors}. Each is written beside its place and moved there when it is whole.
 */
public final class Checkpoints {
    /** The newest model. */
    public static final String MODEL = "model.safetensors";

    /** The model of the best epoch. */
    public static final String BEST = "best.safetensors";

    /** Nothing is saved. */
    public static final Checkpoints NONE = new Checkpoints(null, null, _ -> Map.of());

    private static final String OPTIMIZER = "optimizer.safetensors";

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
    private double best;

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
        this.best = monitor == null ? 0 : monitor.worst();
    }

    /** The best measurement so far. */
    public OptionalDouble best() {
        return monitor == null || best == monitor.worst() ? OptionalDouble.empty() : OptionalDouble.of(best);
    }

    void epoch(Fit fit, Fit.EpochResult result, List<? extends Fit.Listener> listeners) throws IOException {
        if (folder == null) return;
        Map<String, String> text = metadata.apply(result.complete() ? result.epoch() : result.epoch() - 1);
        Model model = fit.trainer().model();
        boolean better = result.test() != null && monitor.gain(monitor.value(result.test()), best) > 0;
        if (better) {
            best = monitor.value(result.test());
            Checkpoint.save(folder.resolve(BEST), model, text);
        }
        Checkpoint.save(folder.resolve(MODEL), model, text);
        Checkpoint.saveOptimizer(folder.resolve(OPTIMIZER), fit.trainer());
        Saved saved = new Saved(folder, result.epoch(), fit.trainer().steps(), better);
        for (Fit.Listener listener : listeners) listener.checkpoint(saved);
    }
}
