package dev.ondine.inspect;

import dev.ondine.report.Chart;
import dev.ondine.report.Chart.Series;
import dev.ondine.report.Chart.Style;
import dev.ondine.report.Page;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** An inspection as a page: what was found, over the depth of the network, and layer by layer. */
public final class DoctorPage {
    private final BatchNormInspection inspection;

    private DoctorPage(BatchNormInspection inspection) {
        this.inspection = inspection;
    }

    /**
     * The page, complete in one file.
     *
     * @param title what was examined
     * @param remarks on what it was examined, a line each
     */
    public static String of(BatchNormInspection inspection, String title, List<String> remarks) {
        Page page = new Page(title);
        remarks.forEach(page::remark);
        page.heading("What was found");
        inspection.advice().forEach(page::paragraph);
        if (!inspection.layers().isEmpty()) new DoctorPage(inspection).charts(page);
        return page.html();
    }

    private void charts(Page page) {
        boolean data = inspection.layers().stream().anyMatch(l -> l.mean().length > 0);
        List<Chart> depth = new ArrayList<>();
        Chart found = Chart.of("Channels with something the matter", "batch norm, by depth", "% of the layer");
        found = share(found, "γ near zero", 0, l -> l.dead().length);
        found = share(found, "variance near ε", 1, l -> l.constant().length);
        if (data) {
            found = share(found, "running statistics far off", 3, l -> l.far().length);
            found = share(found, "never fire", 4, l -> l.silent().length);
        }
        depth.add(found);
        if (data) {
            Chart off = Chart.of("Running statistics against the data, medians", "batch norm, by depth", "");
            off = depth(off, "mean off by (standard deviations)", 0, BatchNormLayer::medianShift);
            depth.add(depth(off, "variance off by a factor of", 1, BatchNormLayer::medianRatio));
        }
        page.heading("Over the depth of the network").charts(depth);
        page.heading("Layer by layer").remark("A point a channel, in the order of the channels.");
        for (BatchNormLayer layer : inspection.layers()) {
            page.subheading(layer.path() + ": " + layer.channels() + " channels")
                    .smallCharts(charts(layer));
        }
    }

    private Chart share(Chart chart, String name, int color, ToDoubleFunction<BatchNormLayer> channels) {
        return depth(chart, name, color, l -> 100 * channels.applyAsDouble(l) / l.channels());
    }

    private Chart depth(Chart chart, String name, int color, ToDoubleFunction<BatchNormLayer> of) {
        List<BatchNormLayer> layers = inspection.layers();
        double[] places =
                IntStream.rangeClosed(1, layers.size()).asDoubleStream().toArray();
        return chart.line(name, color, places, layers.stream().mapToDouble(of).toArray());
    }

    private static List<Chart> charts(BatchNormLayer l) {
        List<Chart> charts = new ArrayList<>();
        if (l.gamma().length > 0) charts.add(points("γ", l.gamma().length, c -> l.gamma()[c], 0));
        if (l.beta().length > 0) charts.add(points("β", l.beta().length, c -> l.beta()[c], 2));
        Chart mean = points("mean", l.channels(), c -> l.runningMean()[c], 1);
        Chart variance =
                points("variance", l.channels(), c -> l.runningVariance()[c], 1).logarithmicY();
        if (l.mean().length > 0) {
            mean = beside(mean, l.mean());
            variance = beside(variance, l.variance());
        }
        charts.add(mean);
        charts.add(variance);
        if (l.activity().length > 0) {
            charts.add(points("mean behind the ReLU", l.activity().length, c -> l.activity()[c], 4));
        }
        return charts;
    }

    private static Chart points(String title, int channels, IntToDoubleFunction value, int color) {
        double[] places = IntStream.range(0, channels).asDoubleStream().toArray();
        double[] values =
                Arrays.stream(places).map(c -> value.applyAsDouble((int) c)).toArray();
        String name = title.equals("mean") || title.equals("variance") ? "running" : title;
        return Chart.of(title, "", "").with(new Series(name, color, Style.POINTS, places, values));
    }

    private static Chart beside(Chart chart, float[] data) {
        double[] places = chart.series().getFirst().xs();
        double[] values = new double[data.length];
        for (int c = 0; c < values.length; c++) values[c] = data[c];
        return chart.with(new Series("of the data", 0, Style.RINGS, places, values));
    }
}
