package dev.ondine.train;

import java.util.Map;

/**
 * Ends training when so many epochs in a row have brought nothing better than the best before them. What counts is the measurement
 * after each epoch; an epoch without one does not count.
 */
public final class EarlyStopping implements Fit.Listener {
    private final Monitor monitor;
    private final int patience;
    private final double least;
    private Fit fit;
    private double best;
    private int waited;

    /**
     * @param patience after how many epochs without a gain training ends, at least 1
     * @param least the gain that counts, at least 0: an epoch is better if it gains more than this
     */
    public EarlyStopping(Monitor monitor, int patience, double least) {
        if (patience < 1) throw new IllegalArgumentException("patience must be at least 1 epoch, not " + patience);
        if (!(least >= 0) || Double.isInfinite(least)) {
            throw new IllegalArgumentException("the least gain must be 0 or more, not " + least);
        }
        this.monitor = monitor;
        this.patience = patience;
        this.least = least;
        this.best = monitor.worst();
    }

    @Override
    public void start(FitProgress progress) {
        fit = progress.fit();
        if (!progress.resumed()) {
            best = monitor.worst();
            waited = 0;
        }
        stopIfEnough();
    }

    @Override
    public void epoch(Fit.EpochResult result) {
        if (result.test() == null) return;
        double value = monitor.value(result.test());
        if (monitor.gain(value, best) > least) {
            best = value;
            waited = 0;
        } else {
            waited++;
            stopIfEnough();
        }
    }

    private void stopIfEnough() {
        if (waited >= patience) {
            fit.stop("no better test " + monitor + " than " + (float) best + " in " + waited
                    + (waited == 1 ? " epoch" : " epochs"));
        }
    }

    @Override
    public Map<String, String> state() {
        return Map.of("best", Double.toString(best), "waited", Integer.toString(waited));
    }

    @Override
    public void restore(Map<String, String> state) {
        best = Double.parseDouble(state.get("best"));
        waited = Integer.parseInt(state.get("waited"));
    }
}
