package dev.ondine.train;

import java.util.Map;

/**
 * Lowers the learning rate when the measurements after the epochs do not get better: PyTorch's {@code ReduceLROnPlateau} with its relative
 * threshold. A {@link Schedule} goes on beside it.
 */
public final class ReduceOnPlateau implements Fit.Listener {
    /** A gain of less than this share is none. */
    private static final double THRESHOLD = 1e-4;

    private final Monitor monitor;
    private final double factor;
    private final int patience;
    private final double floor;
    private Trainer trainer;
    private double best;
    private int bad;
    private double scale = 1;

    /**
     * @param factor what the rate is multiplied with, between 0 and 1
     * @param patience how many epochs in a row may bring no gain before that, at least 0
     * @param floor the least share of the rate that is left
     */
    public ReduceOnPlateau(Monitor monitor, double factor, int patience, double floor) {
        if (!(factor > 0 && factor < 1)) {
            throw new IllegalArgumentException("the factor must lie between 0 and 1, not " + factor);
        }
        if (patience < 0) throw new IllegalArgumentException("patience must be at least 0 epochs, not " + patience);
        if (!(floor >= 0 && floor <= 1)) throw new IllegalArgumentException("floor must lie in [0, 1], not " + floor);
        this.monitor = monitor;
        this.factor = factor;
        this.patience = patience;
        this.floor = floor;
        this.best = monitor.worst();
    }

    @Override
    public void start(FitProgress progress) {
        trainer = progress.trainer();
        if (!progress.resumed()) {
            best = monitor.worst();
            bad = 0;
            scale = 1;
        }
        trainer.scaleLearningRate(scale);
    }

    @Override
    public void epoch(Fit.EpochResult result) {
        if (result.test() == null) return;
        observe(monitor.value(result.test()));
        trainer.scaleLearningRate(scale);
    }

    /** Takes a measurement; returns the factor from now on. */
    double observe(double value) {
        double worth = monitor == Monitor.ACCURACY ? best * (1 + THRESHOLD) : best * (1 - THRESHOLD);
        if (monitor.gain(value, worth) > 0) {
            best = value;
            bad = 0;
        } else {
            bad++;
        }
        if (bad > patience) {
            scale = Math.max(scale * factor, floor);
            bad = 0;
        }
        return scale;
    }

    @Override
    public Map<String, String> state() {
        return Map.of("best", Double.toString(best), "bad", Integer.toString(bad), "scale", Double.toString(scale));
    }

    @Override
    public void restore(Map<String, String> state) {
        best = Double.parseDouble(state.get("best"));
        bad = Integer.parseInt(state.get("bad"));
        scale = Double.parseDouble(state.get("scale"));
    }
}
