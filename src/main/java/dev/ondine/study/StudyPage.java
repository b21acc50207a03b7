package dev.ondine.study;

import dev.ondine.report.Chart;
import dev.ondine.report.Chart.Series;
import dev.ondine.report.Chart.Style;
import dev.ondine.report.Page;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The study as a page: what was seen, the curves, the numbers. */
public final class StudyPage {
    private static final int WITH = 0;
    private static final int WITHOUT = 1;
    private static final String SAMPLES = "training samples seen";

    private final StudyResult result;

    private StudyPage(StudyResult result) {
        this.result = result;
    }

    /**
     * The page, complete in one file.
     *
     * @param machine on what and how it was computed, in one line
     */
    public static String of(StudyResult result, String machine) {
        return new StudyPage(result).page(machine);
    }

    /** What was seen, in one paragraph. */
    public static String findings(StudyResult result) {
        return new StudyFindings(result).paragraph();
    }

    private String page(String machine) {
        Page page = new Page("What batch normalization does: " + result.data());
        page.remark(machine)
                .heading("What was seen")
                .paragraph(new StudyFindings(result).paragraph())
                .heading("How it was measured")
                .paragraph("One network: six 3x3 convolutions of 16, 16, 32, 32, 64 and 64 channels with ReLU, the mean"
                        + " over space, a linear layer. With batch normalization before each ReLU, or without, the"
                        + " convolutions then having a bias. SGD with momentum 0.9, no weight decay, the learning rate"
                        + " constant; the base rate is " + StudyFindings.number(BatchNormStudy.BASE_RATE)
                        + " at batches of " + BatchNormStudy.BATCH
                        + ". All runs start from the same weights and see the"
                        + " same " + result.train() + " samples in the same order, " + result.epochs()
                        + " times (seed " + result.seed() + "); " + result.test()
                        + " others test, with the running statistics.")
                .heading("Learning rates")
                .remark("After Ioffe and Szegedy, Batch Normalization, 2015, section 4.2. A curve that ends early"
                        + " diverged: its loss or gradients were not finite any more.")
                .charts(rates())
                .heading("Dropout")
                .charts(dropout())
                .heading("Batch sizes")
                .remark("The learning rate in proportion to the batch; all runs see equally many samples.")
                .charts(batchCharts())
                .heading("What reaches the last ReLU")
                .remark("The 15th, 50th and 85th percentile of a typical channel, on the same 128 test samples (with"
                        + " the statistics of these), while the network is trained at the base rate: the drift of which"
                        + " figure 1 of the paper tells.")
                .charts(List.of(drift(true), drift(false)))
                .heading("All runs")
                .table(
                        List.of(
                                "network",
                                "learning rate",
                                "batch",
                                "dropout",
                                "test accuracy",
                                "best",
                                "training accuracy",
                                "training loss",
                                "diverged at step",
                                "seconds"),
                        result.runs().stream().map(StudyPage::row).toList());
        return page.html();
    }

    static List<Integer> batches() {
        return Stream.concat(Stream.of(BatchNormStudy.BATCH), BatchNormStudy.OTHER_BATCHES.stream())
                .sorted()
                .toList();
    }

    private List<Chart> rates() {
        List<Chart> charts = new ArrayList<>();
        for (double x : new double[] {1, 5, 30}) {
            Chart chart = Chart.of(
                    StudyFindings.number(x) + " × base rate = " + StudyFindings.number(x * BatchNormStudy.BASE_RATE),
                    SAMPLES,
                    "test accuracy, %");
            charts.add(both(chart, result.atRate(true, x), result.atRate(false, x)));
        }
        Chart losses =
                Chart.of("Training loss", SAMPLES, "mean since the last point").logarithmicY();
        for (double x : new double[] {1, 5, 30}) {
            Style style = x == 1 ? Style.LINE : x == 5 ? Style.DASHED : Style.DOTTED;
            StudyRun with = result.atRate(true, x);
            StudyRun without = result.atRate(false, x);
            String times = StudyFindings.number(x) + " ×";
            losses = losses.with(new Series("with, " + times, WITH, style, with.samples(), with.loss()))
                    .with(new Series("without, " + times, WITHOUT, style, without.samples(), without.loss()));
        }
        charts.add(losses);
        return charts;
    }

    private List<Chart> dropout() {
        Chart test = Chart.of("Test accuracy", SAMPLES, "%");
        Chart train = Chart.of("Accuracy on the training batches", SAMPLES, "%");
        for (boolean dropped : new boolean[] {false, true}) {
            for (boolean normalized : new boolean[] {true, false}) {
                StudyRun run = dropped ? result.withDropout(normalized) : result.atRate(normalized, 1);
                String name = run.setting().network() + (dropped ? ", dropout" : "");
                Style style = dropped ? Style.DASHED : Style.LINE;
                int color = normalized ? WITH : WITHOUT;
                test = test.with(new Series(name, color, style, run.samples(), percents(run.test())));
                train = train.with(new Series(name, color, style, run.samples(), percents(run.train())));
            }
        }
        return List.of(test, train);
    }

    private List<Chart> batchCharts() {
        List<Integer> batches = batches();
        double[] sizes = batches.stream().mapToDouble(Integer::doubleValue).toArray();
        Chart last =
                Chart.of("At the end", "samples a step", "test accuracy, %").logarithmicX();
        for (boolean normalized : new boolean[] {true, false}) {
            double[] accuracy = batches.stream()
                    .map(batch -> result.atBatch(normalized, batch))
                    .mapToDouble(run -> run.diverged() ? Double.NaN : 100 * run.accuracy())
                    .toArray();
            last = last.line(normalized ? "with batch norm" : "without", normalized ? WITH : WITHOUT, sizes, accuracy);
        }
        List<Chart> charts = new ArrayList<>(List.of(last));
        for (int batch : batches) {
            if (batch == BatchNormStudy.BATCH) continue;
            Chart chart = Chart.of("Batches of " + batch, SAMPLES, "test accuracy, %");
            charts.add(both(chart, result.atBatch(true, batch), result.atBatch(false, batch)));
        }
        return charts;
    }

    private static Chart both(Chart chart, StudyRun with, StudyRun without) {
        return chart.line("with batch norm", WITH, with.samples(), percents(with.test()))
                .line(
                        without.diverged() ? "without: diverged at step " + without.divergedAt() : "without",
                        WITHOUT,
                        without.samples(),
                        percents(without.test()));
    }

    private Chart drift(boolean normalized) {
        StudyRun run = result.atRate(normalized, 1);
        int channel = Drift.of(run).channel();
        double[] samples =
                run.drift().stream().mapToDouble(StudyRun.Spread::samples).toArray();
        int color = normalized ? WITH : WITHOUT;
        return Chart.of(
                        (normalized ? "With batch norm" : "Without") + ": channel " + channel,
                        SAMPLES,
                        "input of the last ReLU")
                .with(new Series("15 %", color, Style.DASHED, samples, column(run, s -> s.p15()[channel])))
                .with(new Series("85 %", color, Style.BAND, samples, column(run, s -> s.p85()[channel])))
                .line("50 %", color, samples, column(run, s -> s.p50()[channel]));
    }

    private static double[] column(StudyRun run, java.util.function.ToDoubleFunction<StudyRun.Spread> of) {
        return run.drift().stream().mapToDouble(of).toArray();
    }

    private static double[] percents(double[] shares) {
        double[] percents = shares.clone();
        for (int i = 0; i < percents.length; i++) percents[i] *= 100;
        return percents;
    }

    private static List<String> row(StudyRun run) {
        StudyRun.Setting s = run.setting();
        boolean any = run.test().length > 0;
        return List.of(
                s.network(),
                StudyFindings.number(s.times() * BatchNormStudy.BASE_RATE),
                Integer.toString(s.batch()),
                s.dropout() > 0 ? StudyFindings.number(s.dropout()) : "",
                any ? StudyFindings.percent(run.accuracy()) : "",
                any ? StudyFindings.percent(run.best()) : "",
                any ? StudyFindings.percent(run.train()[run.train().length - 1]) : "",
                any ? StudyFindings.number(run.loss()[run.loss().length - 1]) : "",
                run.diverged() ? Long.toString(run.divergedAt()) : "",
                Long.toString(Math.round(run.seconds())));
    }
}
