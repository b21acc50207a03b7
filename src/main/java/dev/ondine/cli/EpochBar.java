package dev.ondine.cli;

import java.io.PrintWriter;
import java.nio.charset.Charset;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarConsumer;
import me.tongfei.progressbar.ProgressState;

/** The progress bar of one epoch, in the last line of a terminal; it disappears when it is closed. */
final class EpochBar implements AutoCloseable {
    private static final int UPDATE_MILLIS = 100;
    private static final int LONGEST_BAR = 30;
    private static final int SHORTEST_BAR = 8;

    /** What the numbers behind the bar are; made by the training thread, shown by the bar's. */
    private record Figures(double loss, double accuracy, double imagesPerSecond, double secondsLeft) {}

    private final String name;
    private final char full;
    private final char empty;
    private final ProgressBar bar;
    private volatile Figures figures;

    EpochBar(PrintWriter out, int epoch, int epochs, int steps) {
        name = "epoch " + epoch + "/" + epochs;
        boolean blocks = Charset.forName(System.getProperty("stdout.encoding", "US-ASCII"))
                .newEncoder()
                .canEncode('█');
        full = blocks ? '█' : '#';
        empty = blocks ? '░' : '-';
        bar = new ProgressBarBuilder()
                .setInitialMax(steps)
                .setUpdateIntervalMillis(UPDATE_MILLIS)
                .clearDisplayOnFinish()
                .setRenderer(this::render)
                .setConsumer(new LastLine(out))
                .build();
    }

    void show(int step, double loss, double accuracy, double imagesPerSecond, double secondsLeft) {
        figures = new Figures(loss, accuracy, imagesPerSecond, secondsLeft);
        bar.stepTo(step);
    }

    private String render(ProgressState state, int width) {
        return render(state.getCurrent(), state.getMax(), figures, width);
    }

    /** {@code epoch 1/3 ███░░░  50 %  loss 0.3121  acc 90.12 %  0:12 left  4,213 images/s}, as far as there is room. */
    private String render(long step, long steps, Figures now, int width) {
        String percent = Text.right(Long.toString(100 * step / Math.max(1, steps)), 4) + " %";
        StringBuilder behind = new StringBuilder(percent);
        if (now != null) {
            String[] parts = {
                "  loss " + Text.fixed(now.loss, 4),
                Double.isNaN(now.accuracy) ? "" : "  acc " + Text.percent(now.accuracy),
                step < steps ? "  " + Text.duration(now.secondsLeft) + " left" : "  testing",
                "  " + Text.grouped(Math.round(now.imagesPerSecond)) + " images/s",
            };
            for (String part : parts) {
                if (name.length() + 1 + SHORTEST_BAR + behind.length() + part.length() > width) break;
                behind.append(part);
            }
        }
        int length = Math.clamp(width - name.length() - 1 - behind.length(), 0, LONGEST_BAR);
        int done = (int) (length * step / Math.max(1, steps));
        return name + " " + String.valueOf(full).repeat(done)
                + String.valueOf(empty).repeat(length - done) + behind;
    }

    @Override
    public void close() {
        bar.close();
    }

    /**
     * Overwrites the terminal's last line. The library's own consumers will not do: asking for the terminal's width they take
     * SIGINT away from Java.
     */
    private static final class LastLine implements ProgressBarConsumer {
        private final PrintWriter out;
        /** Asked for once an epoch; the last column stays free, lest the terminal begin another line. */
        private final int width = Posix.terminalWidth() - 1;

        LastLine(PrintWriter out) {
            this.out = out;
        }

        @Override
        public int getMaxRenderedLength() {
            return width;
        }

        @Override
        public void accept(String text) {
            out.print("\r" + Text.left(text, width));
            out.flush();
        }

        @Override
        public void clear() {
            out.print("\r" + " ".repeat(width) + "\r");
            out.flush();
        }

        @Override
        public void close() {
            // The line belongs to whoever prints next.
        }
    }
}
