package dev.ondine.cli;

import dev.ondine.report.Chart;
import dev.ondine.report.Chart.Series;
import dev.ondine.report.Chart.Style;
import dev.ondine.report.Page;
import dev.ondine.train.ConfusionMatrix;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.IntStream;

/** One run, or several beside one another, as a page. */
final class RunPage {
    /** Of more classes the worst are shown. */
    private static final int MOST_CLASSES = 40;

    private static final String AVERAGED = "averaged_";
    private static final String LOSS = "test_loss";
    private static final String ACCURACY = "test_accuracy";
    private static final String AVERAGED_LOSS = AVERAGED + LOSS;
    private static final String AVERAGED_ACCURACY = AVERAGED + ACCURACY;

    private static final List<String> TENSORS = List.of("gamma", "beta", "running_mean", "running_var");

    private final List<RunHistory> runs;

    private RunPage(List<RunHistory> runs) {
        this.runs = runs;
    }

    /**
     * A run's page, complete in one file.
     *
     * @param samples what the model makes of the test part; nothing if that is not there
     * @param without why there is none of that
     */
    static String of(RunHistory run, Optional<RunSamples> samples, String without) {
        Page page = new Page(run.name());
        page.remark(summary(run));
        if (run.last().containsKey(AVERAGED_LOSS)) {
            double accuracy = run.last().getOrDefault(AVERAGED_ACCURACY, Double.NaN);
            page.remark("The averaged weights have a test loss of "
                    + show(run.last().get(AVERAGED_LOSS), false)
                    + (Double.isNaN(accuracy) ? "." : " and a test accuracy of " + show(accuracy, true) + "."));
        }
        new RunPage(List.of(run)).curves(page);
        samples.ifPresent(s -> samples(page, s));
        if (samples.isEmpty()) page.heading("Samples").remark(without);
        layers(page, run);
        page.heading("Settings").table(List.of("", ""), settings(run));
        return page.html();
    }

    /** Several runs on one page. */
    static String comparing(List<RunHistory> runs) {
        RunPage all = new RunPage(runs);
        Page page = new Page("Comparison of " + runs.size() + " runs");
        all.results(page);
        all.curves(page);
        all.differences(page);
        return page.html();
    }

    private static String summary(RunHistory run) {
        String model = run.settings().getOrDefault("model", "?");
        String data = run.settings().getOrDefault("data", "?");
        String how = run.ended().isEmpty() ? "not ended" : run.ended();
        return model + " on " + data + ", " + run.epochs().size() + " epochs, " + how;
    }

    private void curves(Page page) {
        List<Chart> charts = new ArrayList<>();
        charts.add(pair("Loss", "", "train_loss", LOSS, 1));
        if (runs.stream().anyMatch(run -> run.has(ACCURACY) || run.has("train_accuracy"))) {
            charts.add(pair("Accuracy", "%", "train_accuracy", ACCURACY, 100));
        }
        charts.add(single("Learning rate", "of the last step", "lr"));
        charts.add(single("Speed", "images/s", "images_per_s"));
        page.heading("Course").charts(charts);
    }

    private Chart pair(String title, String y, String train, String test, double factor) {
        Chart chart = Chart.of(title, "epoch", y);
        for (int i = 0; i < runs.size(); i++) {
            RunHistory run = runs.get(i);
            String prefix = runs.size() == 1 ? "" : run.name() + ": ";
            chart = chart.with(new Series(prefix + "test", i, Style.LINE, run.numbers(), run.values(test, factor)));
            chart = chart.with(new Series(
                    prefix + "training",
                    runs.size() == 1 ? 1 : i,
                    Style.DASHED,
                    run.numbers(),
                    run.values(train, factor)));
            if (run.has(AVERAGED + test)) {
                chart = chart.with(new Series(
                        prefix + "test, averaged weights",
                        runs.size() == 1 ? 2 : i,
                        runs.size() == 1 ? Style.LINE : Style.DOTTED,
                        run.numbers(),
                        run.values(AVERAGED + test, factor)));
            }
        }
        return chart;
    }

    private Chart single(String title, String y, String name) {
        Chart chart = Chart.of(title, "epoch", y);
        for (int i = 0; i < runs.size(); i++) {
            chart = chart.line(
                    runs.get(i).name(), i, runs.get(i).numbers(), runs.get(i).values(name, 1));
        }
        return chart;
    }

    private static void samples(Page page, RunSamples samples) {
        if (samples.confusion() != null) {
            ConfusionMatrix matrix = samples.confusion();
            page.heading("Classes")
                    .remark(Text.grouped(matrix.correct()) + " of " + Text.grouped(matrix.samples())
                            + " samples of the test part are read rightly: " + Text.percent(matrix.accuracy()) + ".");
            if (matrix.classes().size() <= MOST_CLASSES) {
                page.remark("Samples of a class (row) by what they were taken for (column).")
                        .matrix(matrix.classes(), matrix::count);
            }
            page.table(List.of("class", "samples", "precision", "recall", "F1"), classes(matrix));
            page.heading("Worst mistakes")
                    .remark(samples.pictures().isEmpty() ? "None." : "Those of which the model was surest.")
                    .pictures(samples.pictures());
        } else {
            page.heading("Reconstructions")
                    .remark("Input on the left, what the model gives back on the right; the root of the mean squared"
                            + " error over the pixels, white being 1.")
                    .pictures(samples.pictures())
                    .heading("Worst reconstructions")
                    .pictures(samples.worst());
        }
    }

    private static List<List<String>> classes(ConfusionMatrix matrix) {
        return IntStream.range(0, matrix.classes().size())
                .boxed()
                .sorted(
                        matrix.classes().size() <= MOST_CLASSES
                                ? Comparator.naturalOrder()
                                : Comparator.comparingDouble(matrix::f1))
                .limit(MOST_CLASSES)
                .map(c -> List.of(
                        matrix.classes().get(c),
                        Text.grouped(matrix.samples(c)),
                        Text.percent(matrix.precision(c)),
                        Text.percent(matrix.recall(c)),
                        Text.percent(matrix.f1(c))))
                .toList();
    }

    private static void layers(Page page, RunHistory run) {
        if (run.layers().isEmpty()) return;
        page.heading("Batch normalizations")
                .remark("After each epoch, over the channels of a layer: the median, the middle half, and the range"
                        + " from 5 to 95 % of γ, β and the running statistics.");
        run.layers().forEach((path, tensors) -> {
            List<Chart> charts = new ArrayList<>();
            for (String tensor : TENSORS) {
                if (tensors.containsKey(tensor)) charts.add(fan(symbol(tensor), tensors.get(tensor)));
            }
            page.subheading(path.isEmpty() ? "the model" : "Layer " + path).smallCharts(charts);
        });
    }

    private static String symbol(String tensor) {
        return switch (tensor) {
            case "gamma" -> "γ";
            case "beta" -> "β";
            case "running_mean" -> "running mean";
            default -> "running variance";
        };
    }

    private static Chart fan(String title, SequencedMap<Integer, double[]> byEpoch) {
        double[] epochs =
                byEpoch.keySet().stream().mapToDouble(Integer::doubleValue).toArray();
        Chart chart = Chart.of(title, "", "");
        Style[] styles = {Style.DOTTED, Style.BAND, Style.DOTTED, Style.BAND};
        int[] quantiles = {1, 5, 2, 4};
        String[] names = {"5 %", "95 %", "25 %", "75 %"};
        for (int i = 0; i < quantiles.length; i++) {
            chart = chart.with(new Series(names[i], 0, styles[i], epochs, column(byEpoch, quantiles[i])));
        }
        return chart.line("50 %", 0, epochs, column(byEpoch, 3));
    }

    private static double[] column(SequencedMap<Integer, double[]> byEpoch, int quantile) {
        return byEpoch.values().stream()
                .mapToDouble(q -> quantile < q.length ? q[quantile] : Double.NaN)
                .toArray();
    }

    private static List<List<String>> settings(RunHistory run) {
        return run.settings().entrySet().stream()
                .filter(e -> !e.getKey().equals("event"))
                .map(e -> List.of(e.getKey(), e.getValue()))
                .toList();
    }

    private void results(Page page) {
        List<List<String>> rows = new ArrayList<>();
        for (RunHistory run : runs) {
            double[] loss = run.values(LOSS, 1);
            double[] accuracy = run.values(ACCURACY, 1);
            double[] speed = run.values("images_per_s", 1);
            rows.add(List.of(
                    run.name(),
                    summary(run),
                    last(loss, false),
                    best(loss, false),
                    last(accuracy, true),
                    best(accuracy, true),
                    speed.length == 0 ? "" : Text.grouped(Math.round(speed[speed.length - 1]))));
        }
        page.heading("Results")
                .table(List.of("run", "", "test loss", "least", "test accuracy", "best", "images/s"), rows);
    }

    private static String last(double[] values, boolean share) {
        return values.length == 0 ? "" : show(values[values.length - 1], share);
    }

    private static String best(double[] values, boolean highest) {
        double best = Double.NaN;
        for (double v : values) {
            if (Double.isNaN(best) || (highest ? v > best : v < best)) best = v;
        }
        return show(best, highest);
    }

    private static String show(double value, boolean share) {
        if (Double.isNaN(value)) return "";
        return share ? Text.percent(value) : Text.fixed(value, 4);
    }

    /** The settings in which the runs are not alike. */
    private void differences(Page page) {
        Set<String> names = new LinkedHashSet<>();
        for (RunHistory run : runs) names.addAll(run.settings().keySet());
        names.removeAll(Set.of("event", "time"));
        List<List<String>> rows = new ArrayList<>();
        for (String name : names) {
            List<String> values = runs.stream()
                    .map(run -> run.settings().getOrDefault(name, "-"))
                    .toList();
            if (values.stream().distinct().count() < 2) continue;
            List<String> row = new ArrayList<>(List.of(name));
            row.addAll(values);
            rows.add(row);
        }
        List<String> heads = new ArrayList<>(List.of("setting"));
        for (RunHistory run : runs) heads.add(run.name());
        page.heading("Where the settings differ");
        if (rows.isEmpty()) page.remark("Nowhere.");
        else page.table(heads, rows);
    }
}
