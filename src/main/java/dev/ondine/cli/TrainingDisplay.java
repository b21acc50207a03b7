package dev.ondine.cli;

import dev.ondine.train.Fit;
import dev.ondine.train.FitProgress;
import java.io.Console;
import java.io.PrintWriter;
import java.util.Optional;

/** Shows how training goes: a bar for the epoch on a terminal, now and then a line elsewhere; a line for each epoch on both. */
final class TrainingDisplay implements Fit.Listener {
    /** How often there is a line during an epoch where there is no bar. */
    private static final long LINE_NANOS = 30_000_000_000L;

    /** A share of the time that is not lost in the noise. */
    private static final double WORTH_A_WORD = 0.01;

    private final PrintWriter out;
    private final int epochs;
    private final boolean bars;
    private final long start = System.nanoTime();
    private long lastLine = start;
    private double before;
    private FitProgress progress;
    private EpochBar bar;

    /** @param bars whether {@code out} ends at a terminal */
    TrainingDisplay(PrintWriter out, int epochs, boolean bars) {
        this.out = out;
        this.epochs = epochs;
        this.bars = bars;
    }

    /** Whether standard output is a terminal that understands control characters. */
    static boolean isTerminal() {
        // Java 25 gives no console where there is no terminal, other versions and settings do.
        return Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent()
                && !"dumb".equals(System.getenv("TERM"));
    }

    @Override
    public void start(FitProgress p) {
        progress = p;
        before = p.epoch() - 1 + (double) p.step() / p.steps();
    }

    @Override
    public void step(FitProgress p) {
        if (bars) {
            if (bar == null) bar = new EpochBar(out, p.epoch(), epochs, p.steps());
            double done = p.epoch() - 1 + (double) p.step() / p.steps();
            double seconds = (System.nanoTime() - start) * 1e-9;
            bar.show(
                    p.step(), p.loss(), p.accuracy(), p.imagesPerSecond(), seconds * (epochs - done) / (done - before));
        } else if (System.nanoTime() - lastLine > LINE_NANOS) {
            lastLine = System.nanoTime();
            out.println(name(p.epoch()) + "  step " + p.step() + "/" + p.steps() + "  loss " + Text.fixed(p.loss(), 4)
                    + (Double.isNaN(p.accuracy()) ? "" : "  accuracy " + Text.percent(p.accuracy())) + "  "
                    + Text.grouped(Math.round(p.imagesPerSecond()))
                    + " images/s");
        }
    }

    @Override
    public void epoch(Fit.EpochResult result) {
        end();
        lastLine = System.nanoTime();
        String test = result.test() == null
                ? "not complete, not tested"
                : "test" + figures(result.test().loss(), result.test().accuracy());
        out.println(name(result.epoch()) + "  train" + figures(result.trainLoss(), result.trainAccuracy()) + "  " + test
                + "  " + Text.grouped(Math.round(result.imagesPerSecond())) + " images/s" + waiting(result));
        if (progress.skipped() > 0) {
            out.println("  skipped " + progress.skipped() + (progress.skipped() == 1 ? " step: " : " steps, the last: ")
                    + progress.trainer().lastSkipped().orElse(""));
        }
    }

    /** What the computing threads waited for batches, where that is worth a word: more workers may help. */
    private static String waiting(Fit.EpochResult result) {
        double share = result.inputSeconds() / result.seconds();
        return share < WORTH_A_WORD ? "" : "  " + Text.percent(share) + " waiting for input";
    }

    private static String figures(double loss, double accuracy) {
        return " loss " + Text.fixed(loss, 4) + (Double.isNaN(accuracy) ? "" : " " + Text.percent(accuracy));
    }

    private String name(int epoch) {
        return "epoch "
                + Text.right(Integer.toString(epoch), Integer.toString(epochs).length()) + "/" + epochs;
    }

    @Override
    public void end(Fit.End end) {
        end();
    }

    /** Removes the bar, if there is one. */
    private void end() {
        if (bar == null) return;
        bar.close();
        bar = null;
    }
}
